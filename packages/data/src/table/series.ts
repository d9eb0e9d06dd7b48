import { DTypeError, optionsOf, ShapeError, tensor, Tensor, ValueError, type DType } from '@typegrad/tensor'
import { parseNumber } from '../csv/number.ts'
import { CsvError } from '../errors.ts'
import { printTable } from './print.ts'

/** The cells of a column: numbers or texts. */
export type SeriesValues = Float64Array | Float32Array | Int32Array | readonly string[]

/** What a column can be made of. */
export type SeriesLike = Series | Tensor | ArrayLike<number> | readonly boolean[] | readonly string[]

/** Where the cells stand in a CSV file: the line that each row begins on, and the number of the column. */
export interface Place {
  lines: Int32Array
  column: number
}

/** One column of a table: a name and its cells. Stands for a tensor wherever one is asked for, if it holds numbers. */
export class Series implements Iterable<string | number> {
  readonly name: string
  /** A typed array of numbers, or an array of texts. */
  readonly values: SeriesValues
  /** @internal */
  readonly place: Place | undefined

  /** Typed arrays and arrays of texts are taken as they are, other numbers as float64. */
  constructor(name: string, values: SeriesLike, place?: Place) {
    this.name = name
    this.values = toValues(name, values)
    this.place = place ?? (values instanceof Series ? values.place : undefined)
  }

  /** The number of cells. */
  get length(): number {
    return this.values.length
  }

  get dtype(): 'float64' | 'float32' | 'int32' | 'string' {
    const { values } = this
    return isText(values)
      ? 'string'
      : values instanceof Float64Array
        ? 'float64'
        : values instanceof Float32Array
          ? 'float32'
          : 'int32'
  }

  /** One cell; negative positions count from the end. */
  at(index: number): string | number | undefined {
    return this.values.at(index)
  }

  /** The cells `[start, end)`; numbers are not copied. */
  slice(start?: number, end?: number): Series {
    const { name, values, place } = this
    const part = isText(values) ? values.slice(start, end) : values.subarray(start, end)
    return new Series(name, part, place && { ...place, lines: place.lines.subarray(start, end) })
  }

  /** @internal Some of the cells, by their positions. */
  take(positions: Int32Array): Series {
    const { name, values, place } = this
    const picked = <T extends Exclude<SeriesValues, readonly string[]>>(from: T): T =>
      from.slice(0, positions.length).map((_, i) => from[positions[i]]) as T
    const cells = isText(values) ? Array.from(positions, (i) => values[i]) : picked(values)
    return new Series(name, cells, place && { ...place, lines: picked(place.lines) })
  }

  /** Whether the cell at `i` is missing: NaN, or an empty text. */
  isMissing(i: number): boolean {
    const cell = this.values[i]
    return cell === '' || Number.isNaN(cell)
  }

  /** With `value` in place of missing cells. */
  fillna(value: string | number): Series {
    const { name, values, place } = this
    if (isText(values) !== (typeof value === 'string'))
      throw new ValueError(
        `fillna: ${JSON.stringify(value)} for column '${name}', which holds ${isText(values) ? 'texts' : 'numbers'}`,
      )
    const filled = Array.from(values as ArrayLike<string | number>, (cell, i) => (this.isMissing(i) ? value : cell))
    return new Series(name, isText(values) ? (filled as string[]) : Float64Array.from(filled as number[]), place)
  }

  /** How often each value occurs, the most frequent first. */
  valueCounts(): Map<string | number, number> {
    const counts = new Map<string | number, number>()
    for (const cell of this) counts.set(cell, (counts.get(cell) ?? 0) + 1)
    return new Map([...counts].sort(([, a], [, b]) => b - a))
  }

  toArray(): (string | number)[] {
    return [...this.values]
  }

  [Symbol.iterator](): Iterator<string | number> {
    return this.values[Symbol.iterator]()
  }

  /**
   * The numbers as a tensor of shape `[length]`.
   * @throws {@link CsvError} or {@link DTypeError} if it holds texts, or a value that `dtype` cannot hold.
   */
  toTensor(options?: { dtype?: DType }): Tensor {
    const { dtype } = optionsOf('toTensor', options, { dtype: 'float32' })
    return tensor(this.numbers(dtype), { dtype })
  }

  /** @internal The cells, if all are numbers that `dtype` can hold. */
  numbers(dtype: DType): Exclude<SeriesValues, readonly string[]> {
    const { name, values } = this
    if (isText(values)) {
      const i = Math.max(
        0,
        values.findIndex((text) => parseNumber(text) === undefined),
      )
      const text =
        values.length === 0 ? 'text' : `text, '${values[i]}' ${this.place ? `at line ${this.place.lines[i]}` : `in row ${i}`}`
      throw this.#error(i, `column '${name}' holds ${text}; drop it, or encode it with LabelEncoder or getDummies`)
    }
    const odd = values.findIndex((value) => !holds(dtype, value))
    if (odd >= 0) throw this.#error(odd, `column '${name}', row ${odd} is ${values[odd]}, which ${dtype} cannot hold`)
    return values
  }

  toString(): string {
    return printTable([this], this.length)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #error(row: number, why: string): CsvError | DTypeError {
    const message = `toTensor: ${why}`
    const { lines, column = 0 } = this.place ?? {}
    return lines && row < lines.length ? new CsvError(message, lines[row], column, { row }) : new DTypeError(message, { row })
  }
}

/** Whether cells are texts. */
export const isText = (values: SeriesValues): values is readonly string[] => Array.isArray(values)

const holds = (dtype: DType, value: number): boolean => {
  if (dtype === 'float32' || dtype === 'float64') return true
  if (dtype === 'int32') return (value | 0) === value
  return Number.isInteger(value) && value >= 0 && value <= (dtype === 'bool' ? 1 : 255)
}

function toValues(name: string, values: SeriesLike): SeriesValues {
  if (values instanceof Series) return values.values
  if (values instanceof Float64Array || values instanceof Float32Array || values instanceof Int32Array) return values
  if (values instanceof Tensor) {
    if (values.shape.length !== 1)
      throw new ShapeError(`Table: column '${name}' is a tensor of shape [${values.shape.join(', ')}], expected one axis`)
    return toValues(name, values.toTypedArray())
  }
  const cells = Array.from(values as ArrayLike<unknown>)
  if (cells.length > 0 && cells.every((cell) => typeof cell === 'string')) return cells
  const odd = cells.find((cell) => typeof cell !== 'number' && typeof cell !== 'boolean')
  if (odd === undefined && !cells.includes(undefined)) return Float64Array.from(cells, Number)
  if (cells.some((cell) => typeof cell === 'string'))
    throw new ValueError(`Table: column '${name}' mixes texts with other values`, { name })
  throw new ValueError(`Table: column '${name}' holds ${odd === null ? 'null' : typeof odd}, expected numbers or texts`, { name })
}
