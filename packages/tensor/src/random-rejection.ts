/**
 * Distributions that are sampled by trying until a number is accepted. Pure: each takes uniform numbers in (0, 1) from a function
 * of its own, as many as it needs.
 */

export type Uniform = () => number

const normal = (u: Uniform): number => Math.sqrt(-2 * Math.log(u())) * Math.cos(2 * Math.PI * u())

/** Gamma of shape `alpha` and scale 1: Marsaglia and Tsang (2000); below 1 by the one above it, `Γ(alpha + 1) · U^(1/alpha)`. */
export function gamma(alpha: number, u: Uniform): number {
  if (!(alpha > 0)) return alpha === 0 ? 0 : Number.NaN
  if (alpha === Infinity) return alpha
  if (alpha < 1) return gamma(alpha + 1, u) * u() ** (1 / alpha)
  const d = alpha - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(u)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(u()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** Beta from two gammas, by their logarithms where both are so small that they underflow. */
export function beta(a: number, b: number, u: Uniform): number {
  const [x, y] = [gamma(a, u), gamma(b, u)]
  if (x + y > 1e-290) return x / (x + y)
  // Jöhnk (1964): for small a and b, U^(1/a) and V^(1/b) whose sum is at most 1, as logarithms.
  const [p, q] = [Math.log(u()) / a, Math.log(u()) / b]
  const most = Math.max(p, q)
  return Math.exp(p - most - Math.log(Math.exp(p - most) + Math.exp(q - most)))
}

/** Poisson: for small rates by multiplying uniform numbers, else by Hörmann's transformed rejection PTRS (1993). */
export function poisson(rate: number, u: Uniform, logGamma: (x: number) => number): number {
  if (!(rate >= 0) || rate === Infinity) return rate === Infinity ? rate : Number.NaN
  if (rate < 10) {
    const limit = Math.exp(-rate)
    let count = 0
    for (let product = u(); product > limit; product *= u()) count++
    return count
  }
  const b = 0.931 + 2.53 * Math.sqrt(rate)
  const a = -0.059 + 0.02483 * b
  const inverse = 1.1239 + 1.1328 / (b - 3.4)
  const ratio = 0.9277 - 3.6224 / (b - 2)
  for (;;) {
    const x = u() - 0.5
    const v = u()
    const edge = 0.5 - Math.abs(x)
    const k = Math.floor(((2 * a) / edge + b) * x + rate + 0.43)
    if (edge >= 0.07 && v <= ratio) return k
    if (k < 0 || (edge < 0.013 && v > edge)) continue
    if (Math.log((v * inverse) / (a / (edge * edge) + b)) <= k * Math.log(rate) - rate - logGamma(k + 1)) return k
  }
}

/** The number of successes among n trials, by counting; or by the waiting times between them where they are rare. */
export function binomial(n: number, p: number, u: Uniform): number {
  if (!(p >= 0 && p <= 1) || !(n >= 0)) return Number.NaN
  if (p > 0.5) return n - binomial(n, 1 - p, u)
  if (p === 0) return 0
  const logMiss = Math.log1p(-p)
  let count = 0
  for (let at = Math.ceil(Math.log(u()) / logMiss); at <= n; at += Math.ceil(Math.log(u()) / logMiss)) count++
  return count
}
