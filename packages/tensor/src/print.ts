/** Prints arrays as NumPy does: aligned columns, shortest exact decimals, long arrays summarised, long lines wrapped. */
import type { DType, TypedArray } from './dtype.ts'
import { sizeOf, type Shape } from './shape.ts'

const threshold = 1000
const edge = 3
const lineWidth = 75
const precision = 8

/** The text of row-major `values` of `shape`. */
export function print(values: TypedArray, shape: Shape, dtype: DType): string {
  const summarise = sizeOf(shape) > threshold
  const shown: number[] = []
  visit(shape, summarise, (index) => shown.push(values[index]))
  const format = formatter(shown, dtype)
  if (shape.length === 0) return format(values[0]).trim()
  if (sizeOf(shape) === 0) return '[]'

  const block = (axis: number, base: number): string => {
    const length = shape[axis]
    const inner = sizeOf(shape.slice(axis + 1))
    const cut = summarise && length > 2 * edge
    const indices = Array.from({ length }, (_, i) => i).filter((i) => !cut || i < edge || i >= length - edge)
    const items = indices.map((i) => (axis === shape.length - 1 ? format(values[base + i]) : block(axis + 1, base + i * inner)))
    if (cut) items.splice(edge, 0, '...')
    if (axis === shape.length - 1) return `[${wrap(items, axis + 1)}]`
    return `[${items.join('\n'.repeat(shape.length - axis - 1) + ' '.repeat(axis + 1))}]`
  }
  return block(0, 0)
}

function visit(shape: Shape, summarise: boolean, tell: (index: number) => void): void {
  const walk = (axis: number, base: number): void => {
    if (axis === shape.length) return tell(base)
    const inner = sizeOf(shape.slice(axis + 1))
    const cut = summarise && shape[axis] > 2 * edge
    for (let i = 0; i < shape[axis]; i++) if (!cut || i < edge || i >= shape[axis] - edge) walk(axis + 1, base + i * inner)
  }
  walk(0, 0)
}

function wrap(items: readonly string[], indent: number): string {
  const lines: string[] = []
  let line = ''
  for (const item of items) {
    if (line !== '' && indent + line.length + 1 + item.length > lineWidth) {
      lines.push(line)
      line = item
    } else line = line === '' ? item : `${line} ${item}`
  }
  lines.push(line)
  return lines.join(`\n${' '.repeat(indent)}`)
}

function formatter(values: readonly number[], dtype: DType): (value: number) => string {
  if (dtype === 'bool') return padded((value) => (value ? 'true' : 'false'), values)
  if (dtype === 'int32' || dtype === 'uint8') return padded(String, values)
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs)
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0)
  const smallest = sizes.reduce((a, b) => Math.min(a, b), Infinity)
  if (sizes.length > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000)) return exponential(values, dtype)
  return fixed(values, dtype)
}

const padded = (text: (value: number) => string, values: readonly number[]): ((value: number) => string) => {
  const width = values.reduce((w, v) => Math.max(w, text(v).length), 0)
  return (value) => text(value).padStart(width)
}

/** The fewest digits that give back the same float32 (or float64). */
function shortest(value: number, dtype: DType): string {
  if (dtype === 'float64') return String(value)
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return text
  }
  return value.toPrecision(9)
}

const special = (value: number): string => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf')

function fixed(values: readonly number[], dtype: DType): (value: number) => string {
  const parts = (value: number): [string, string] => {
    if (!Number.isFinite(value)) return [special(value), '']
    const decimals = (Number(shortest(value, dtype)).toFixed(precision).split('.')[1] ?? '').replace(/0+$/, '')
    const [whole, fraction = ''] = value.toFixed(decimals.length).split('.')
    return [Object.is(value, -0) ? '-0' : whole, fraction]
  }
  const left = values.reduce((w, v) => Math.max(w, Number.isFinite(v) ? parts(v)[0].length : 0), 0)
  const right = values.reduce((w, v) => Math.max(w, parts(v)[1].length), 0)
  const width = values.reduce((w, v) => Math.max(w, special(v).length * Number(!Number.isFinite(v))), left + 1 + right)
  return (value) => {
    const [whole, fraction] = parts(value)
    return Number.isFinite(value) ? `${whole}.${fraction.padEnd(right)}`.padStart(width) : whole.padStart(width)
  }
}

function exponential(values: readonly number[], dtype: DType): (value: number) => string {
  const digitsOf = (value: number): number =>
    Number.isFinite(value)
      ? Math.min(precision, (Number(shortest(value, dtype)).toExponential().split('e')[0].split('.')[1] ?? '').length)
      : 0
  const digits = values.reduce((d, v) => Math.max(d, digitsOf(v)), 0)
  return padded((value) => {
    if (!Number.isFinite(value)) return special(value)
    const [mantissa, power] = value.toExponential(digits).split('e')
    return `${mantissa}${digits === 0 ? '.' : ''}e${power[0]}${power.slice(1).padStart(2, '0')}`
  }, values)
}
