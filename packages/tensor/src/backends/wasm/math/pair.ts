import { i64x2, Local, v128 } from '../assembler/index.ts'
import { double, type Lanes, type Operand, polynomial, type Site, type Vector } from './lanes.ts'

const { add, sub, mul, div, sqrt, pmax, vector } = double

/**
 * An unevaluated sum `hi + lo` of two float64 lanes, lo at most half a unit in the last place of hi: 106 bits of a value.
 * The functions here are those of Dekker (1971) and Knuth, to about 2^-100 where they do not say more.
 */
export interface Pair {
  readonly hi: Lanes
  readonly lo: Lanes
}

const local = (s: Site, x: Operand): Lanes => (x instanceof Local ? x : s.let(vector(x)))

/** `a + b`, exact, where |a| ≥ |b| or a is 0. */
export function fastSum(s: Site, a: Operand, b: Operand): Pair {
  const y = local(s, b)
  const hi = s.let(add(a, y))
  return { hi, lo: s.let(sub(y, sub(hi, a))) }
}

/** `a + b`, exact. */
export function sum(s: Site, a: Operand, b: Operand): Pair {
  const x = local(s, a)
  const y = local(s, b)
  const hi = s.let(add(x, y))
  const part = s.let(sub(hi, x))
  return { hi, lo: s.let(add(sub(x, sub(hi, part)), sub(y, part))) }
}

/** The upper 26 bits of a significand and the rest, whose products are exact. */
function halves(s: Site, x: Vector): Pair {
  const hi = s.let(v128.and(x, i64x2.const(-0x8000000n)))
  return { hi, lo: s.let(sub(x, hi)) }
}

/** `a · b`: where nothing underflows exact but for the last of 107 bits, and quite exact where `a` has 51 bits. */
export function product(s: Site, a: Operand, b: Operand): Pair {
  const x = local(s, a)
  const y = a === b ? x : local(s, b)
  const hi = s.let(mul(x, y))
  const u = halves(s, x)
  const v = a === b ? u : halves(s, y)
  const rest = add(add(sub(mul(u.hi, v.hi), hi), mul(u.hi, v.lo)), mul(u.lo, v.hi))
  return { hi, lo: s.let(add(rest, mul(u.lo, v.lo))) }
}

export function addPair(s: Site, a: Pair, b: Pair): Pair {
  const { hi, lo } = sum(s, a.hi, b.hi)
  return fastSum(s, hi, add(lo, add(a.lo, b.lo)))
}

/** The sum of a pair and a number. */
export function increase(s: Site, a: Pair, b: Operand): Pair {
  const { hi, lo } = sum(s, a.hi, b)
  return fastSum(s, hi, add(lo, a.lo))
}

export function mulPair(s: Site, a: Pair, b: Pair): Pair {
  const { hi, lo } = product(s, a.hi, b.hi)
  return fastSum(s, hi, add(lo, add(mul(a.hi, b.lo), mul(a.lo, b.hi))))
}

export function divPair(s: Site, a: Pair, b: Pair): Pair {
  const hi = s.let(div(a.hi, b.hi))
  const back = product(s, hi, b.hi)
  const rest = add(sub(sub(a.hi, back.hi), back.lo), sub(a.lo, mul(hi, b.lo)))
  return { hi, lo: s.let(div(rest, b.hi)) }
}

/** The square root of a pair. */
export function sqrtPair(s: Site, a: Pair): Pair {
  const hi = s.let(sqrt(a.hi))
  const back = product(s, hi, hi)
  return { hi, lo: s.let(div(add(sub(sub(a.hi, back.hi), back.lo), a.lo), pmax(add(hi, hi), 2 ** -1000))) }
}

export const constant = (s: Site, hi: number, lo = 0): Pair => ({ hi: local(s, hi), lo: local(s, lo) })

/** `2a`, exact. */
export const twice = (s: Site, { hi, lo }: Pair): Pair => ({ hi: s.let(add(hi, hi)), lo: s.let(add(lo, lo)) })

/** Σ c[i]·xⁱ, with 106 bits in the first two terms. */
export function polynomialPair(s: Site, x: Pair, [c0, c1, ...rest]: readonly number[]): Pair {
  const slope = fastSum(s, c1, mul(x.hi, polynomial(s, double, x.hi, rest)))
  const linear = mulPair(s, x, slope)
  return increase(s, linear, c0)
}
