import { CsvError } from '../errors.ts'
import { parseNumber } from './number.ts'

/** What a column can be told to hold; text columns are `'string'`. */
export type ColumnDType = 'float32' | 'float64' | 'int32' | 'string'

type NumberArray = Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>

const arrays = { float64: Float64Array, float32: Float32Array, int32: Int32Array } as const

export interface ColumnOptions {
  op: string
  name: string
  /** Position among the columns, from 0. */
  index: number
  /** What the column must hold; `undefined` to find out. */
  dtype: ColumnDType | undefined
  missing: 'error' | 'nan'
  missingTexts: ReadonlySet<string>
}

/**
 * Collects the cells of one column. A column without a dtype takes numbers until a text comes: it is then in `conflict`,
 * and has to be read again as text, since the numbers have lost their spelling (`007`, `1.0`).
 */
export class ColumnBuilder {
  conflict = false
  readonly #options: ColumnOptions
  #dtype: ColumnDType | undefined
  /** Of a column of numbers, the first `#length` are in use. */
  #numbers: NumberArray | undefined
  #length = 0
  /** Of a column of texts, or of one that has only missing values so far. */
  #texts: string[] = []
  #firstMissing: { text: string; line: number } | undefined

  constructor(options: ColumnOptions) {
    this.#options = options
    this.#dtype = options.dtype
    if (this.#dtype !== undefined && this.#dtype !== 'string') this.#numbers = new arrays[this.#dtype](8)
  }

  push(text: string, line: number): void {
    if (this.conflict) return
    if (this.#dtype === 'string') {
      this.#texts.push(text)
      return
    }
    const value = parseNumber(text)
    if (value !== undefined) this.#add(value, text, line)
    else if (this.#options.missingTexts.has(text.trim())) this.#addMissing(text, line)
    else if (this.#numbers && this.#options.dtype === undefined && this.#dtype === undefined) this.conflict = true
    else if (this.#numbers) throw this.#error(`'${clip(text)}' is not a number`, line, `mend it or ${this.#asText}`)
    else {
      this.#dtype = 'string'
      this.#texts.push(text)
    }
  }

  /** The cells so far. What comes next must be of the same kind. */
  take(): NumberArray | string[] {
    const { missing } = this.#options
    const texts = this.#texts
    this.#texts = []
    if (!this.#numbers && this.#dtype === undefined && missing === 'nan')
      this.#numbers = new Float64Array((this.#length = texts.length)).fill(NaN)
    if (!this.#numbers) {
      this.#dtype = 'string'
      return texts
    }
    if (this.#firstMissing && missing === 'error') {
      const { text, line } = this.#firstMissing
      const why = text.trim() === '' ? 'the value is missing' : `'${text}' stands for a missing value`
      throw this.#error(why, line, `pass missing: 'nan' to read it as NaN, or ${this.#asText}`)
    }
    const values = this.#numbers.slice(0, this.#length)
    this.#dtype ??= 'float64'
    this.#length = 0
    return values
  }

  #add(value: number, text: string, line: number): void {
    if (!this.#numbers) {
      this.#length = this.#texts.length
      this.#numbers = new Float64Array(this.#length + 8).fill(NaN, 0, this.#length)
      this.#texts = []
    }
    if (this.#numbers instanceof Int32Array && (value | 0) !== value) throw this.#error(`'${clip(text)}' is not an int32`, line)
    if (this.#length === this.#numbers.length) this.#numbers = grow(this.#numbers)
    this.#numbers[this.#length++] = value
  }

  #addMissing(text: string, line: number): void {
    this.#firstMissing ??= { text, line }
    if (!this.#numbers) this.#texts.push(text)
    else if (this.#dtype === 'int32') throw this.#error('the value is missing, and int32 has no NaN', line)
    else this.#add(NaN, text, line)
  }

  get #asText(): string {
    return `read the column as text with dtype: { '${this.#options.name}': 'string' }`
  }

  #error(why: string, line: number, what?: string): CsvError {
    const { op, name, index } = this.#options
    const advice = what === undefined ? '' : `; ${what}`
    return new CsvError(`${op}: line ${line}, column ${index + 1} '${name}': ${why}${advice}`, line, index + 1, { name })
  }
}

function grow(numbers: NumberArray): NumberArray {
  const larger = new (numbers.constructor as Float64ArrayConstructor)(numbers.length * 2)
  larger.set(numbers)
  return larger
}

/** `text`, shortened for a message. */
export const clip = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)
