import { i64x2, v128 } from '../assembler/index.ts'
import { double, type Lanes, polynomial, type Row, type Site, small, type Vector, viaDouble, type Writer } from './lanes.ts'
import { divPair, fastSum, type Pair, product, sum } from './pair.ts'

const { add, sub, mul, div, sqrt, abs, neg, min, max, pmax, eq, ge, gt, lt, flip, select, signOf } = double

/*
 * atan t = t + t³ · A(t²) and asin s = s + s³ · B(s²), fits as in exp.ts of the relative error.
 */

/** `atan t / t` for |t| ≤ 1, error 2^-31.2. */
const halfAtan = [
  1, -0.33333326886627146, 0.19999670419081603, -0.14279822014618307, 0.11058143378381535, -0.0881076877937533,
  0.06740824409005408, -0.04467862587275065, 0.022529932467642566, -0.007313154284238166, 0.0011128061405645611,
]
/** A for |t| ≤ tan(π/8), error 2^-59.4. */
const doubleAtan = [
  -0.3333333333333319, 0.19999999999952275, -0.14285714280071682, 0.11111110777525411, -0.09090897594541723, 0.07692057424257497,
  -0.06663073408744336, 0.05847673071111876, -0.05038356485758673, 0.038041048283548824, -0.017882019878731635,
]
/** B for |s| ≤ 1/2, errors 2^-31.8 and 2^-59.9. */
const halfAsin = [
  0.16666659995562036, 0.07500503464122092, 0.04451713825407211, 0.03180597724756963, 0.014445670295082563, 0.03750612129840222,
]
const doubleAsin = [
  0.1666666666666676, 0.07499999999970904, 0.0446428571745017, 0.03038194271349647, 0.022372214817513104, 0.01735161519294174,
  0.013980781350079673, 0.011399239310315907, 0.010778394576735094, 0.003713490754760082, 0.021690119523183636,
  -0.020974466696684176, 0.03261322536045916,
]

/** π/4; the first part times 3 is exact. */
const quarterPi = [0.7853981633974483, 3.061616997868383e-17] as const

/** Where the angle is in the plane: its sign, and whether it is that of (y, x) with x < 0 and |y| > |x|. */
interface Octant {
  readonly sign: Vector
  readonly left: Vector
  readonly steep: Vector
}

/** The angle of (|x|, |y|), whose smaller coordinate is `low`, turned to its octant: in float64 to 2^-30. */
function angleHalf(s: Site, low: Vector, high: Vector, { sign, left, steep }: Octant): Vector {
  const t = s.let(div(low, high))
  const flat = s.let(mul(t, polynomial(s, double, s.let(mul(t, t)), halfAtan)))
  const angle = s.let(select(steep, sub(Math.PI / 2, flat), flat))
  return flip(select(left, sub(Math.PI, angle), angle), sign)
}

/**
 * The same to float64, for 2^-400 ≤ high ≤ 2^1000: as atan t, or as π/4 + atan t with t = (low - high) / (low + high), turned by
 * a multiple of π/4.
 */
function angleDouble(s: Site, low: Lanes, high: Lanes, { sign, left, steep }: Octant): Vector {
  const upper = s.let(gt(low, mul(high, Math.SQRT2 - 1)))
  const masked = (pair: Pair): Pair => ({ hi: s.let(v128.and(pair.hi, upper)), lo: s.let(v128.and(pair.lo, upper)) })
  const difference = masked(sum(s, low, neg(high)))
  const total = masked(sum(s, low, high))
  const t = divPair(
    s,
    { hi: s.let(select(upper, difference.hi, low)), lo: difference.lo },
    { hi: s.let(select(upper, total.hi, high)), lo: total.lo },
  )
  const z = s.let(mul(t.hi, t.hi))
  // The second part of a quotient of such a small number is noise.
  const second = v128.and(sub(t.lo, mul(t.lo, z)), ge(low, 2 ** -960))
  const rest = add(second, mul(mul(t.hi, z), polynomial(s, double, z, doubleAtan)))
  const turn = s.let(signOf(i64x2.shl(v128.xor(left, steep), 63)))
  const eighth = v128.and(upper, flip(1, turn))
  const k = s.let(add(select(steep, 2, v128.and(left, double.vector(4))), eighth))
  const sumOf = fastSum(s, mul(k, quarterPi[0]), flip(t.hi, turn))
  return flip(add(sumOf.hi, add(sumOf.lo, add(flip(rest, turn), mul(k, quarterPi[1])))), sign)
}

/** atan as the angle of (1, x); beyond 2^66 it is π/2. */
const atanOf =
  (write: typeof angleDouble): Writer =>
  (s, x) => {
    const size = s.let(min(abs(x), 2 ** 66))
    const octant = { sign: signOf(x), left: i64x2.const(0n), steep: s.let(gt(size, 1)) }
    return write(s, s.let(min(size, 1)), s.let(max(size, 1)), octant)
  }

export const atan: Row = { f32x4: viaDouble(atanOf(angleHalf)), f64x2: small(double, 2 ** -27, atanOf(angleDouble)) }

interface Coordinates extends Octant {
  readonly low: Lanes
  readonly high: Lanes
}

function coordinates(s: Site, y: Lanes, x: Lanes): Coordinates {
  const [a, b] = [s.let(abs(y)), s.let(abs(x))]
  const [low, high] = [s.let(min(a, b)), s.let(max(a, b))]
  return { low, high, sign: signOf(y), left: s.let(i64x2.shrS(x, 63)), steep: s.let(gt(a, b)) }
}

/** Coordinates of all sizes, brought near 1: (∞, ∞) becomes (1, 1), (0, 0) becomes (1, 0). */
const carefulAtan2: Writer = (s, y, x) => {
  const { low, high, ...octant } = coordinates(s, y, x)
  const factor = s.let(select(gt(high, 1), 2 ** -600, 2 ** 600))
  const infinite = s.let(eq(high, Infinity))
  const ratio = select(infinite, v128.and(eq(low, Infinity), double.vector(1)), mul(low, factor))
  const scaled = select(v128.or(infinite, eq(high, 0)), 1, mul(high, factor))
  return angleDouble(s, s.let(ratio), s.let(scaled), octant)
}

export const atan2: Row = {
  // With numbers that float32 does not have, 0 / 0 is 0, and ∞ / ∞ is 1.
  f32x4: viaDouble((s, y, x) => {
    const { low, high, ...octant } = coordinates(s, y, x)
    return angleHalf(s, min(low, 2 ** 1000), add(min(high, 2 ** 1000), 2 ** -1000), octant)
  }),
  f64x2: (s, y, x) => {
    const { low, high, ...octant } = coordinates(s, y, x)
    const usual = v128.and(ge(high, 2 ** -400), lt(high, 2 ** 1000))
    return s.unless(usual, angleDouble(s, low, high, octant), () => s.call('atan2 of all', carefulAtan2, y, x))
  },
}

/** `asin s` where `|x| ≤ 1/2` with s = |x|, else half of `acos |x|` with s = √((1 - |x|) / 2). */
interface ArcSine {
  readonly upper: Lanes
  readonly root: Lanes
  /** What is to be added to the root. */
  readonly rest: Lanes
}

function arcSine(s: Site, x: Lanes, coefficients: readonly number[], precise: boolean): ArcSine {
  const size = s.let(abs(x))
  const upper = s.let(gt(size, 0.5))
  const z = s.let(select(upper, mul(sub(1, size), 0.5), mul(size, size)))
  const root = s.let(select(upper, sqrt(z), size))
  const cubic = mul(mul(root, z), polynomial(s, double, z, coefficients))
  if (!precise) return { upper, root, rest: s.let(cubic) }
  const square = product(s, root, root)
  const second = div(sub(sub(z, square.hi), square.lo), pmax(add(root, root), 2 ** -1000))
  return { upper, root, rest: s.let(add(v128.and(second, upper), cubic)) }
}

const halfPi = [Math.PI / 2, 6.123233995736766e-17] as const

/** `asin |x|`, or `π/2 - 2 · …`. */
const asinOf =
  (coefficients: readonly number[], precise: boolean): Writer =>
  (s, x) => {
    const { upper, root, rest } = arcSine(s, x, coefficients, precise)
    const above = fastSum(s, halfPi[0], mul(root, -2))
    const far = add(above.hi, add(above.lo, sub(halfPi[1], add(rest, rest))))
    return flip(select(upper, far, add(root, rest)), signOf(x))
  }

/** `π/2 - asin x`, or `2 · …`, or `π - 2 · …`. */
const acosOf =
  (coefficients: readonly number[], precise: boolean): Writer =>
  (s, x) => {
    const { upper, root, rest } = arcSine(s, x, coefficients, precise)
    const negative = s.let(lt(x, 0))
    const quarters = s.let(select(upper, v128.and(negative, double.vector(2)), 1))
    const factor = s.let(flip(select(upper, 2, 1), signOf(v128.not(v128.xor(x, upper)))))
    const first = fastSum(s, mul(quarters, halfPi[0]), mul(root, factor))
    return add(first.hi, add(first.lo, add(mul(quarters, halfPi[1]), mul(rest, factor))))
  }

export const asin: Row = { f32x4: viaDouble(asinOf(halfAsin, false)), f64x2: small(double, 2 ** -27, asinOf(doubleAsin, true)) }
export const acos: Row = { f32x4: viaDouble(acosOf(halfAsin, false)), f64x2: acosOf(doubleAsin, true) }
