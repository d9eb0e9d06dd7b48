import { ShapeError } from '@typegrad/tensor'

/** Numbers in a row: an array, a typed array or a one-dimensional tensor; null, NaN and infinite values are gaps. */
export type Values = ArrayLike<number | null | undefined> | { toArray(): unknown }

/** A copy of `values` in which every gap is null, so that it can travel as JSON. */
export function toValues(op: string, name: string, values: Values): (number | null)[] {
  const list: unknown = 'toArray' in values ? values.toArray() : values
  if (!isRow(list))
    throw new ShapeError(`${op}: '${name}' is not a row of numbers: give a one-dimensional array`, { name, values })
  return Array.from(list, (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null))
}

function isRow(list: unknown): list is ArrayLike<unknown> {
  if (typeof list !== 'object' || list === null || !('length' in list)) return false
  return Array.from(list as ArrayLike<unknown>).every(
    (value) => value === null || value === undefined || typeof value === 'number',
  )
}

/** `value` with four significant digits, as short as it gets: 0.2763, 12, 1.5e-7. */
export function formatValue(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  const rounded = Number(value.toPrecision(4))
  const size = Math.abs(rounded)
  return size !== 0 && (size < 1e-4 || size >= 1e6) ? rounded.toExponential().replace('e+', 'e') : String(rounded)
}

/** The labels of a linear axis, all with as many decimals as the one that needs most: 0.95, 1.00. */
export function formatTicks(ticks: readonly number[]): string[] {
  const labels = ticks.map(formatValue)
  if (labels.some((label) => label.includes('e'))) return labels
  const decimals = Math.max(0, ...labels.map((label) => label.split('.')[1]?.length ?? 0))
  return ticks.map((tick) => tick.toFixed(decimals))
}
