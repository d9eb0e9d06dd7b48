import { i32x4, i64x2 } from '../assembler/index.ts'
import { double, type Lanes, polynomial, type Row, single, type Site, type Vector, viaDouble, type Writer } from './lanes.ts'
import { constant, fastSum, mulPair, type Pair, product, sum } from './pair.ts'

/*
 * e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ 0.3466, where e^r = 1 + r + r²·Q(r). The coefficients of Q are minimax
 * fits of the relative error of e^r: least squares on Chebyshev points, reweighted by Lawson's iteration, in 50-digit
 * arithmetic; each was rounded from the lowest power up and the others fitted again.
 */

/** Error 2^-28.3, in float32. */
const singleTail = [0.4999999403953552, 0.1666652113199234, 0.04166826233267784, 0.00836867094039917, 0.001382098300382495]
/** Error 2^-28.3, in float64. */
const halfTail = [0.49999993438352186, 0.1666652042155815, 0.04166839214786355, 0.0083687380399796, 0.001381432384344027]
/** For the relative error of e^x - 1, which is 2^-26.1. */
const halfMinusOneTail = [
  0.4999999738070433, 0.1666654053573662, 0.041667572577149634, 0.008366860476164873, 0.0013853265434985074,
]
/** (e^r - 1 - r - r²/2) / r³, error 2^-57.4. */
const doubleTail = [
  0.16666666666666433, 0.04166666666660376, 0.008333333333500422, 0.0013888888926872924, 0.0001984126946539534,
  2.4801508587233358e-5, 2.7557641628980868e-6, 2.762522466869438e-7, 2.4978131345285353e-8,
]
/** 2^r for |r| ≤ 1/2, error 2^-28.9. */
const halfPower = [
  1, 0.69314720293821, 0.2402264795136695, 0.05550332401113821, 0.00961843351452342, 0.001339888885913391, 0.00015354299551291527,
]

/** ln 2 in two parts: the product of the first and an integer as large as n can be is exact. */
export const singleLn2 = [0.693145751953125, 1.428606765330187e-6] as const
export const doubleLn2 = [0.6931471805598903, 5.497923018708371e-14] as const

/**
 * Adding such a number to x rounds x to an integer, and leaves it in the low bits of the sum. The last term is there for
 * the exponent: in float32, `(n + 254) >> 1` and what remains of `n + 254` are the biased exponents of two factors of 2^n.
 */
const singleRound = 1.5 * 2 ** 23 + 254
const doubleRound = 1.5 * 2 ** 52 + 2046

/** e^x in float32. Beyond the ends it is ∞ or 0; both factors of 2^n are normal, and the last product rounds. */
const expSingle: Writer = (s, x0) => {
  const { add, sub, mul, pmin, pmax } = single
  const x = s.let(pmin(pmax(x0, -105), 89))
  const t = s.let(add(mul(x, Math.LOG2E), singleRound))
  const n = s.let(sub(t, singleRound))
  const r = s.let(sub(sub(x, mul(n, singleLn2[0])), mul(n, singleLn2[1])))
  const first = s.let(add(r, 1))
  const rest = add(sub(r, sub(first, 1)), mul(mul(r, r), polynomial(s, single, r, singleTail)))
  const half = s.let(i32x4.shrU(t, 1))
  return mul(mul(add(first, rest), i32x4.shl(half, 23)), i32x4.shl(i32x4.sub(t, half), 23))
}

/** `x = n · ln 2 + r` for |x| < 700, with 2^n. */
function reduceHalf(s: Site, x: Vector): { r: Lanes; power: Vector } {
  const { add, sub, mul } = double
  const from = s.let(x)
  const t = s.let(add(mul(from, Math.LOG2E), 1.5 * 2 ** 52 + 1023))
  const r = s.let(sub(from, mul(sub(t, 1.5 * 2 ** 52 + 1023), Math.LN2)))
  return { r, power: i64x2.shl(t, 52) }
}

/** e^x in float64 with the relative error 2^-28: what float32 results are rounded from. */
export function expHalf(s: Site, x: Vector): Vector {
  const { r, power } = reduceHalf(s, x)
  return double.mul(polynomial(s, double, r, [1, 1, ...halfTail]), power)
}

/** `e^x - 1` with the relative error 2^-26; that of -0 is 0. */
export function expm1Half(s: Site, x: Vector): Vector {
  const { add, sub, mul } = double
  const { r, power } = reduceHalf(s, x)
  const scale = s.let(power)
  return add(mul(mul(r, polynomial(s, double, r, [1, ...halfMinusOneTail])), scale), sub(scale, 1))
}

/** 2^x in float64 with the relative error 2^-28, for |x| < 1000. */
export function exp2Half(s: Site, x: Lanes): Vector {
  const { add, sub, mul } = double
  const t = s.let(add(x, 1.5 * 2 ** 52 + 1023))
  const r = s.let(sub(x, sub(t, 1.5 * 2 ** 52 + 1023)))
  return mul(polynomial(s, double, r, halfPower), i64x2.shl(t, 52))
}

/** `2^n · (1 + hi + lo)`, |hi| ≤ 0.42; the low 12 bits of `t` are n + 2046. */
export interface DoubleExp extends Pair {
  readonly t: Lanes
}

/** `e^r - 1` for |r| ≤ 0.35, to about 2^-56, or to 2^-60 where it is `precise`. */
function expm1Of(s: Site, { hi: r, lo }: Pair, precise: boolean): Pair {
  const { add, mul } = double
  const square = precise ? product(s, r, r) : { hi: s.let(mul(r, r)), lo: undefined }
  const tail = mul(mul(r, square.hi), polynomial(s, double, r, doubleTail))
  if (!square.lo) return fastSum(s, r, add(lo, add(mul(square.hi, 0.5), tail)))
  const first = fastSum(s, r, mul(square.hi, 0.5))
  return fastSum(s, first.hi, add(first.lo, add(add(lo, mul(square.lo, 0.5)), tail)))
}

/** e^x in float64, for x in [-746, 711]. */
export function expDouble(s: Site, x: Lanes, precise = false): DoubleExp {
  const { add, sub, mul, neg } = double
  const t = s.let(add(mul(x, Math.LOG2E), doubleRound))
  const n = s.let(sub(t, doubleRound))
  const r = sum(s, sub(x, mul(n, doubleLn2[0])), neg(mul(n, doubleLn2[1])))
  return { ...expm1Of(s, r, precise), t }
}

/** 2^x of a pair in float64, for x in [-1080, 1030]. */
export function exp2Double(s: Site, x: Pair): DoubleExp {
  const { add, sub } = double
  const t = s.let(add(x.hi, doubleRound))
  const rest = { hi: s.let(sub(x.hi, sub(t, doubleRound))), lo: x.lo }
  const r = mulPair(s, rest, constant(s, Math.LN2, 2.3190468138462996e-17))
  return { ...expm1Of(s, r, true), t }
}

/** `factor · e^x`, where the factor is a power of 2 near 1. */
export function scaled(s: Site, { hi, lo, t }: DoubleExp, factor = 1): Vector {
  const { add, mul } = double
  const first = fastSum(s, factor, mul(hi, factor))
  const y = add(first.hi, add(first.lo, mul(lo, factor)))
  const half = s.let(i64x2.shrU(t, 1))
  return mul(mul(y, i64x2.shl(half, 52)), i64x2.shl(i64x2.sub(t, half), 52))
}

export const exp: Row = {
  f32x4: expSingle,
  f64x2: (s, x) => scaled(s, expDouble(s, s.let(double.pmin(double.pmax(x, -746), 711)))),
}

/** For `pow(2, x)`. */
export const exp2: Row = {
  f32x4: (s, x) => viaDouble(exp2Half)(s, s.let(single.pmin(single.pmax(x, -160), 130))),
  f64x2: (s, x) => {
    const size = s.let(double.pmin(double.pmax(x, -1080), 1030))
    return scaled(s, exp2Double(s, { hi: size, lo: s.let(double.vector(0)) }))
  },
}
