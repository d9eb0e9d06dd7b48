import type { Series } from './figure.ts'

/**
 * At most a few points per pixel column: the first, lowest, highest and last value of each, and a null where it holds a
 * gap. A line through them covers the same pixels as a line through all of them (M4, Jugel et al., VLDB 2014), so
 * that 10,000 epochs stay a small file and no spike is lost.
 */
export function downsample(series: Series, columns: number): Series {
  const n = series.y.length
  if (n <= 4 * columns) return series
  const kept: number[] = []
  for (let column = 0; column < columns; column++) {
    kept.push(...landmarks(series.y, Math.floor((column * n) / columns), Math.floor(((column + 1) * n) / columns)))
  }
  return { name: series.name, x: kept.map((i) => series.x[i]), y: kept.map((i) => series.y[i]) }
}

/** Where the first, lowest, highest and last value and the first gap of `y[from..to)` stand, in order. */
function landmarks(y: readonly (number | null)[], from: number, to: number): number[] {
  let [first, last, lowest, highest, gap] = [-1, -1, -1, -1, -1]
  for (let i = from; i < to; i++) {
    const value = y[i]
    if (value === null) {
      if (gap < 0) gap = i
      continue
    }
    if (first < 0) first = lowest = highest = i
    last = i
    if (value < y[lowest]!) lowest = i
    if (value > y[highest]!) highest = i
  }
  const found = [first, lowest, highest, last, gap].filter((i) => i >= 0)
  return [...new Set(found)].toSorted((a, b) => a - b)
}
