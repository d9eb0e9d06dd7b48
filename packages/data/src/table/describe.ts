import { isText, type Series, type SeriesValues } from './series.ts'

/** The rows `count, mean, std, min, 25%, 50%, 75%, max` of every column of numbers. */
export function describe(columns: Iterable<Series>): [name: string, values: string[] | number[]][] {
  const names = ['count', 'mean', 'std', 'min', '25%', '50%', '75%', 'max']
  const described: [string, string[] | number[]][] = [['', names]]
  for (const { name, values } of columns) if (!isText(values)) described.push([name, statistics(values)])
  return described
}

function statistics(values: Exclude<SeriesValues, readonly string[]>): number[] {
  const sorted = Float64Array.from(values)
    .filter((v) => !Number.isNaN(v))
    .sort()
  const n = sorted.length
  const mean = sorted.reduce((sum, v) => sum + v, 0) / n
  const std = Math.sqrt(sorted.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1))
  return [n, mean, std, ...[0, 0.25, 0.5, 0.75, 1].map((q) => quantile(sorted, q))]
}

/** Linear between the two nearest of `sorted`, as in NumPy and pandas. */
function quantile(sorted: Float64Array, q: number): number {
  const position = q * (sorted.length - 1)
  const low = Math.floor(position)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted.length === 0 ? NaN : sorted[low] + (sorted[high] - sorted[low]) * (position - low)
}
