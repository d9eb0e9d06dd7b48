/** The discrete Fourier transform of one line, in double precision. Pure; knows nothing of tensors. */

/** `e^(-2πi k/n)` as pairs. */
function roots(n: number): Float64Array {
  const table = new Float64Array(2 * n)
  for (let k = 0; k < n; k++) {
    table[2 * k] = Math.cos((2 * Math.PI * k) / n)
    table[2 * k + 1] = -Math.sin((2 * Math.PI * k) / n)
  }
  return table
}

/** Cooley and Tukey's, in place on pairs, for powers of two. */
function radix2(line: Float64Array, n: number, table: Float64Array): void {
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      for (const part of [0, 1]) [line[2 * i + part], line[2 * j + part]] = [line[2 * j + part], line[2 * i + part]]
    }
  }
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half)
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const [c, s] = [table[2 * k * stride], table[2 * k * stride + 1]]
        const [i, j] = [2 * (start + k), 2 * (start + k + half)]
        const re = line[j] * c - line[j + 1] * s
        const im = line[j] * s + line[j + 1] * c
        line[j] = line[i] - re
        line[j + 1] = line[i + 1] - im
        line[i] += re
        line[i + 1] += im
      }
    }
  }
}

/** Transforms lines of n pairs `re, im`, in place: `y[k] = Σ x[j] e^(-2πi jk/n)`. */
export type Transform = (line: Float64Array) => void

/** The transform for lines of n pairs: Cooley and Tukey's for powers of two, Bluestein's for other lengths. */
export function transformOf(n: number): Transform {
  if (n <= 1) return () => {}
  if ((n & (n - 1)) === 0) {
    const table = roots(n)
    return (line) => radix2(line, n, table)
  }
  return bluestein(n)
}

/** A transform of any length as a convolution with a chirp, `jk = (j² + k² - (k - j)²) / 2`, by transforms of a power of two. */
function bluestein(n: number): Transform {
  let m = 1
  while (m < 2 * n - 1) m *= 2
  const table = roots(m)
  // e^(-πi j²/n), with j² reduced modulo 2n, which keeps its digits.
  const chirp = new Float64Array(2 * n)
  for (let j = 0; j < n; j++) {
    const angle = (Math.PI * ((j * j) % (2 * n))) / n
    chirp[2 * j] = Math.cos(angle)
    chirp[2 * j + 1] = -Math.sin(angle)
  }
  const filter = new Float64Array(2 * m)
  for (let j = 0; j < n; j++) {
    for (const at of j === 0 ? [0] : [j, m - j]) {
      filter[2 * at] = chirp[2 * j]
      filter[2 * at + 1] = -chirp[2 * j + 1]
    }
  }
  radix2(filter, m, table)
  const work = new Float64Array(2 * m)
  const multiply = (to: Float64Array, other: Float64Array, count: number, sign: number): void => {
    for (let i = 0; i < 2 * count; i += 2) {
      const [re, im] = [to[i], to[i + 1]]
      to[i] = re * other[i] - im * other[i + 1]
      to[i + 1] = sign * (re * other[i + 1] + im * other[i])
    }
  }
  return (line) => {
    work.fill(0)
    work.set(line.subarray(0, 2 * n))
    multiply(work, chirp, n, 1)
    radix2(work, m, table)
    // Conjugated, so that the same transform goes back.
    multiply(work, filter, m, -1)
    radix2(work, m, table)
    for (let j = 0; j < n; j++) {
      const [re, im] = [work[2 * j] / m, -work[2 * j + 1] / m]
      line[2 * j] = re * chirp[2 * j] - im * chirp[2 * j + 1]
      line[2 * j + 1] = re * chirp[2 * j + 1] + im * chirp[2 * j]
    }
  }
}
