import { ValueError, type EveryDefault, type Filled } from '@typegrad/tensor'
import { CsvError } from '../errors.ts'
import { Series } from '../table/series.ts'
import { Table } from '../table/table.ts'
import { clip, ColumnBuilder, type ColumnDType } from './column.ts'
import { missingTexts, parseNumber } from './number.ts'
import type { Dialect } from './records.ts'

export interface CsvOptions {
  /**
   * Whether the first line names the columns; or the names, for text without such a line. Unnamed columns are called
   * `'0'`, `'1'`, …
   * @defaultValue true, but a first line of numbers alone is refused until you say what it is
   */
  header?: boolean | readonly string[]
  /** What stands between two fields; `'whitespace'` for any run of blanks. @defaultValue ',' */
  delimiter?: string
  /** What encloses fields that hold delimiters or line ends; `null` for none. @defaultValue '"' */
  quote?: string | null
  /** What columns hold, for all or by name. @defaultValue float64 if every cell is a number, else string */
  dtype?: ColumnDType | Readonly<Record<string, ColumnDType>>
  /** What a missing value in a column of numbers becomes: an error that names the place, or NaN. @defaultValue 'error' */
  missing?: 'error' | 'nan'
  /** More texts that stand for a missing value, beside the empty one, `NA`, `NaN`, `null` and the like. */
  naValues?: readonly string[]
}

/** What is done where nothing is said, for {@link CsvOptions}. */
export const csvDefaults = {
  header: undefined,
  delimiter: ',',
  quote: '"',
  dtype: undefined,
  missing: 'error',
  naValues: [],
} as const satisfies EveryDefault<CsvOptions>

type CsvSettings = Filled<CsvOptions, typeof csvDefaults>

/** More fields than a data set has: what comes is not a table. */
const maxColumns = 2 ** 17

/** Turns records into columns. */
export class TableBuilder {
  length = 0
  readonly #options: CsvSettings
  readonly #op: string
  readonly #missing: ReadonlySet<string>
  /** Columns that turned out to hold text after numbers, found by an earlier reading. */
  readonly #texts: ReadonlySet<number>
  #names: string[] | undefined
  #columns: ColumnBuilder[] = []
  #lines: number[] = []

  constructor(options: CsvSettings, op: string, texts: ReadonlySet<number> = new Set()) {
    this.#options = options
    this.#op = op
    this.#texts = texts
    this.#missing = new Set([...missingTexts, ...options.naValues])
  }

  /** Positions of the columns that have to be read again as text. */
  get conflicts(): number[] {
    return this.#columns.flatMap((column, i) => (column.conflict ? [i] : []))
  }

  push(fields: string[], line: number): void {
    if (!this.#names && this.#start(fields, line)) return
    if (fields.length !== this.#columns.length) throw this.#ragged(fields, line)
    for (let i = 0; i < fields.length; i++) this.#columns[i].push(fields[i], line)
    this.#lines.push(line)
    this.length++
  }

  /** The records so far as a table; the next ones begin a new table. */
  take(): Table {
    if (!this.#names) throw new CsvError(`${this.#op}: the text is empty, there is not even a header`, 1, 1)
    const names = this.#names
    const lines = Int32Array.from(this.#lines)
    const table = new Table(
      this.#columns.map((column, i) => [names[i], new Series(names[i], column.take(), { lines, column: i + 1 })] as const),
    )
    this.#lines = []
    this.length = 0
    return table
  }

  /** Looks at the first record; true if it was a header. */
  #start(fields: string[], line: number): boolean {
    if (fields.length > maxColumns) {
      throw new CsvError(
        `${this.#op}: line ${line} has ${fields.length} fields, at most ${maxColumns} are read; is the delimiter right?`,
        line,
        1,
      )
    }
    const { header } = this.#options
    const named = header === undefined || header === true
    if (header === undefined && fields.every((field) => parseNumber(field) !== undefined)) {
      throw new CsvError(
        `${this.#op}: line ${line} holds only numbers; pass header: false if it is data, header: true if it names the columns`,
        line,
        1,
      )
    }
    this.#names = named ? distinct(fields) : header === false ? fields.map((_, i) => String(i)) : distinct(header)
    if (!named && this.#names.length !== fields.length) throw this.#ragged(fields, line)
    const { dtype, missing } = this.#options
    const unknown = typeof dtype === 'object' ? Object.keys(dtype).find((name) => !this.#names!.includes(name)) : undefined
    if (unknown !== undefined) {
      throw new ValueError(`${this.#op}: dtype names '${unknown}', no such column; there are ${list(this.#names)}`, { dtype })
    }
    this.#columns = this.#names.map((name, index) => {
      const given = typeof dtype !== 'object' ? dtype : Object.hasOwn(dtype, name) ? dtype[name] : undefined
      const found = this.#texts.has(index) ? 'string' : undefined
      return new ColumnBuilder({ op: this.#op, name, index, dtype: given ?? found, missing, missingTexts: this.#missing })
    })
    return named
  }

  #ragged(fields: string[], line: number): CsvError {
    const width = this.#names!.length
    const column = Math.min(fields.length, width) + 1
    const hint = fields.length === 1 && width > 1 ? `: '${clip(fields[0])}'` : ''
    return new CsvError(
      `${this.#op}: line ${line} has ${fields.length} field${fields.length === 1 ? '' : 's'}${hint}, expected ${width}`,
      line,
      column,
      {
        fields: fields.length,
        expected: width,
      },
    )
  }
}

/** Names made distinct as in pandas: `a, a, ''` become `a, a.1, Unnamed: 2`. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>()
  const next = new Map<string, number>()
  return names.map((given, i) => {
    const base = given === '' ? `Unnamed: ${i}` : given
    let name = base
    for (let n = next.get(base) ?? 1; taken.has(name); n++) {
      name = `${base}.${n}`
      next.set(base, n + 1)
    }
    taken.add(name)
    return name
  })
}

/** Names for a message: the first ten. */
const list = (names: readonly string[]): string =>
  names
    .slice(0, 10)
    .map((name) => `'${clip(name)}'`)
    .join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '')

/** The dialect that the options describe. */
export function dialectOf({ delimiter, quote }: CsvSettings, op: string): Dialect {
  if (delimiter === '' || /[\r\n]/.test(delimiter)) {
    throw new ValueError(`${op}: delimiter must be text without line ends, got ${JSON.stringify(delimiter)}`, { delimiter })
  }
  if (quote !== null && (quote.length !== 1 || /[\r\n]/.test(quote) || delimiter.includes(quote))) {
    throw new ValueError(`${op}: quote must be one character that is not in the delimiter, got ${JSON.stringify(quote)}`, {
      quote,
    })
  }
  return { delimiter, quote: delimiter === 'whitespace' ? null : quote }
}
