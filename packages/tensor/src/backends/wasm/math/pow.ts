import { v128 } from '../assembler/index.ts'
import { exp2Double, exp2Half, scaled } from './exp.ts'
import { double, type Lanes, polynomial, type Row, single, type Site, type Vector, viaDouble, type Writer } from './lanes.ts'
import { log2Half, splitDouble } from './log.ts'
import { constant, divPair, fastSum, increase, mulPair, type Pair, product, sum } from './pair.ts'

type Ops = typeof double

/*
 * |x|^y = 2^(y · log2 |x|), and what depends on signs. In float64 log2 is a pair of numbers, since y · log2 |x| may have ten
 * bits before its point: with s = f / (2 + f) it is 2s + s · s² · (2/3 + s² · R(s²)), where only R is rounded.
 */

/** 2/3 and R, fitted like the coefficients of log.ts, error 2^-66.6. */
const tail = [
  0.6666666666666666, 0.40000000000004926, 0.2857142856941002, 0.22222222607159298, 0.18181778339515253, 0.1538698953766026,
  0.13252133214805067, 0.1323490474563381,
]

/** log2 of a normal x > 0. */
function log2Pair(s: Site, x: Lanes): { k: Lanes; fraction: Pair } {
  const { sub, mul } = double
  const { k, m } = splitDouble(s, x)
  const f = s.let(sub(m, 1))
  const quotient = divPair(s, { hi: f, lo: s.let(double.vector(0)) }, sum(s, 2, f))
  const square = mulPair(s, quotient, quotient)
  const factor = fastSum(s, tail[0], mul(square.hi, polynomial(s, double, square.hi, tail.slice(1))))
  const log = mulPair(s, quotient, increase(s, mulPair(s, square, factor), 2))
  return { k, fraction: mulPair(s, log, constant(s, Math.LOG2E, 2.0355273740931033e-17)) }
}

/** x^y for x > 0 and finite y. */
const ofPositive: Readonly<Record<keyof Row, Writer>> = {
  f32x4: viaDouble((s, x, y) => {
    const { mul, pmin, pmax } = double
    return exp2Half(s, s.let(pmin(pmax(mul(y, log2Half(s, x)), -200), 200)))
  }),
  f64x2: (s, x, y) => {
    const { add, sub, mul, lt, abs, pmin, pmax, select } = double
    const tiny = s.let(lt(x, 2 ** -1022))
    const { k, fraction } = log2Pair(s, s.let(select(tiny, mul(x, 2 ** 54), x)))
    const log2 = increase(s, fraction, sub(k, v128.and(tiny, double.vector(54))))
    const { hi, lo } = product(s, y, log2.hi)
    // Beyond the ends the second part is of no use, and NaN where the first has overflowed.
    const second = v128.and(add(lo, mul(y, log2.lo)), lt(abs(hi), 1100))
    return scaled(s, exp2Double(s, fastSum(s, pmin(pmax(hi, -1080), 1030), second)))
  },
}

/** x^y where x is negative, 0, or one of them is not finite, from |x|^y, which is right where both are finite and x is not 0. */
function ofOthers(s: Site, ops: Ops, x: Lanes, y: Lanes, power: Vector): Vector {
  const { vector, abs, eq, ne, gt, lt, trunc, mul, select, flip, signOf } = ops
  const size = s.let(abs(x))
  // 0 and ∞ to any power, and any number to the power ±∞, are 0 or ∞.
  const extreme = v128.or(v128.or(eq(size, 0), eq(size, Infinity)), eq(abs(y), Infinity))
  const isInfinite = v128.not(v128.xor(gt(size, 1), gt(y, 0)))
  const absolute = select(eq(size, 1), 1, select(extreme, v128.and(isInfinite, vector(Infinity)), power))
  const isInteger = s.let(eq(trunc(y), y))
  const half = s.let(mul(y, 0.5))
  const isOdd = v128.and(isInteger, ne(trunc(half), half))
  const signed = flip(absolute, v128.and(signOf(x), isOdd))
  // NaN are: a root of a negative number, and what is made of NaN; but NaN^0 and 1^NaN are 1.
  const root = v128.andnot(v128.and(lt(x, 0), gt(x, -Infinity)), isInteger)
  const isNaN = v128.or(v128.or(ne(x, x), ne(y, y)), root)
  return select(v128.or(eq(y, 0), eq(x, 1)), 1, select(isNaN, NaN, signed))
}

/** Squares, the usual power, are products; a lane's result does not depend on whether its neighbours are squared too. */
const powOf =
  (type: keyof Row, ops: Ops): Writer =>
  (s, x, y) => {
    const { abs, gt, lt, ne, eq, mul, select } = ops
    const result = s.let(mul(x, x))
    s.f.if(v128.anyTrue(ne(y, 2)), () => {
      const power = s.let(ofPositive[type](s, s.let(abs(x)), y))
      const usual = v128.and(v128.and(gt(x, 0), lt(x, Infinity)), lt(abs(y), Infinity))
      const any = s.unless(usual, power, () => ofOthers(s, ops, x, y, power))
      s.f.set(result, select(eq(y, 2), result, any))
    })
    return result
  }

export const pow: Row = {
  f32x4: powOf('f32x4', single),
  f64x2: (s, x, y) => s.call('pow', powOf('f64x2', double), x, y),
}
