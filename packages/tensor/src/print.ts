/**
 * Prints arrays as NumPy 2.4 does: aligned columns, the fewest digits that tell a number from its neighbours but at most
 * 8 decimals, long arrays summarised, long lines wrapped. The rules are those of numpy/_core/arrayprint.py.
 */
import type { DType, TypedArray } from './dtype.ts'
import { sizeOf, type Shape } from './shape.ts'

const threshold = 1000
const edge = 3
const lineWidth = 75
const precision = 8

type Format = (value: number) => string

/** The text of row-major `values` of `shape`. */
export function print(values: TypedArray, shape: Shape, dtype: DType): string {
  const { length: rank } = shape
  const size = sizeOf(shape)
  if (rank === 0) return scalarText(values[0], dtype)
  if (size === 0) return '[]'
  /** The positions along an axis that are shown; -1 stands for the dots. */
  const shown = shape.map((length) => {
    const all = Array.from({ length }, (_, i) => i)
    return size > threshold && length > 2 * edge ? [...all.slice(0, edge), -1, ...all.slice(-edge)] : all
  })
  const seen: number[] = []
  const visit = (axis: number, at: number): void => {
    if (axis === rank) seen.push(values[at])
    else for (const i of shown[axis]) if (i >= 0) visit(axis + 1, at * shape[axis] + i)
  }
  visit(0, 0)
  const format = formatter(seen, dtype)

  const block = (axis: number, at: number): string => {
    const indent = ' '.repeat(axis + 1)
    const items = shown[axis].map((i) => {
      const next = at * shape[axis] + i
      return i < 0 ? '...' : axis === rank - 1 ? format(values[next]) : block(axis + 1, next)
    })
    // A line ends in the closing brackets of all axes.
    if (axis === rank - 1) return `[${wrap(items, indent, lineWidth - rank)}]`
    return `[${items.join('\n'.repeat(rank - 1 - axis) + indent)}]`
  }
  return block(0, 0)
}

/** Words on lines of at most `width` characters, all but the first of which begin with `indent`. */
function wrap(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = []
  let line = indent
  words.forEach((word, i) => {
    if (line.length + word.length > width && line.length > indent.length) {
      lines.push(line.trimEnd())
      line = indent
    }
    line += i === words.length - 1 ? word : `${word} `
  })
  return [...lines, line].join('\n').slice(indent.length)
}

/** The format that all shown values share. */
function formatter(values: readonly number[], dtype: DType): Format {
  if (dtype === 'bool') return (value) => (value ? ' true' : 'false')
  if (dtype === 'int32' || dtype === 'uint8') {
    const width = longest(values.map(String))
    return (value) => String(value).padStart(width)
  }
  const finite = values.filter(Number.isFinite)
  const { width, format } = needsExponent(finite, dtype) ? exponential(finite, dtype) : positional(finite, dtype)
  if (finite.length === values.length) return format
  const column = Math.max(width, longest(values.filter((value) => !Number.isFinite(value)).map(special)))
  return (value) => (Number.isFinite(value) ? format(value) : special(value)).padStart(column)
}

const special: Format = (value) => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf')
const longest = (texts: readonly string[]): number => texts.reduce((length, text) => Math.max(length, text.length), 0)

/** A number of its own is printed with all of its digits. */
function scalarText(value: number, dtype: DType): string {
  if (dtype === 'bool') return value ? 'true' : 'false'
  if (dtype === 'int32' || dtype === 'uint8') return String(value)
  if (!Number.isFinite(value)) return special(value)
  const [mantissa, power] = shortest(value, dtype)
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-4 || size >= (dtype === 'float32' ? 1e6 : 1e16))) return `${mantissa}e${signed(power, 2)}`
  const text = decimals(mantissa, power)
  return text.includes('.') ? text : `${text}.0`
}

/** Whether the values are too large, too small or too far apart for columns of decimals. */
function needsExponent(finite: readonly number[], dtype: DType): boolean {
  const sizes = finite.filter((value) => value !== 0).map(Math.abs)
  if (sizes.length === 0) return false
  const round = dtype === 'float32' ? Math.fround : Number
  const largest = sizes.reduce((a, b) => Math.max(a, b))
  const smallest = sizes.reduce((a, b) => Math.min(a, b))
  return largest >= (dtype === 'float32' ? 1e6 : 1e8) || smallest < round(1e-4) || round(largest / smallest) > 1000
}

function positional(finite: readonly number[], dtype: DType): { width: number; format: Format } {
  const parts = (value: number): [string, string] => {
    const [mantissa, power] = shortest(value, dtype)
    const few = decimals(mantissa, power)
    const text = (few.split('.')[1] ?? '').length <= precision ? few : halfToEven(value, 'toFixed', precision)
    const [whole, fraction = ''] = text.split('.')
    return [whole, fraction.replace(/0+$/, '')]
  }
  const left = longest(finite.map((value) => parts(value)[0]))
  const right = longest(finite.map((value) => parts(value)[1]))
  const format: Format = (value) => {
    const [whole, fraction] = parts(value)
    return `${whole.padStart(left)}.${fraction.padEnd(right)}`
  }
  return { width: left + 1 + right, format }
}

function exponential(finite: readonly number[], dtype: DType): { width: number; format: Format } {
  const fractions = finite.map((value) => {
    const mantissa = shortest(value, dtype)[0].split('.')[1] ?? ''
    return mantissa.length <= precision
      ? mantissa
      : halfToEven(value, 'toExponential', precision).split(/[.e]/)[1].replace(/0+$/, '')
  })
  const digits = longest(fractions)
  const parts = (value: number): [string, string] => halfToEven(value, 'toExponential', digits).split('e') as [string, string]
  const powers = longest(finite.map((value) => signed(Number(parts(value)[1]), 2)))
  const text: Format = (value) => {
    const [mantissa, power] = parts(value)
    return `${mantissa}${digits === 0 ? '.' : ''}e${signed(Number(power), powers - 1)}`
  }
  const width = longest(finite.map(text))
  return { width, format: (value) => text(value).padStart(width) }
}

const signed = (power: number, digits: number): string => (power < 0 ? '-' : '+') + String(Math.abs(power)).padStart(digits, '0')

/** The mantissa and the power of ten of the shortest decimal that is read back as the same float32 or float64. */
function shortest(value: number, dtype: DType): [string, number] {
  let text = value.toExponential()
  if (dtype === 'float32') {
    for (let digits = 0; digits < 9; digits++) {
      text = halfToEven(value, 'toExponential', digits)
      if (Math.fround(Number(text)) === value) break
    }
  }
  const [mantissa, power] = text.split('e')
  return [Object.is(value, -0) ? '-0' : mantissa, Number(power)]
}

/** A decimal without an exponent. */
function decimals(mantissa: string, power: number): string {
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole, fraction = ''] = mantissa.slice(sign.length).split('.')
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${whole}${fraction}`
  const after = fraction.slice(power)
  return `${sign}${whole}${fraction.slice(0, power).padEnd(power, '0')}${after && '.'}${after}`
}

/** The number with so many decimals; from the middle to the even digit, where JavaScript goes up. */
function halfToEven(value: number, method: 'toFixed' | 'toExponential', digits: number): string {
  const text = (Object.is(value, -0) ? '-' : '') + value[method](digits)
  const [mantissa] = text.split('e')
  const last = mantissa.length - 1
  if (Number(mantissa[last]) % 2 === 0) return text
  const exact = value[method](100).split('e')[0]
  const isMiddle = /^\.?50*$/.test(exact.slice(mantissa.length))
  return isMiddle ? `${mantissa.slice(0, last)}${Number(mantissa[last]) - 1}${text.slice(mantissa.length)}` : text
}
