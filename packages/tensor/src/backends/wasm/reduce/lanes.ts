import { type Expr, f32x4, f64x2, type FunctionBuilder, i64x2, type Local } from '../assembler/index.ts'
import { type Real, reals } from '../gemm/real.ts'

/** Lanes that sums are kept in: of the elements' type, or wider, so that a vector of elements is two of them. */
export interface SumLanes {
  readonly type: 'f32x4' | 'f64x2'
  readonly count: number
  /** Sums for a vector of elements. */
  readonly perVector: number
  /** A vector of elements in the type of the sums. */
  readonly widen: (f: FunctionBuilder, vector: Local<'v128'>) => Local<'v128'>[]
  /** The vectors that {@link widen} would make a result of, as the elements' type. */
  readonly narrow: (vectors: readonly Expr<'v128'>[]) => Expr<'v128'>
  readonly constant: (value: number) => Expr<'v128'>
}

export function sumLanes(type: Real, exact: boolean): SumLanes {
  if (type === 'f32' && !exact) {
    return {
      type: 'f64x2',
      count: 2,
      perVector: 2,
      widen: (f, v) => [f.let(f64x2.promoteLowF32x4(v)), f.let(f64x2.promoteLowF32x4(i64x2.shuffle(v, v, 1, 1)))],
      narrow: ([low, high]) => i64x2.shuffle(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), 0, 2),
      constant: (value) => f64x2.const(value),
    }
  }
  const { ops, lanes } = reals[type]
  return {
    type: type === 'f32' ? 'f32x4' : 'f64x2',
    count: lanes,
    perVector: 1,
    widen: (_, v) => [v],
    narrow: ([v]) => v,
    constant: (value) => ops.const(value),
  }
}

/** The vector with its upper half in the lower place, and so on until one lane is left: what a sum over lanes needs. */
export const foldings = (type: 'f32x4' | 'f64x2'): ((v: Local<'v128'>) => Expr<'v128'>)[] =>
  type === 'f32x4'
    ? [(v) => f32x4.shuffle(v, v, 2, 3, 2, 3), (v) => f32x4.shuffle(v, v, 1, 1, 1, 1)]
    : [(v) => f64x2.shuffle(v, v, 1, 1)]
