import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'

/** The tensors that make a sparse matrix: row i has the entries `indptr[rows[i]] ≤ e < indptr[rows[i] + 1]`. */
export interface SparseParts {
  readonly indptr: Tensor
  /** The column of each entry. */
  readonly indices: Tensor
  /** The value of each entry, or one for all. */
  readonly values: Tensor
  readonly rows: Tensor
}

/** A sparse matrix, or its transpose, times a dense one. Each is the gradient of the other; none flows to the entries. */
const sparseMatmulOp: Op<{ columns: number; transposed: boolean }> = {
  name: 'sparseMatmul',
  infer: ([, , , rows, b], { columns, transposed }) => ({
    shape: [transposed ? columns : rows.size, b.shape[1]],
    dtype: b.dtype,
  }),
  run([indptr, indices, values, rows, b], { transposed }, spec) {
    const backend = backendFor([b])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (out.size > 0) backend.sparseMatmul({ indptr, indices, values, rows }, b, transposed, out)
    return out
  },
  gradient: (i, dy, inputs, _, { columns, transposed }) =>
    i === 4 ? apply(sparseMatmulOp, [...inputs.slice(0, 4), dy], { columns, transposed: !transposed }) : undefined,
}

/** `out[i, j] = Σₑ values[e] · b[indices[e], j]` over the entries of row i, for a matrix of so many columns and b of the values' dtype. */
export const sparseMatmul = ({ indptr, indices, values, rows }: SparseParts, columns: number, b: Tensor): Tensor =>
  apply(sparseMatmulOp, [indptr, indices, values, rows, b], { columns, transposed: false })
