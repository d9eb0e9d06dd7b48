import { type Expr, type FunctionBuilder, i32, i32x4, i64, i64x2, type Local, v128 } from './assembler/index.ts'
import { type Real, reals } from './gemm/real.ts'

/** Stores the lanes of a vector that lie within so many bytes. */
export function storeLanes(f: FunctionBuilder, type: Real, to: Local<'i32'>, value: Local<'v128'>, bytes: Local<'i32'>): void {
  const { bytes: size, lanes } = reals[type]
  const lane = type === 'f32' ? v128.store32Lane : v128.store64Lane
  f.if(
    i32.geU(bytes, 16),
    () => f.do(v128.store(to, value, 0, size)),
    () => {
      for (let i = 0; i < lanes - 1; i++) f.if(i32.gtU(bytes, i * size), () => f.do(lane(to, value, i, i * size)))
    },
  )
}

/** `left` elements of a vector, and `neutral` in place of those behind. */
export function firstLanes(type: Real, vector: Expr<'v128'>, left: Local<'i32'>, neutral: number): Expr<'v128'> {
  const exists =
    type === 'f32'
      ? i32x4.gtS(i32x4.splat(left), i32x4.const(0, 1, 2, 3))
      : i64x2.gtS(i64x2.splat(i64.extendI32S(left)), i64x2.const(0n, 1n))
  return v128.bitselect(vector, reals[type].ops.const(neutral), exists)
}
