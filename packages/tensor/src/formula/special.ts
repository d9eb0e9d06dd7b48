/** Scalar functions in double precision that `Math` lacks. */

/** The nearest integer, halves to even, as NumPy and IEEE 754 have it. */
export function roundHalfEven(x: number): number {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : Object.is(x, -0) || (x < 0 && r === 0) ? -0 : r
}

/** `a - b·floor(a/b)`, exact: the remainder with the sign of the divisor, as Python's `%`. */
export function mod(a: number, b: number): number {
  const r = a % b
  if (r !== 0 && r < 0 !== b < 0) return r + b
  return r === 0 && b < 0 ? -0 : r === 0 ? 0 : r
}

/** `a^b`; 1 where JavaScript has NaN, but IEEE 754 and NumPy have not: 1 to any power, -1 to the power ±∞. */
export const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)

/** `a^b` modulo 2^32 for integers; a negative exponent gives the truncated quotient 1 / a^-b (0 for a = 0). */
export function powInt(a: number, b: number): number {
  if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0
  let result = 1
  let base = a | 0
  for (let n = b; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = Math.imul(result, base)
    base = Math.imul(base, base)
  }
  return result
}

/** Σ c[i]·x^i, highest power first. */
const polynomial = (x: number, c: readonly number[]): number => {
  let y = 0
  for (const k of c) y = y * x + k
  return y
}

/**
 * The error function `2/√π ∫₀ˣ e^(-t²) dt`, to about 1e-16: its Maclaurin series near 0, the continued fraction of
 * erfc elsewhere (Abramowitz & Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(a)) return Number.NaN
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; n < 80 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
  }
  return Math.sign(x) * (1 - farErfc(a))
}

/** `1 - erf(x)`, exact where it is small. */
export function erfc(x: number): number {
  if (x !== x) return x
  return x < 1.7 ? 1 - erf(x) : x > 27.3 ? 0 : farErfc(x)
}

/** The same for x above 1.7. */
function farErfc(x: number): number {
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
}

/** The inverse of {@link erf}: Giles' approximation (2010), then Newton steps. */
export function erfinv(y: number): number {
  if (y <= -1 || y >= 1) return y === -1 ? -Infinity : y === 1 ? Infinity : Number.NaN
  let w = -Math.log((1 - y) * (1 + y))
  let x: number
  if (w < 5) {
    w -= 2.5
    x = polynomial(
      w,
      [
        2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
        1.50140941,
      ],
    )
  } else {
    w = Math.sqrt(w) - 3
    x = polynomial(
      w,
      [
        -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
        2.83297682,
      ],
    )
  }
  x *= y
  const slope = (): number => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)
  if (Math.abs(y) < 0.985) {
    for (let i = 0; i < 2; i++) x -= (erf(x) - y) / slope()
    return x
  }
  // Near ±1 on the logarithm of erfc, which is nearly a parabola and keeps the digits of 1 - |y|.
  x = Math.abs(x)
  for (let i = 0; i < 4; i++) x += (Math.log(farErfc(x) / (1 - Math.abs(y))) * farErfc(x)) / slope()
  return y < 0 ? -x : x
}
