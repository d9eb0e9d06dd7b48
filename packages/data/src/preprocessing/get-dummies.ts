import { optionsOf } from '@typegrad/tensor'
import { Table, type ColumnName } from '../table/table.ts'
import { sortedClasses, toLabels, type Labels } from './labels.ts'

export interface GetDummiesOptions {
  /** The columns to encode. @defaultValue those of texts */
  columns?: readonly ColumnName[]
  /** Leave out the first value of each column, which the others imply. @defaultValue false */
  dropFirst?: boolean
}

/**
 * One-hot columns: for each different value of `labels` a column that is 1 where the label is that value, else 0. Of a
 * table, each column of texts is replaced by columns named `<column>_<value>`, after the other columns; as in pandas.
 */
export function getDummies(labels: Table | Labels, options?: GetDummiesOptions): Table {
  const { columns, dropFirst } = optionsOf('getDummies', options, { columns: undefined, dropFirst: false })
  if (!(labels instanceof Table)) return new Table(oneHot(toLabels(labels, 'getDummies'), '', dropFirst))
  const encoded = (columns ?? labels.columns.filter((name) => labels.column(name).dtype === 'string')).map(String)
  const rest = labels.drop(encoded)
  return new Table([
    ...rest.columns.map((name) => [name, rest.column(name)] as const),
    ...encoded.flatMap((name) => oneHot(labels.column(name).values, `${name}_`, dropFirst)),
  ])
}

function oneHot(labels: ArrayLike<string | number>, prefix: string, dropFirst: boolean): [string, Int32Array][] {
  const classes = sortedClasses(labels, 'getDummies')
  const columns = new Map(classes.map((label) => [label, new Int32Array(labels.length)]))
  for (let i = 0; i < labels.length; i++) columns.get(labels[i])![i] = 1
  return classes.slice(dropFirst ? 1 : 0).map((label) => [prefix + String(label), columns.get(label)!])
}
