import type { Tensor } from '@typegrad/tensor'
import type { Argument, Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import type { SparseParts } from '../tensor.ts'
import { byIndex, listOf, mostComparisons } from './scatter-add.ts'
import { write } from './write.ts'

/**
 * `out[i, j] = Σ values[e] · b[indices[e], j]` over the entries of row i; or `transposed`, where an entry belongs to the result of
 * its column: it is found in a list by column, if the host knows the columns, else each result looks at all entries.
 */
export function sparseMatmul(engine: Engine, x: SparseParts, b: Tensor, transposed: boolean, out: Tensor): void {
  const { indptr, indices, values, rows } = x
  const known = transposed ? listsOf(x, out.shape[0]) : undefined
  const tooMany = transposed && !known && out.size * indices.size > mostComparisons
  if (needsHost([values, b], [out]) || tooMany) {
    const reason = tooMany ? 'the transpose of a large sparse matrix that lies on the device' : 'float64'
    return hostOp(engine, reason, [indptr, indices, values, rows, b], [out], (host, [p, i, v, r, dense], [y]) =>
      host.sparseMatmul({ indptr: p, indices: i, values: v, rows: r }, dense, transposed, y),
    )
  }
  const grid = axesGrid(out.shape, [], engine.runtime.limits)
  const list = (array: Tensor | Float32Array): Argument[] =>
    operandArguments(
      array instanceof Float32Array ? { cell: engine.upload(array, 0, array.length), offset: 0 } : operand(engine, array),
      [],
    )
  const args = [
    ...grid.sizes,
    ...list(values),
    values.size > 1 ? 1 : 0,
    ...operandArguments(operand(engine, b), b.layout.strides),
  ]
  const kind = !transposed ? 'rows' : known ? 'columns' : 'scan'
  if (known) args.push(...known.flatMap(list))
  else args.push(...[indptr, indices, rows].flatMap(list))
  if (kind === 'scan') args.push(rows.size)
  const key = `sparse ${kind} ${grid.kind}`
  write(engine, out, (cell) => engine.launch(key, () => sparseSource(kind, grid.kind), grid.dims, args, [cell]))
}

/** Where the entries of each column begin in a list by column, the entries in it, and the rows that they lie in. */
function listsOf({ indptr, indices, rows }: SparseParts, columns: number): Float32Array[] | undefined {
  const [starts, columnOf, picked] = [indptr, indices, rows].map(listOf)
  if (!starts || !columnOf || !picked) return undefined
  const entries: number[] = []
  const rowOf: number[] = []
  picked.forEach((row, i) => {
    for (let e = starts[row]; e < starts[row + 1]; e++) {
      entries.push(e)
      rowOf.push(i)
    }
  })
  const sorted = byIndex(
    Int32Array.from(entries, (e) => columnOf[e]),
    columns,
  )
  return [sorted.starts, sorted.order.map((k) => entries[k]), sorted.order.map((k) => rowOf[k])]
}

/** `rows`: a result of each row. `columns`: one of each column, by lists. `scan`: one of each column, of all entries. */
export function sparseSource(kind: 'rows' | 'columns' | 'scan', grid: string): KernelSource {
  const text = new KernelText(grid)
  const [i, j] = text.grid.coordinates
  const value = (e: string): string => `values[${valuesAt} + (${e}) * step]`
  const valuesAt = text.operand('values', [])
  text.integers('step')
  const b = text.operand('b', ['this.row', j])
  const element = (row: string): string => `b[${b.replace('this.row', row)}]`
  if (kind === 'columns') {
    const [starts, entries, rowOf] = ['starts', 'entries', 'rowOf'].map((name) => text.operand(name, []))
    text.lines(
      `const first = starts[${starts} + ${i}];`,
      `const end = starts[${starts} + ${i} + 1];`,
      'let sum = 0;',
      'for (let k = 0; k < (end | 0) - (first | 0); k++) {',
      `  sum += ${value(`entries[${entries} + (first | 0) + k] | 0`)} * ${element(`(rowOf[${rowOf} + (first | 0) + k] | 0)`)};`,
      '}',
      'return sum;',
    )
    return text.finish()
  }
  const [indptr, indices, rows] = ['indptr', 'indices', 'rows'].map((name) => text.operand(name, []))
  const bounds = (row: string): string[] => [
    `const row = rows[${rows} + ${row}];`,
    `const first = indptr[${indptr} + (row | 0)];`,
    `const end = indptr[${indptr} + (row | 0) + 1];`,
  ]
  const loop = 'for (let k = 0; k < (end | 0) - (first | 0); k++) {'
  const column = `indices[${indices} + (first | 0) + k]`
  if (kind === 'rows') {
    text.lines(...bounds(i), 'let sum = 0;', loop, `  sum += ${value('(first | 0) + k')} * ${element(`(${column} | 0)`)};`, '}')
  } else {
    text.integers('count')
    text.lines(
      'let sum = 0;',
      'for (let r = 0; r < count; r++) {',
      ...bounds('r'),
      loop,
      `  if (Math.abs(${column} - ${i}) < 0.5) { sum += ${value('(first | 0) + k')} * ${element('r')}; }`,
      '}',
      '}',
    )
  }
  text.lines('return sum;')
  return text.finish()
}
