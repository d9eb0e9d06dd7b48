/** The modified Bessel functions of the first kind in double precision. */

/** `Iₙ(x)`: its power series for small x, the asymptotic one for large x (Abramowitz & Stegun 9.6.10 and 9.7.1). */
function bessel(n: 0 | 1, x: number): number {
  const a = Math.abs(x)
  const sign = n === 1 && x < 0 ? -1 : 1
  if (a !== a || a === Infinity) return sign * a
  if (a < 30) {
    const quarter = (a * a) / 4
    let term = n === 0 ? 1 : a / 2
    let sum = term
    for (let k = 1; term > 1e-18 * sum; k++) {
      term *= quarter / (k * (k + n))
      sum += term
    }
    return sign * sum
  }
  let term = 1
  let sum = 1
  for (let k = 1; k < 30; k++) {
    const next = (-term * (4 * n * n - (2 * k - 1) ** 2)) / (k * 8 * a)
    if (Math.abs(next) > Math.abs(term) || next === 0) break
    term = next
    sum += term
  }
  // In halves, as e^x overflows before the quotient does.
  const half = Math.exp(a / 2)
  return sign * half * (half / Math.sqrt(2 * Math.PI * a)) * sum
}

export const i0 = (x: number): number => bessel(0, x)
export const i1 = (x: number): number => (x === 0 ? x : bessel(1, x))
