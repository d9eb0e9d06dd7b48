import {
  type Expr,
  f32x4,
  f64x2,
  type FunctionBuilder,
  i32,
  i64,
  type Local,
  type ModuleBuilder,
  v128,
} from '../assembler/index.ts'

export type Real = 'f32' | 'f64'

/** What a product is specialised by; a module is good for every shape and every stride of its kind. */
export interface GemmOptions {
  readonly type: Real
  /** Fused multiply-add (relaxed SIMD): faster, and not the same bits on every processor. */
  readonly fused: boolean
  readonly shared: boolean
  /** What A is: a matrix, or a matrix of patches, row by row or transposed. @defaultValue 'matrix' */
  readonly left?: Left
  /** Applied to each finished value, after the bias. */
  readonly activation?: Activation
}

export type Left = 'matrix' | 'patches' | 'patchesTransposed'

/** Writes code for an elementwise function of the lanes of `x`, in `f`, a function of `module`. */
export type Activation = (target: Target, x: Local<'v128'>) => Expr<'v128'>

/** Where code is written. */
export interface Target {
  readonly f: FunctionBuilder
  readonly module: ModuleBuilder
}

/** `max(x, 0)`, NaN stays NaN. */
export const relu =
  (type: Real): Activation =>
  (_target, x) =>
    type === 'f32' ? f32x4.max(x, f32x4.const(0)) : f64x2.max(x, f64x2.const(0))

/** A float type as the kernels see it: bytes of an element, elements of a vector, and the instructions. */
export const reals = {
  f32: { bytes: 4, lanes: 4, ops: f32x4, splat: v128.load32Splat, first: v128.load32Zero, lane: v128.load32Lane },
  f64: { bytes: 8, lanes: 2, ops: f64x2, splat: v128.load64Splat, first: v128.load64Zero, lane: v128.load64Lane },
} as const

/** Rows of a tile of C: with 4 × 2 vectors the accumulators and operands just fit the 15 registers of V8 on x64. */
export const tileRows = 4

/** Columns of a tile of C: two vectors. */
export const tileColumns = (type: Real): number => 2 * reals[type].lanes

/** `sum + x · y` in each lane. */
export function multiplyAdd(
  { type, fused }: Pick<GemmOptions, 'type' | 'fused'>,
  x: Expr<'v128'>,
  y: Expr<'v128'>,
  sum: Expr<'v128'>,
): Expr<'v128'> {
  const { ops } = reals[type]
  return fused ? ops.relaxedMadd(x, y, sum) : ops.add(sum, ops.mul(x, y))
}

/** `memory[to + offset] = memory[from]` for one element, bit by bit. */
export const copyElement = (type: Real, to: Local<'i32'>, from: Local<'i32'>, offset = 0): Expr<'none'> =>
  type === 'f32' ? i32.store(to, i32.load(from), offset) : i64.store(to, i64.load(from), offset)

/** The columns of the square matrix whose rows are given. */
export function transpose(f: FunctionBuilder, type: Real, rows: Local<'v128'>[]): Local<'v128'>[] {
  const { ops } = reals[type]
  if (type === 'f64') return [f.let(ops.shuffle(rows[0], rows[1], 0, 2)), f.let(ops.shuffle(rows[0], rows[1], 1, 3))]
  const [a, b, c, d] = rows
  const low = [f.let(ops.shuffle(a, b, 0, 4, 1, 5)), f.let(ops.shuffle(c, d, 0, 4, 1, 5))] as const
  const high = [f.let(ops.shuffle(a, b, 2, 6, 3, 7)), f.let(ops.shuffle(c, d, 2, 6, 3, 7))] as const
  return [low, high].flatMap(([x, y]) => [f.let(ops.shuffle(x, y, 0, 1, 4, 5)), f.let(ops.shuffle(x, y, 2, 3, 6, 7))])
}
