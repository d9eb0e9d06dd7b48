import { v128 } from '../assembler/index.ts'
import { double, type Lanes, type Row, single, type Site, small, type Vector, viaDouble, type Writer } from './lanes.ts'
import { logHalf, logOfSum } from './log.ts'
import { divPair, fastSum, increase, type Pair, product, sqrtPair, sum } from './pair.ts'

const { add, sub, mul, div, sqrt, abs, gt, flip, select, signOf } = double

/*
 * The inverses of the hyperbolic functions are logarithms of a sum u. For float32 the bits that u - 1 loses in float64 do not
 * count where |x| > 2^-20; for float64 u is a pair.
 */

/** `log u + more · ln 2` of a pair u ≥ 1. */
function logPair(s: Site, u: Pair, more?: Vector): Pair {
  return logOfSum(s, 'f64x2', u.hi, u.lo, fastSum(s, sub(u.hi, 1), u.lo), more)
}

/** Where the 1 in `√(x² ± 1)` does not count: u = 2|x|. */
const large = 2 ** 60

/** `log(|x| + √(x² + c))` for c = ±1. */
function areaOf(s: Site, size: Lanes, c: number): Vector {
  const beyond = s.let(gt(size, large))
  const square = product(s, size, size)
  const root = sqrtPair(s, increase(s, square, c))
  const u = increase(s, root, size)
  const reached = { hi: s.let(select(beyond, size, u.hi)), lo: s.let(v128.andnot(u.lo, beyond)) }
  const { hi, lo } = logPair(s, reached, s.let(v128.and(beyond, double.vector(1))))
  return add(hi, lo)
}

/** x itself where it is ∞ or NaN; a logarithm made here would take them for numbers. */
const finite =
  (ops: typeof double, write: Writer): Writer =>
  (s, x) => {
    const y = s.let(write(s, x))
    return s.unless(ops.lt(ops.abs(x), Infinity), y, () => x)
  }

export const asinh: Row = {
  f32x4: finite(
    single,
    small(
      single,
      2 ** -20,
      viaDouble((s, x) => {
        const size = s.let(abs(x))
        return flip(logHalf(s, add(size, sqrt(add(mul(x, x), 1)))), signOf(x))
      }),
    ),
  ),
  f64x2: finite(
    double,
    small(double, 2 ** -28, (s, x) => flip(areaOf(s, s.let(abs(x)), 1), signOf(x))),
  ),
}

/** NaN where x < 1. */
const fromOne =
  (ops: typeof double, write: Writer): Writer =>
  (s, x) => {
    const { ge, lt, select } = ops
    const y = s.let(write(s, x))
    return s.unless(v128.and(ge(x, 1), lt(x, Infinity)), y, () => select(ge(x, 1), x, NaN))
  }

export const acosh: Row = {
  f32x4: fromOne(
    single,
    viaDouble((s, x) => logHalf(s, add(x, sqrt(sub(mul(x, x), 1))))),
  ),
  f64x2: fromOne(double, (s, x) => areaOf(s, x, -1)),
}

/** ±∞ where |x| = 1, NaN beyond. */
const toOne =
  (ops: typeof double, write: Writer): Writer =>
  (s, x) => {
    const { abs, lt, eq, div, select } = ops
    const y = s.let(write(s, x))
    return s.unless(lt(abs(x), 1), y, () => select(eq(abs(x), 1), div(x, 0), NaN))
  }

/** `log((1 + x) / (1 - x)) / 2`. */
export const atanh: Row = {
  f32x4: toOne(
    single,
    small(
      single,
      2 ** -20,
      viaDouble((s, x) => mul(logHalf(s, div(add(1, x), sub(1, x))), 0.5)),
    ),
  ),
  f64x2: toOne(
    double,
    small(double, 2 ** -28, (s, x) => {
      const size = s.let(abs(x))
      const { hi, lo } = logPair(s, divPair(s, sum(s, 1, size), sum(s, 1, s.let(double.neg(size)))))
      return flip(mul(add(hi, lo), 0.5), signOf(x))
    }),
  ),
}
