import { optionsOf } from '../names.ts'
import { toTensorBeside, type TensorLike } from '../convert.ts'
import { promote } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import { broadcastShapes, formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { leadOf, matricesOf, matrix, matrixOp, t, type Matrix } from './matrices.ts'

/** X of `A X = B` for a triangular A, row by row. */
export function substituteRows(a: Matrix, b: Matrix, lower: boolean, unit = false): Matrix {
  const [n, columns] = [a.rows, b.columns]
  const x = matrix(n, columns, Float64Array.from(b.values))
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step
    const [from, to] = lower ? [0, i] : [i + 1, n]
    for (let k = from; k < to; k++) {
      const factor = a.values[i * n + k]
      if (factor !== 0) for (let j = 0; j < columns; j++) x.values[i * columns + j] -= factor * x.values[k * columns + j]
    }
    if (!unit) for (let j = 0; j < columns; j++) x.values[i * columns + j] /= a.values[i * n + i]
  }
  return x
}

const triangularOp: Op<{ lower: boolean }> = matrixOp({
  name: 'solveTriangular',
  shape: ([, b]) => b,
  compute([a, b], { lower }, fail) {
    for (let i = 0; i < a.rows; i++) if (a.values[i * a.rows + i] === 0) fail(`is singular: element ${i} of its diagonal is 0`)
    return substituteRows(a, b, lower).values
  },
  gradient(i, dy, [a], x, { lower }) {
    const db = apply(triangularOp, [t(a), dy], { lower: !lower })
    if (i === 1) return db
    const da = db.matmul(t(x)).neg()
    return lower ? da.tril() : da.triu()
  },
})

/** Two operands with a common batch and dtype, the second as matrices of as many rows; vectors become columns. */
export function system(op: string, x: Tensor, other: TensorLike): { a: Tensor; b: Tensor; vector: boolean } {
  const a = matricesOf(op, x, 'square')
  const given = toTensorBeside(other, a.dtype)
  const vector = given.rank === 1
  const columns = vector ? given.expandDims(-1) : given
  if (columns.rank < 2 || columns.shape.at(-2) !== a.shape.at(-1)) {
    throw new ShapeError(
      `linalg.${op}: ${formatShape(x.shape)} and ${formatShape(given.shape)}, expected […, n, n] and […, n, k] or [n]`,
      {
        a: x.shape,
        b: given.shape,
      },
    )
  }
  const lead = broadcastShapes(`linalg.${op}`, [leadOf(a), leadOf(columns)])
  const dtype = promote(a.dtype, columns.dtype)
  return {
    a: a.cast(dtype).broadcastTo([...lead, ...a.shape.slice(-2)]),
    b: columns.cast(dtype).broadcastTo([...lead, ...columns.shape.slice(-2)]),
    vector,
  }
}

/**
 * X of `A X = B`, of which only the upper triangle of A is read, or with `lower` the lower one. A is `[…, n, n]`, B `[…, n, k]` or
 * a vector `[n]`; throws a ValueError for a 0 on the diagonal.
 */
export function solveTriangular(x: Tensor, b: TensorLike, options?: { readonly lower?: boolean }): Tensor {
  const { lower } = optionsOf('linalg.solveTriangular', options, { lower: false })
  const given = system('solveTriangular', x, b)
  const y = apply(triangularOp, [lower ? given.a.tril() : given.a.triu(), given.b], { lower })
  return given.vector ? y.squeeze(-1) : y
}
