/** Products of small matrices, written out with constant addresses: A is read where it lies, nothing is looked up. */
import type { Item } from '../../../compile/fuse.ts'
import type { Tensor } from '../../../tensor.ts'
import { type Expr, type FunctionBuilder, i32, type Local, v128 } from '../assembler/index.ts'
import { blockDepth, type Real } from '../gemm/index.ts'
import { multiplyAdd, reals, transpose } from '../gemm/real.ts'
import type { RenderTarget } from '../render.ts'
import { realOf } from '../stage.ts'
import { storeLanes } from './loop.ts'
import { isProduct } from './product.ts'
import { beginOf, type Storage } from './storage.ts'

/** Operations of a product at most, and bytes of B, which is to stay in the inner cache. */
const limits = { operations: 1 << 20, cached: 1 << 15 }

/** Rows and vectors of a tile: the accumulators and operands just fit the registers. */
const tiles = [
  { rows: 4, vectors: 2 },
  { rows: 3, vectors: 2 },
  { rows: 2, vectors: 4 },
  { rows: 1, vectors: 8 },
] as const

/** A small product: `C[m, n] = A[m, k] · B[k, n]`, strides in bytes. */
interface Small {
  readonly type: Real
  readonly left: Tensor
  readonly right: Tensor
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: { readonly row: number; readonly column: number }
  readonly b: { readonly row: number; readonly column: number }
}

function smallOf(item: Item): Small {
  const [a, b] = item.inputs
  const type = realOf(a.dtype)!
  const { bytes } = reals[type]
  const strides = ({ layout }: Tensor) => ({ row: layout.strides[0] * bytes, column: layout.strides[1] * bytes })
  const [m, k, n] = [a.shape[0], a.shape[1], b.shape[1]]
  if (n > 1 || m === 1) return { type, left: a, right: b, m, k, n, a: strides(a), b: strides(b) }
  // A column is written as the row Bᵀ · Aᵀ.
  const turned = ({ layout }: Tensor) => ({ row: layout.strides[1] * bytes, column: layout.strides[0] * bytes })
  return { type, left: b, right: a, m: n, k, n: m, a: turned(b), b: turned(a) }
}

/** Whether {@link writeSmall} writes a product; its sums are those of `gemm`, bit by bit. */
export function isSmall(item: Item): boolean {
  if (!isProduct(item) || item.inputs.some(({ rank }) => rank !== 2)) return false
  const { type, left, m, n, k, a, b } = smallOf(item)
  const { bytes, lanes } = reals[type]
  const isColumn = left !== item.inputs[0]
  return (
    n >= lanes &&
    k > 0 &&
    2 * m * n * k <= limits.operations &&
    k * n * bytes <= limits.cached &&
    a.row >= 0 &&
    a.column >= 0 &&
    // Rows of B are runs, or its columns are, which are turned.
    (b.column === bytes || (b.row === bytes && b.column > 0 && (m > 1 || isColumn))) &&
    b.row >= 0
  )
}

const turnedRow = ({ n, type }: Small): number => Math.ceil((n * reals[type].bytes) / 16) * 16

const isTurned = ({ b, type }: Small): boolean => b.column !== reals[type].bytes

/** Bytes that {@link writeSmall} needs to turn B in, and may touch behind. */
export function spaceOfSmall(item: Item): number {
  const small = smallOf(item)
  return isTurned(small) ? small.k * turnedRow(small) + 64 : 0
}

/** Writes the product in the place where `target.f` stands, with space at `scratch`. */
export function writeSmall(target: RenderTarget, item: Item, storage: Storage, fused: boolean, scratch: number): void {
  const { f } = target
  const small = smallOf(item)
  const { type, left: x, right: y, m, n, k, a } = small
  const { bytes, lanes, ops, splat } = reals[type]
  const [out] = (item as Extract<Item, { kind: 'matmul' }>).outputs
  const [aAt, given, cAt] = [x, y, out].map((one) => beginOf(f, one, storage))
  const turned = isTurned(small)
  if (turned) writeTurned(f, small, given, scratch)
  const bAt = turned ? f.let(i32.const(scratch)) : given
  const bRow = turned ? turnedRow(small) : small.b.row
  const overrun = storage.mayOverrun(out)

  /** `rows` × `vectors` of C at `c`, of whose columns `columns` exist. */
  const tile = (rows: number, vectors: number, columns: number, left: Expr<'i32'>, right: Expr<'i32'>, c: Local<'i32'>): void => {
    const [p, q] = [f.let(left), f.let(right)]
    const zeros = (zero: number): Local<'v128'>[][] =>
      Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.let(ops.const(zero))))
    const block = (depth: number): Local<'v128'>[][] => {
      const sums = zeros(0)
      f.repeat(depth, () => {
        const load = (j: number): Expr<'v128'> => v128.load(q, 16 * j, bytes)
        const line = rows === 1 ? [] : sums[0].map((_, j) => f.let(load(j)))
        sums.forEach((row, i) => {
          const one = f.let(splat(p, i * a.row))
          row.forEach((sum, j) => f.set(sum, multiplyAdd({ type, fused }, one, rows === 1 ? load(j) : line[j], sum)))
        })
        f.set(p, i32.add(p, a.column))
        f.set(q, i32.add(q, bRow))
      })
      return sums
    }
    /** The sums of the blocks of k, one after the other: -0 is what changes nothing that is added to it. */
    const blocks = (): Local<'v128'>[][] => {
      const totals = zeros(-0)
      const add = (depth: number): void => {
        const sums = block(depth)
        totals.forEach((row, i) => row.forEach((total, j) => f.set(total, ops.add(total, sums[i][j]))))
      }
      f.repeat(Math.floor(k / blockDepth), () => add(blockDepth))
      if (k % blockDepth > 0) f.scope(() => add(k % blockDepth))
      return totals
    }
    const sums = k <= blockDepth ? block(k) : blocks()
    sums.forEach((row, i) =>
      row.forEach((sum, j) => {
        const count = Math.min(lanes, columns - j * lanes)
        const laneType = type === 'f32' ? 'f32x4' : 'f64x2'
        // What is written over the end of a row is written again with the next one.
        const spare = overrun && i === rows - 1 && rows === 1 && m === 1
        if (count > 0) storeLanes(target, laneType, out.dtype, { at: c, offset: i * n * bytes + 16 * j }, sum, count, spare)
      }),
    )
  }

  /** All columns of `rows` rows of C. */
  const band = (rows: number, left: Local<'i32'>, c: Local<'i32'>): void => {
    const { vectors } = tiles.find((one) => one.rows === rows)!
    const width = vectors * lanes
    const whole = Math.floor(n / width)
    const right = f.let(bAt)
    const to = f.let(c)
    if (whole > 0)
      f.repeat(whole, () => {
        tile(rows, vectors, width, left, right, to)
        f.set(right, i32.add(right, width * bytes))
        f.set(to, i32.add(to, width * bytes))
      })
    const rest = n - whole * width
    if (rest > 0) f.scope(() => tile(rows, Math.ceil(rest / lanes), rest, left, right, to))
  }

  const bands = Math.floor(m / 4)
  const [left, c] = [f.let(aAt), f.let(cAt)]
  if (bands > 0)
    f.repeat(bands, () => {
      band(4, left, c)
      f.set(left, i32.add(left, 4 * a.row))
      f.set(c, i32.add(c, 4 * n * bytes))
    })
  if (m % 4 > 0) f.scope(() => band(m % 4, left, c))
}

/** Copies B, whose columns are runs, row by row to `to`. */
function writeTurned(f: FunctionBuilder, small: Small, from: Local<'i32'>, to: number): void {
  const { type, n, k, b } = small
  const { bytes, lanes } = reals[type]
  const row = turnedRow(small)
  /** `columns` of B as far as `depth` rows. */
  const square = (source: Local<'i32'>, target: Local<'i32'>, columns: number, depth: number): void => {
    // A column that does not exist is the last one once more.
    const lines = Array.from({ length: lanes }, (_, j) => f.let(v128.load(source, Math.min(j, columns - 1) * b.column, bytes)))
    for (const [i, vector] of transpose(f, type, lines).entries()) if (i < depth) f.do(v128.store(target, vector, i * row, bytes))
  }
  const strip = (source: Local<'i32'>, target: Local<'i32'>, columns: number): void => {
    const [p, q] = [f.let(source), f.let(target)]
    const whole = Math.floor(k / lanes)
    if (whole > 0)
      f.repeat(whole, () => {
        square(p, q, columns, lanes)
        f.set(p, i32.add(p, 16))
        f.set(q, i32.add(q, lanes * row))
      })
    if (k % lanes > 0) f.scope(() => square(p, q, columns, k % lanes))
  }
  const [p, q] = [f.let(from), f.let(i32.const(to))]
  const whole = Math.floor(n / lanes)
  f.repeat(whole, () => {
    strip(p, q, lanes)
    f.set(p, i32.add(p, lanes * b.column))
    f.set(q, i32.add(q, 16))
  })
  if (n % lanes > 0) f.scope(() => strip(p, q, n % lanes))
}
