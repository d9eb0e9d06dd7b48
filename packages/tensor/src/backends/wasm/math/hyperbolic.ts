import { i64x2, v128 } from '../assembler/index.ts'
import { type DoubleExp, expDouble, expHalf, expm1Half, scaled } from './exp.ts'
import { double, type Lanes, type Row, single, type Site, small, type Vector, viaDouble, type Writer } from './lanes.ts'
import { addPair, constant, divPair, fastSum, increase, type Pair, sum, twice } from './pair.ts'

const { add, mul, div, abs, pmin, pmax, flip, signOf, select, gt } = double

/*
 * These are made of `u = e^x - 1`, in float64 of the half of it as a pair of numbers. What is odd or nearly so near 0 takes
 * its sign from x, for the sake of -0.
 */

/** `(e^x - 1) / 2` for x in [-50, 710]. */
function halfExpm1(s: Site, e: DoubleExp): Pair {
  const factor = s.let(i64x2.shl(i64x2.sub(e.t, i64x2.const(1024n)), 52))
  const constant = sum(s, factor, -0.5)
  const { hi, lo } = sum(s, constant.hi, mul(e.hi, factor))
  return fastSum(s, hi, add(lo, add(constant.lo, mul(e.lo, factor))))
}

const clamp = (x: Vector, limit: number): Vector => single.pmin(single.pmax(x, -limit), limit)

/** A function of float32 with the sign of x: `y` of `e^argument - 1`, in float64. */
const fromExpm1 =
  (argument: (x: Lanes) => Vector, y: (u: Lanes) => Vector): Writer =>
  (s, x) => {
    const result = viaDouble((s, x) => y(s.let(expm1Half(s, x))))(s, s.let(argument(x)))
    return v128.or(result, single.signOf(x))
  }

export const expm1: Row = {
  f32x4: fromExpm1(
    (x) => clamp(x, 90),
    (u) => u,
  ),
  f64x2: small(double, 2 ** -54, (s, x) => {
    const { hi } = halfExpm1(s, expDouble(s, s.let(pmin(pmax(x, -50), 710)), true))
    return add(hi, hi)
  }),
}

/** `u / (u + 2)` with u of 2x, or of 2|x|. */
export const tanh: Row = {
  f32x4: fromExpm1(
    (x) => clamp(single.add(x, x), 20),
    (u) => div(u, add(u, 2)),
  ),
  f64x2: small(double, 2 ** -28, (s, x) => {
    const size = s.let(pmin(abs(x), 22))
    const u = halfExpm1(s, expDouble(s, s.let(add(size, size)), true))
    const { hi, lo } = divPair(s, u, increase(s, u, 1))
    return flip(add(hi, lo), signOf(x))
  }),
}

/** Where e^-|x| does not count beside e^|x|. */
const large = 40

/** `(u + u / (u + 1)) / 2`, of |x|. */
export const sinh: Row = {
  f32x4: fromExpm1(
    (x) => single.pmin(single.abs(x), 90),
    (u) => mul(add(u, div(u, add(u, 1))), 0.5),
  ),
  f64x2: small(double, 2 ** -28, (s, x) => {
    const size = s.let(pmin(abs(x), 711))
    const e = expDouble(s, size, true)
    const half = halfExpm1(s, e)
    const { hi, lo } = addPair(s, half, divPair(s, half, increase(s, twice(s, half), 1)))
    return flip(select(gt(size, large), scaled(s, e, 0.5), add(hi, lo)), signOf(x))
  }),
}

/** `h + 1 / (4h)` with h = e^|x| / 2. */
export const cosh: Row = {
  f32x4: (s, x) =>
    viaDouble((s, x) => {
      const e = s.let(expHalf(s, x))
      return mul(add(e, div(1, e)), 0.5)
    })(s, s.let(clamp(x, 90))),
  f64x2: (s, x) => {
    const size = s.let(pmin(abs(x), 711))
    const e = expDouble(s, size, true)
    const h = increase(s, halfExpm1(s, e), 0.5)
    const { hi, lo } = addPair(s, h, divPair(s, constant(s, 0.25), h))
    return select(gt(size, large), scaled(s, e, 0.5), add(hi, lo))
  },
}
