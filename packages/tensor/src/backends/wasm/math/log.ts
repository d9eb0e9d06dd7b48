import { f32x4, i32x4, i64x2, v128 } from '../assembler/index.ts'
import { doubleLn2, singleLn2 } from './exp.ts'
import {
  type Arithmetic,
  double,
  type Lanes,
  polynomial,
  type Row,
  single,
  type Site,
  type Vector,
  type Writer,
} from './lanes.ts'
import type { Pair } from './pair.ts'

/*
 * log(2^k · (1 + f)) = k · ln 2 + log(1 + f) with 1 + f in [√½, √2], where for s = f / (2 + f) the series 2s + 2s³/3 + … is
 * f - f²/2 + s · (f²/2 + s² · R(s²)). The coefficients of R were fitted like those of exp.ts.
 */

/** What the types differ in. */
interface Format {
  readonly ops: Arithmetic
  readonly ln2: readonly [number, number]
  readonly tail: readonly number[]
  readonly smallest: number
  /** `x = 2^k · m` for normal x > 0. */
  readonly split: (s: Site, x: Lanes) => { k: Lanes; m: Vector }
}

const singleFormat: Format = {
  ops: single,
  ln2: singleLn2,
  // Error 2^-30.2.
  tail: [0.66666776670438, 0.3997751344790523, 0.2987236213963006],
  smallest: 2 ** -126,
  split(s, x) {
    const root = i32x4.const(0x3f3504f3)
    const bits = s.let(i32x4.sub(x, root))
    const m = i32x4.add(v128.and(bits, i32x4.const(0x7fffff)), root)
    return { k: s.let(f32x4.convertI32x4S(i32x4.shrS(bits, 23))), m }
  },
}

/** Error 2^-37.6: what float32 results are rounded from. */
const halfTail = [0.6666666564326081, 0.40000335571502627, 0.28537289046772185, 0.23582461244815814]

const doubleFormat: Format = {
  ops: double,
  ln2: doubleLn2,
  // Error 2^-59.5.
  tail: [
    0.6666666666666734, 0.39999999999416797, 0.28571428741978755, 0.2222219861100518, 0.18183562511137785, 0.15314094124352826,
    0.14795536019640315,
  ],
  smallest: 2 ** -1022,
  split(s, x) {
    const root = 0x3fe6a09e667f3bcdn
    const bits = s.let(i64x2.sub(x, i64x2.const(root - (1024n << 52n))))
    const m = i64x2.add(v128.and(bits, i64x2.const(0xfffffffffffffn)), i64x2.const(root))
    const biased = v128.or(i64x2.shrU(bits, 52), i64x2.const(0x4330000000000000n))
    return { k: s.let(double.sub(biased, 2 ** 52 + 1024)), m }
  },
}

const formats = { f32x4: singleFormat, f64x2: doubleFormat } as const

/** `k · ln 2 + log(1 + f) + low`: a large part, exact, and what is left. */
function logOf(s: Site, { ops, ln2, tail }: Format, k: Lanes, f: Lanes, low?: Vector): Pair {
  const { add, sub, mul, div } = ops
  const halfSquare = s.let(mul(mul(f, 0.5), f))
  const quotient = s.let(div(f, add(f, 2)))
  const z = s.let(mul(quotient, quotient))
  const rest = mul(quotient, add(halfSquare, mul(z, polynomial(s, ops, z, tail))))
  const far = low === undefined ? mul(k, ln2[1]) : add(mul(k, ln2[1]), low)
  const hi = s.let(mul(k, ln2[0]))
  const first = s.let(add(hi, f))
  return { hi: first, lo: s.let(add(sub(f, sub(first, hi)), sub(add(rest, far), halfSquare))) }
}

const collapse = ({ add }: Arithmetic, { hi, lo }: Pair): Vector => add(hi, lo)

/** log where it is a number for every lane, with subnormal lanes; `log` itself leaves these to a call. */
const carefulLog =
  (format: Format): Writer =>
  (s, x) => {
    const { vector, select, sub, mul, lt, eq } = format.ops
    const tiny = s.let(lt(x, format.smallest))
    const { k, m } = format.split(s, s.let(select(tiny, mul(x, 2 ** 54), x)))
    const shifted = s.let(sub(k, v128.and(tiny, vector(54))))
    const y = collapse(format.ops, logOf(s, format, shifted, s.let(sub(m, 1))))
    return select(eq(x, 0), -Infinity, select(lt(x, 0), NaN, select(lt(x, Infinity), y, x)))
  }

const logWriter =
  (format: Format, name: string): Writer =>
  (s, x) => {
    const { sub, ge, lt } = format.ops
    const { k, m } = format.split(s, x)
    const y = collapse(format.ops, logOf(s, format, k, s.let(sub(m, 1))))
    const usual = v128.and(ge(x, format.smallest), lt(x, Infinity))
    return s.unless(usual, y, () => s.call(name, carefulLog(format), x))
  }

export const log: Row = { f32x4: logWriter(singleFormat, 'logf'), f64x2: logWriter(doubleFormat, 'log') }

/**
 * `log(u + low) + more · ln 2` for normal u > 0; `above` is u + low - 1, to be used where u is near 1 and the 1 would take
 * bits away from it.
 */
export function logOfSum(s: Site, type: 'f32x4' | 'f64x2', u: Lanes, low: Vector, above: Pair, more?: Vector): Pair {
  const format = formats[type]
  const { add, sub, div, eq, select } = format.ops
  const { k, m } = format.split(s, u)
  const near = s.let(eq(k, 0))
  const f = s.let(select(near, above.hi, sub(m, 1)))
  return logOf(s, format, more ? s.let(add(k, more)) : k, f, div(select(near, above.lo, low), u))
}

/** `x = 2^k · m` for normal float64 x > 0, m in [√½, √2]. */
export const splitDouble = doubleFormat.split

/** log in float64 with the relative error 2^-37, for normal u > 0: what float32 results are rounded from. */
export function logHalf(s: Site, x: Vector): Vector {
  const { k, m } = splitDouble(s, s.let(x))
  return collapse(double, logOf(s, { ...doubleFormat, tail: halfTail }, k, s.let(double.sub(m, 1))))
}

/** log2 in the same way. */
export function log2Half(s: Site, x: Lanes): Vector {
  const { k, m } = splitDouble(s, x)
  const fraction = collapse(
    double,
    logOf(s, { ...doubleFormat, tail: halfTail }, s.let(double.vector(0)), s.let(double.sub(m, 1))),
  )
  return double.add(k, double.mul(fraction, Math.LOG2E))
}

const log1pWriter =
  (type: 'f32x4' | 'f64x2'): Writer =>
  (s, x) => {
    const { add, sub, lt, gt, eq, select, signOf, vector } = formats[type].ops
    const u = s.let(add(x, 1))
    const part = s.let(sub(u, 1))
    const low = s.let(add(sub(1, sub(u, part)), sub(x, part)))
    const y = collapse(formats[type].ops, logOfSum(s, type, u, low, { hi: x, lo: s.let(vector(0)) }))
    const result = s.let(v128.or(y, signOf(x)))
    return s.unless(v128.and(gt(x, -1), lt(x, Infinity)), result, () =>
      select(eq(x, -1), -Infinity, select(lt(x, -1), NaN, select(lt(x, Infinity), result, x))),
    )
  }

export const log1p: Row = { f32x4: log1pWriter('f32x4'), f64x2: log1pWriter('f64x2') }
