import { IndexError, optionsOf, ShapeError, ValueError, type DType, type Tensor } from '@typegrad/tensor'
import { wrap } from '../wrap.ts'
import { describe } from './describe.ts'
import { printTable } from './print.ts'
import { Series, type SeriesLike } from './series.ts'

/** A column's name; a number stands for its digits, the name that a column of a headerless file has. */
export type ColumnName = string | number

/** Named columns of equal length, each of numbers or of texts. Immutable: methods make new tables. */
export class Table {
  readonly #columns: ReadonlyMap<string, Series>
  readonly #length: number

  /** @throws {@link ShapeError} if the columns differ in length, {@link ValueError} if one mixes texts and numbers. */
  constructor(columns: Readonly<Record<string, SeriesLike>> | Iterable<readonly [name: string, values: SeriesLike]>) {
    const entries = Symbol.iterator in columns ? [...columns] : Object.entries(columns)
    const series = entries.map(([name, values]) =>
      values instanceof Series && values.name === name ? values : new Series(name, values),
    )
    this.#columns = new Map(series.map((column) => [column.name, column]))
    this.#length = series.length === 0 ? 0 : series[0].length
    for (const { name, length } of series) {
      if (length !== this.#length)
        throw new ShapeError(`Table: column '${name}' has ${length} rows, '${series[0].name}' has ${this.#length}`, { name })
    }
    if (this.#columns.size < series.length) throw new ValueError('Table: two columns have the same name')
  }

  /** The names of the columns. */
  get columns(): string[] {
    return [...this.#columns.keys()]
  }

  /** `[rows, columns]`. */
  get shape(): [rows: number, columns: number] {
    return [this.#length, this.#columns.size]
  }

  /** The number of rows. */
  get length(): number {
    return this.#length
  }

  /** One column. */
  column(name: ColumnName): Series {
    const column = this.#columns.get(String(name))
    if (column) return column
    const names = this.columns.slice(0, 20).join(', ') + (this.#columns.size > 20 ? ', …' : '')
    throw new IndexError(`Table: no column '${name}'; there are ${names}`, { name })
  }

  /** One row as an object; negative positions count from the end. */
  row(index: number): Record<string, string | number> {
    if (!Number.isInteger(index) || index < -this.#length || index >= this.#length) {
      throw new IndexError(`Table: row ${index} is out of range for ${this.#length} rows`, { index })
    }
    // Own properties even for names such as __proto__.
    return Object.fromEntries([...this.#columns].map(([name, column]) => [name, column.at(index)!]))
  }

  /** The rows `[start, end)`; negative positions count from the end. Columns of numbers are not copied. */
  slice(start?: number, end?: number): Table {
    return this.#of([...this.#columns.values()].map((column) => column.slice(start, end)))
  }

  /** The first `n` rows. */
  head(n = 5): Table {
    return this.slice(0, n)
  }

  /** The last `n` rows. */
  tail(n = 5): Table {
    return this.slice(Math.max(0, this.#length - n))
  }

  /** The rows for which `keep` is true: `table.filter((row) => row['age'] > 30)`. */
  filter(keep: (row: Record<string, string | number>, index: number) => boolean): Table {
    return this.#rows((i) => keep(this.row(i), i))
  }

  /** The rows of which no cell is missing (NaN, or an empty text), in all columns or in `names`. */
  dropna(names: ColumnName | readonly ColumnName[] = this.columns): Table {
    const columns = [names].flat().map((name) => this.column(name))
    return this.#rows((i) => !columns.some((column) => column.isMissing(i)))
  }

  /** With values in place of missing cells: one number or text for all columns of its kind, or one by column, as `table.mean()` gives. */
  fillna(values: string | number | Readonly<Record<string, string | number>>): Table {
    if (typeof values === 'object')
      return this.assign(
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, this.column(name).fillna(value)])),
      )
    const kind = typeof values === 'string'
    return this.#of(
      [...this.#columns.values()].map((column) => ((column.dtype === 'string') === kind ? column.fillna(values) : column)),
    )
  }

  /** The mean of every column of numbers, without its missing values. */
  mean(): Record<string, number> {
    return this.#figure('mean')
  }

  /** The median of every column of numbers, without its missing values. */
  median(): Record<string, number> {
    return this.#figure('50%')
  }

  #figure(name: string): Record<string, number> {
    const described = this.describe()
    const row = described.column('').toArray().indexOf(name)
    return Object.fromEntries(described.columns.slice(1).map((column) => [column, described.column(column).at(row) as number]))
  }

  #rows(wanted: (i: number) => boolean): Table {
    const kept = Int32Array.from({ length: this.#length }, (_, i) => i).filter(wanted)
    return this.#of([...this.#columns.values()].map((column) => column.take(kept)))
  }

  /** The columns `names`, in that order. */
  select(names: ColumnName | readonly ColumnName[]): Table {
    return this.#of([names].flat().map((name) => this.column(name)))
  }

  /** All columns but `names`. */
  drop(names: ColumnName | readonly ColumnName[]): Table {
    const dropped = new Set([names].flat().map((name) => this.column(name)))
    return this.#of([...this.#columns.values()].filter((column) => !dropped.has(column)))
  }

  /** With columns added, or replaced where the name is taken. */
  assign(columns: Readonly<Record<string, SeriesLike>>): Table {
    return new Table(new Map<string, SeriesLike>([...this.#columns, ...Object.entries(columns)]))
  }

  /** `count, mean, std, min, 25%, 50%, 75%, max` of every column of numbers, without its missing values. */
  describe(): Table {
    return new Table(describe(this.#columns.values()))
  }

  /**
   * All columns as one tensor of shape `[rows, columns]`.
   * @throws {@link CsvError} or {@link DTypeError} for a column of texts, or a value that `dtype` cannot hold.
   */
  toTensor(options?: { dtype?: DType }): Tensor {
    const { dtype } = optionsOf('toTensor', options, { dtype: 'float32' })
    const [rows, width] = this.shape
    const values = dtype === 'float32' ? new Float32Array(rows * width) : new Float64Array(rows * width)
    let j = 0
    for (const column of this.#columns.values()) {
      const numbers = column.numbers(dtype)
      for (let i = 0; i < rows; i++) values[i * width + j] = numbers[i]
      j++
    }
    return wrap(values, [rows, width]).cast(dtype)
  }

  /** The rows as text, aligned; of a long or wide table, the beginning and the end. */
  toString(): string {
    return printTable([...this.#columns.values()], this.#length)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  #of(columns: readonly Series[]): Table {
    return new Table(columns.map((column) => [column.name, column] as const))
  }
}
