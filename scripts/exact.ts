import * as special from '../packages/tensor/src/formula/special.ts'

/**
 * The functions of the formula language to about 300 bits, slowly and plainly: what `ulp.ts` and the tests measure against.
 * A number is `m · 2^e`; each operation rounds m to `precision` bits.
 */
export interface Big {
  readonly m: bigint
  readonly e: number
}

export type Exact = (...x: Big[]) => Big

let precision = 320

const bitLength = (m: bigint): number => (m < 0n ? -m : m).toString(16).length * 4

const rounded = (m: bigint, e: number): Big => {
  const extra = bitLength(m) - precision
  return extra > 64 ? { m: m >> BigInt(extra), e: e + extra } : { m, e }
}

const words = new DataView(new ArrayBuffer(8))

/** A finite double, exactly. */
export function big(x: number): Big {
  words.setFloat64(0, x)
  const bits = words.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const m = exponent === 0 ? fraction : fraction | (1n << 52n)
  return { m: x < 0 ? -m : m, e: Math.max(exponent, 1) - 1075 }
}

/** The double nearest to x, or next to it. */
export function toNumber({ m, e }: Big): number {
  const extra = Math.max(0, bitLength(m) - 64)
  const shift = e + extra
  const half = Math.trunc(shift / 2)
  return Number(m >> BigInt(extra)) * 2 ** half * 2 ** (shift - half)
}

const add = (a: Big, b: Big): Big => {
  if (a.m === 0n) return b
  if (b.m === 0n) return a
  const [low, high] = a.e < b.e ? [a, b] : [b, a]
  const shift = high.e - low.e
  // Where one is far above the other, the other is no more than a rounding error.
  if (shift > 4 * precision + bitLength(low.m)) return high
  return rounded((high.m << BigInt(shift)) + low.m, low.e)
}
const neg = (a: Big): Big => ({ m: -a.m, e: a.e })
const sub = (a: Big, b: Big): Big => add(a, neg(b))
const mul = (a: Big, b: Big): Big => rounded(a.m * b.m, a.e + b.e)
const shift = (a: Big, bits: number): Big => ({ m: a.m, e: a.e + bits })
const isZero = (a: Big): boolean => a.m === 0n

function div(a: Big, b: Big): Big {
  const up = Math.max(0, precision + 8 + bitLength(b.m) - bitLength(a.m))
  return rounded((a.m << BigInt(up)) / b.m, a.e - b.e - up)
}

function sqrt(a: Big): Big {
  if (isZero(a)) return a
  let up = Math.max(0, 2 * precision - bitLength(a.m))
  if ((a.e - up) % 2 !== 0) up++
  const m = a.m << BigInt(up)
  let x = 1n << BigInt(Math.ceil(bitLength(m) / 2) + 1)
  for (;;) {
    const next = (x + m / x) >> 1n
    if (next >= x) return rounded(x, (a.e - up) / 2)
    x = next
  }
}

const one = big(1)
const exponentOf = (a: Big): number => (isZero(a) ? -Infinity : bitLength(a.m) + a.e)
const abs = (a: Big): Big => (a.m < 0n ? neg(a) : a)
const round = (a: Big): bigint => (a.e >= 0 ? a.m << BigInt(a.e) : (a.m + (1n << BigInt(-a.e - 1))) >> BigInt(-a.e))

/** Σ term(k) until the terms no longer count. */
function series(first: Big, next: (term: Big, k: number) => Big): Big {
  let term = first
  let sum = first
  for (let k = 1; !isZero(term) && exponentOf(term) > exponentOf(sum) - precision - 8; k++) {
    term = next(term, k)
    sum = add(sum, term)
  }
  return sum
}

/** Σ xᵏ⁺ᵈ / (k·step + 1) with signs, the series of atan and log. */
const powerSeries = (x: Big, square: Big): Big => {
  let power = x
  return series(x, (_, k) => {
    power = mul(power, square)
    return div(power, big(2 * k + 1))
  })
}

const atanSmall = (x: Big): Big => powerSeries(x, neg(mul(x, x)))

function withPrecision<T>(bits: number, compute: () => T): T {
  const before = precision
  precision = bits
  try {
    return compute()
  } finally {
    precision = before
  }
}

/** Machin's formula, with the bits that the reduction of the largest doubles needs. */
const pi = withPrecision(1600, () => shift(sub(shift(atanSmall(div(one, big(5))), 2), atanSmall(div(one, big(239)))), 2))
const ln2 = withPrecision(600, () => shift(powerSeries(div(one, big(3)), div(one, big(9))), 1))

const expm1Small = (x: Big): Big => series(x, (term, k) => div(mul(term, x), big(k + 1)))

function exp(x: Big): Big {
  const n = round(div(x, ln2))
  let y = expm1Small(shift(sub(x, mul({ m: n, e: 0 }, ln2)), -12))
  for (let i = 0; i < 12; i++) y = add(shift(y, 1), mul(y, y))
  return shift(add(one, y), Number(n))
}

/** Beyond this e^-|x| is less than the precision. */
const far = (x: Big): boolean => exponentOf(x) > 12

function expm1(x: Big): Big {
  if (exponentOf(x) < 0) return expm1Small(x)
  return x.m < 0n && far(x) ? neg(one) : sub(exp(x), one)
}

/** `2 atanh((x - 1) / (x + 1))`, given x - 1. */
function log1pSmall(x: Big): Big {
  const quotient = div(x, add(x, big(2)))
  return shift(powerSeries(quotient, mul(quotient, quotient)), 1)
}

function log(x: Big): Big {
  const k = bitLength(x.m) + x.e
  const m = shift(x, -k)
  const y = big(Math.log(toNumber(m)))
  return add(mul(big(k), ln2), add(y, log1pSmall(sub(div(m, exp(y)), one))))
}

const log1p = (x: Big): Big => (exponentOf(x) < -4 ? log1pSmall(x) : log(add(one, x)))

function atan(x: Big): Big {
  let t = x
  for (let i = 0; i < 8; i++) t = div(t, add(one, sqrt(add(one, mul(t, t)))))
  return shift(atanSmall(t), 8)
}

function sinCos(x: Big): { sin: Big; cos: Big } {
  const halfPi = shift(pi, -1)
  const [n, r] = withPrecision(1600, () => {
    const n = round(div(x, halfPi))
    return [n, sub(x, mul({ m: n, e: 0 }, halfPi))]
  })
  const t = rounded(r.m, r.e)
  const square = neg(mul(t, t))
  const sine = series(t, (term, k) => div(mul(term, square), big(2 * k * (2 * k + 1))))
  const cosine = series(one, (term, k) => div(mul(term, square), big(2 * k * (2 * k - 1))))
  const quarter = Number(((n % 4n) + 4n) % 4n)
  const turned = [
    { sin: sine, cos: cosine },
    { sin: cosine, cos: neg(sine) },
    { sin: neg(sine), cos: neg(cosine) },
    { sin: neg(cosine), cos: sine },
  ]
  return turned[quarter]
}

const twoOverRootPi = div(big(2), sqrt(pi))

function erf(x: Big): Big {
  const square = neg(mul(x, x))
  let power = x
  return mul(
    twoOverRootPi,
    series(x, (_, k) => {
      power = div(mul(power, square), big(k))
      return div(power, big(2 * k + 1))
    }),
  )
}

function erfinv(y: Big): Big {
  let x = big(special.erfinv(toNumber(y)))
  for (let i = 0; i < 4; i++) x = sub(x, mul(div(sub(erf(x), y), twoOverRootPi), exp(mul(x, x))))
  return x
}

const odd =
  (f: Exact): Exact =>
  (x) =>
    x.m < 0n ? neg(f(neg(x))) : f(x)

function atan2(y: Big, x: Big): Big {
  if (isZero(x)) return y.m < 0n ? neg(shift(pi, -1)) : shift(pi, -1)
  const angle = atan(div(y, x))
  if (x.m > 0n) return angle
  return y.m < 0n ? sub(angle, pi) : add(angle, pi)
}

function mod(a: Big, b: Big): Big {
  const e = Math.min(a.e, b.e)
  const [x, y] = [a.m << BigInt(a.e - e), b.m << BigInt(b.e - e)]
  const r = x % y
  return { m: r !== 0n && r < 0n !== y < 0n ? r + y : r, e }
}

const power = (x: Big, y: Big): Big => {
  const size = exp(mul(y, log(abs(x))))
  return x.m < 0n && round(y) % 2n !== 0n ? neg(size) : size
}

/** The functions where they have a finite value other than 0. */
export const exact: Readonly<Record<string, Exact>> = {
  exp,
  expm1,
  log,
  log1p,
  erf: odd((x) => (toNumber(x) > 7 ? one : erf(x))),
  erfinv,
  atan2,
  mod,
  pow: power,
  atan,
  sqrt,
  sin: (x) => sinCos(x).sin,
  cos: (x) => sinCos(x).cos,
  tan: (x) => div(sinCos(x).sin, sinCos(x).cos),
  asin: (x) => atan2(x, sqrt(mul(sub(one, x), add(one, x)))),
  acos: (x) => shift(atan2(sqrt(sub(one, x)), sqrt(add(one, x))), 1),
  cosh: (x) => shift(add(exp(x), exp(neg(x))), -1),
  sinh: odd((x) => shift(add(expm1(x), div(expm1(x), exp(x))), -1)),
  tanh: odd((x) => (far(x) ? one : div(expm1(shift(x, 1)), add(expm1(shift(x, 1)), big(2))))),
  asinh: odd((x) => log1p(add(x, div(mul(x, x), add(one, sqrt(add(one, mul(x, x)))))))),
  acosh: (x) => log(add(x, sqrt(mul(sub(x, one), add(x, one))))),
  atanh: (x) => shift(log1p(div(shift(x, 1), sub(one, x))), -1),
}

/** How far y is from the exact value, in the units in the last place of the doubles around the value; ∞ counts as 2^1024. */
export function ulpsOf(y: number, value: Big): number {
  if (Number.isNaN(y)) return Infinity
  const unit = Math.max(abs(value).m.toString(2).length + value.e - 53, -1074)
  const given = Number.isFinite(y) ? big(y) : { m: y > 0 ? 1n : -1n, e: 1024 }
  return toNumber(shift(abs(sub(given, value)), -unit))
}
