import { i64x2 } from '../assembler/index.ts'
import { type DoubleExp, expDouble, expHalf, scaled } from './exp.ts'
import { double, type Lanes, type Row, single, type Site, small, type Vector, viaDouble, type Writer } from './lanes.ts'
import { addPair, constant, divPair, fastSum, increase, type Pair, sum, twice } from './pair.ts'

const { add, sub, mul, div, abs, pmin, pmax, flip, signOf, select, gt } = double

/*
 * In float64 these are made of u = (e^x - 1) / 2 as a pair of numbers, in float32 of e^x in float64. There e^x - 1 has lost
 * the bits of x that are below 2^-52, which spares all |x| > 2^-20.
 */

/** `(e^x - 1) / 2` for x in [-50, 710]. */
function halfExpm1(s: Site, e: DoubleExp): Pair {
  const factor = s.let(i64x2.shl(i64x2.sub(e.t, i64x2.const(1024n)), 52))
  const constant = sum(s, factor, -0.5)
  const { hi, lo } = sum(s, constant.hi, mul(e.hi, factor))
  return fastSum(s, hi, add(lo, add(constant.lo, mul(e.lo, factor))))
}

const clamp = (x: Vector, limit: number): Vector => single.pmin(single.pmax(x, -limit), limit)

/** A function of float32: `y` of e^argument, in float64. */
const fromExp =
  (argument: (x: Lanes) => Vector, y: (e: Lanes) => Vector): Writer =>
  (s, x) =>
    viaDouble((s, x) => y(s.let(expHalf(s, x))))(s, s.let(argument(x)))

export const expm1: Row = {
  f32x4: small(
    single,
    2 ** -26,
    fromExp(
      (x) => clamp(x, 90),
      (e) => sub(e, 1),
    ),
  ),
  f64x2: small(double, 2 ** -54, (s, x) => {
    const { hi } = halfExpm1(s, expDouble(s, s.let(pmin(pmax(x, -50), 710)), true))
    return add(hi, hi)
  }),
}

/** `(e^2x - 1) / (e^2x + 1)`, or `u / (u + 1)` with u of 2|x|. */
export const tanh: Row = {
  f32x4: small(
    single,
    2 ** -20,
    fromExp(
      (x) => clamp(single.add(x, x), 20),
      (e) => div(sub(e, 1), add(e, 1)),
    ),
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

/** `(e^x - e^-x) / 2`, or `u + u / (2u + 1)`. */
export const sinh: Row = {
  f32x4: small(
    single,
    2 ** -20,
    fromExp(
      (x) => clamp(x, 90),
      (e) => mul(sub(e, div(1, e)), 0.5),
    ),
  ),
  f64x2: small(double, 2 ** -28, (s, x) => {
    const size = s.let(pmin(abs(x), 711))
    const e = expDouble(s, size, true)
    const u = halfExpm1(s, e)
    const { hi, lo } = addPair(s, u, divPair(s, u, increase(s, twice(s, u), 1)))
    return flip(select(gt(size, large), scaled(s, e, 0.5), add(hi, lo)), signOf(x))
  }),
}

/** `(e^x + e^-x) / 2`, or `h + 1 / (4h)` with h = u + 1/2. */
export const cosh: Row = {
  f32x4: fromExp(
    (x) => clamp(x, 90),
    (e) => mul(add(e, div(1, e)), 0.5),
  ),
  f64x2: (s, x) => {
    const size = s.let(pmin(abs(x), 711))
    const e = expDouble(s, size)
    const h = increase(s, halfExpm1(s, e), 0.5)
    const { hi, lo } = addPair(s, h, divPair(s, constant(s, 0.25), h))
    return select(gt(size, large), scaled(s, e, 0.5), add(hi, lo))
  },
}
