import {
  type Expr,
  type Func,
  type FunctionBuilder,
  i32,
  integers,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'
import { Lanes } from './lanes.ts'
import { type GemmOptions, multiplyAdd, reals, type Target, tileRows } from './real.ts'

/** Where a tile's sums go: `c = activation(add·c + sums + bias)`; no bias is address 0, the activation is for `last` alone. */
export const destination = integers('c', 'cRow', 'rows', 'add', 'last', 'bias')
const columns = { ...integers('b', 'bRow', 'depth'), ...destination }
const packed = { ...integers('a'), ...columns }
const direct = { ...integers('a', 'aRow', 'aColumn'), ...columns }

type Locals<P> = { readonly [N in keyof P]: Local<'i32'> }

/**
 * A tile of 4 rows × 2 vectors of C, `Σ_k a_k · b_k`, A from a panel that `writePack` has packed.
 *
 * The sum runs over k in order, from zero, so the bits do not depend on where the tile lies. Of the 4 rows the first
 * `rows` exist.
 */
export function writePackedTile(module: ModuleBuilder, options: GemmOptions): Func<typeof packed, 'none'> {
  const { bytes, splat } = reals[options.type]
  return module.func('packedTile', { params: packed }, (f, p) => {
    const element = (row: number): Expr<'v128'> => splat(p.a, row * bytes)
    const sums = multiply(f, options, p, tileRows, 2, element, () => f.set(p.a, i32.add(p.a, tileRows * bytes)))
    finish({ f, module }, options, p, sums)
  })
}

/** The same tile with A read where it lies. */
export function writeDirectTile(module: ModuleBuilder, options: GemmOptions): Func<typeof direct, 'none'> {
  const { splat } = reals[options.type]
  return module.func('directTile', { params: direct }, (f, p) => {
    const a = new Lanes(f, options.type, tileRows, p.aRow, p.rows).addresses(p.a)
    const advance = (): void => a.forEach((address) => f.set(address, i32.add(address, p.aColumn)))
    const sums = multiply(f, options, p, tileRows, 2, (row) => splat(a[row]), advance)
    finish({ f, module }, options, p, sums)
  })
}

/** One row × `wideVectors` vectors of C, for a matrix of one row: memory is the limit, so it reads long runs. */
export function writeWideTile(module: ModuleBuilder, options: GemmOptions): Func<typeof direct, 'none'> {
  const { splat } = reals[options.type]
  return module.func('wideTile', { params: direct }, (f, p) => {
    const advance = (): void => f.set(p.a, i32.add(p.a, p.aColumn))
    const sums = multiply(f, options, p, 1, wideVectors, () => splat(p.a), advance)
    finish({ f, module }, options, p, sums)
  })
}

export const wideVectors = 8

/** `Σ_k a_k · b_k`: `a(row)` is element k of a row of A in all lanes. */
function multiply(
  f: FunctionBuilder,
  options: GemmOptions,
  { b, bRow, depth }: Locals<typeof columns>,
  rows: number,
  vectors: number,
  a: (row: number) => Expr<'v128'>,
  advance: () => void,
): Local<'v128'>[][] {
  const { bytes, ops } = reals[options.type]
  const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.let(ops.const(0))))
  f.while(depth, () => {
    const load = (j: number): Expr<'v128'> => v128.load(b, 16 * j, bytes)
    const row = rows === 1 ? load : (j: number) => loaded[j]
    const loaded = rows === 1 ? [] : sums[0].map((_, j) => f.let(load(j)))
    sums.forEach((line, i) => {
      const x = f.let(a(i))
      line.forEach((sum, j) => f.set(sum, multiplyAdd(options, x, row(j), sum)))
    })
    advance()
    f.set(b, i32.add(b, bRow))
    f.set(depth, i32.sub(depth, 1))
  })
  return sums
}

/** Adds what C holds, the bias and the activation to the sums, and stores them. */
export function finish(
  target: Target,
  { type, activation }: GemmOptions,
  p: Locals<typeof destination>,
  sums: Local<'v128'>[][],
): void {
  const { f } = target
  const { bytes, ops } = reals[type]
  const c = new Lanes(f, type, sums.length, p.cRow, p.rows).addresses(p.c)
  f.if(p.add, () => {
    sums.forEach((line, i) => line.forEach((sum, j) => f.set(sum, ops.add(v128.load(c[i], 16 * j, bytes), sum))))
  })
  f.if(p.bias, () => {
    sums[0].forEach((_, j) => {
      const bias = f.let(v128.load(p.bias, 16 * j, bytes))
      for (const line of sums) f.set(line[j], ops.add(line[j], bias))
    })
  })
  if (activation) f.if(p.last, () => sums.flat().forEach((sum) => f.set(sum, activation(target, sum))))
  // From the bottom: a row that does not exist points at the last one that does, which is stored after it.
  for (let i = sums.length - 1; i >= 0; i--) sums[i].forEach((sum, j) => f.do(v128.store(c[i], sum, 16 * j, bytes)))
}
