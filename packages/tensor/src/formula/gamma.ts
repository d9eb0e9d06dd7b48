/** The gamma function's family in double precision. */

/** B₂ₖ, Bernoulli's numbers. */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330]

/** Where the asymptotic series begin to be exact. */
const far = 12

/** `log |Γ(x)|`: Stirling's series for large x, which smaller ones are moved to by the recurrence; reflected below 1/2. */
export function lgamma(x: number): number {
  if (!Number.isFinite(x)) return Math.abs(x)
  if (x <= 0 && Number.isInteger(x)) return Infinity
  if (x < 0.5) return Math.log(Math.PI / Math.abs(sinPi(x))) - lgamma(1 - x)
  if (Math.abs(x - 1) < 0.3) return nearOne(x - 1)
  if (Math.abs(x - 2) < 0.3) return nearOne(x - 2) + Math.log1p(x - 2)
  let product = 1
  let z = x
  for (; z < far; z++) product *= z
  let sum = 0
  const square = 1 / (z * z)
  let power = 1 / z
  bernoulli.forEach((b, k) => {
    sum += (b / ((2 * k + 2) * (2 * k + 1))) * power
    power *= square
  })
  return (z - 0.5) * Math.log(z) - z + 0.9189385332046728 + sum - Math.log(product)
}

/** `log Γ(1 + d) = -γ d + Σ ζ(k) (-d)^k / k`, for a small d, where the logarithm would cancel. */
function nearOne(d: number): number {
  let sum = -0.5772156649015329 * d
  let power = d * d
  for (let k = 2; k < 60 && Math.abs(power) > 1e-19; k++) {
    sum += ((k % 2 === 0 ? 1 : -1) * zeta(k) * power) / k
    power *= d
  }
  return sum
}

const zetas: number[] = []

/** Riemann's ζ at integers from 2, by Euler and Maclaurin. */
function zeta(k: number): number {
  return (zetas[k] ??= hurwitz(k, 1))
}

/** `Σ_{i ≥ 0} (x + i)^-s` for x > 0: some terms, and the integral of the others with Bernoulli's corrections. */
function hurwitz(s: number, x: number): number {
  let sum = 0
  let z = x
  for (; z < far + s; z++) sum += z ** -s
  sum += z ** (1 - s) / (s - 1) + z ** -s / 2
  let factor = s * z ** (-s - 1)
  bernoulli.forEach((b, k) => {
    sum += (b / factorial(2 * k + 2)) * factor
    factor *= ((s + 2 * k + 1) * (s + 2 * k + 2)) / (z * z)
  })
  return sum
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1))

/** `sin(πx)`, exact where x is an integer or a half. */
function sinPi(x: number): number {
  const r = x - 2 * Math.round(x / 2)
  return r > 0.5 ? Math.sin(Math.PI * (1 - r)) : r < -0.5 ? -Math.sin(Math.PI * (1 + r)) : Math.sin(Math.PI * r)
}

/** The derivatives of {@link lgamma}: `polygamma(0, x)` is digamma, `polygamma(n, x)` its n-th derivative. NaN where n is no integer ≥ 0. */
export function polygamma(n: number, x: number): number {
  if (!Number.isInteger(n) || n < 0 || x !== x || x === -Infinity) return Number.NaN
  if (n === 0) return digamma(x)
  if (x === Infinity) return 0
  const sign = n % 2 === 0 ? -1 : 1
  if (x <= 0 && Number.isInteger(x)) return n % 2 === 0 ? Number.NaN : Infinity
  // Σ (x + i)^-(n+1), the terms below 1/2 one by one: they alternate in size, not in kind.
  let sum = 0
  let z = x
  for (; z < 0.5; z++) sum += z ** -(n + 1)
  return sign * factorial(n) * (sum + hurwitz(n + 1, z))
}

/** `Γ'(x) / Γ(x)`. */
function digamma(x: number): number {
  if (x === Infinity) return x
  if (x <= 0 && Number.isInteger(x)) return x === 0 ? (Object.is(x, -0) ? Infinity : -Infinity) : Number.NaN
  if (x < 0.5) return digamma(1 - x) - (Math.PI * Math.cos(Math.PI * x)) / sinPi(x)
  let sum = 0
  let z = x
  for (; z < far; z++) sum -= 1 / z
  const square = 1 / (z * z)
  let power = square
  sum += Math.log(z) - 0.5 / z
  bernoulli.forEach((b, k) => {
    sum -= (b / (2 * k + 2)) * power
    power *= square
  })
  return sum
}
