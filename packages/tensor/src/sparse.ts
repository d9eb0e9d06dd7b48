/** Matrices of which only the entries that are not 0 are stored: bags of words, multi-hot rows. */
import { optionsOf } from './names.ts'
import { toTensor, type TensorLike } from './convert.ts'
import { arange } from './create.ts'
import { allocateArray, isFloat, promote, type DType, type TypedArray } from './dtype.ts'
import { DTypeError, IndexError, ShapeError, ValueError } from './errors.ts'
import { contiguousLayout } from './layout.ts'
import { hostBuffer, ownBuffer } from './memory.ts'
import { cast } from './ops/cast.ts'
import { take } from './ops/indexing.ts'
import type { MatmulOptions } from './ops/matmul.ts'
import { slice, type SliceArgument } from './ops/movement.ts'
import { sparseMatmul, type SparseParts } from './ops/sparse-matmul.ts'
import { assertShape, formatShape, normalizeAxis, sizeOf, type Shape } from './shape.ts'
import { Tensor } from './tensor.ts'

/**
 * A matrix `[rows, columns]` in compressed rows, see {@link csr}. `fit`, `evaluate` and `predict` take it as x, for a model
 * that begins with Dense.
 *
 * It can be multiplied (`matmul`, as the left operand), cut and picked along its rows (`slice`, `take`, without copies), cast to
 * another float, and read. Every other op throws a ValueError: {@link toDense} makes a tensor for those. Gradients flow to what
 * it is multiplied with, not to its entries.
 */
export class SparseTensor extends Tensor {
  /** @internal */
  readonly parts: SparseParts

  /** @internal Parts that were checked. */
  constructor(parts: SparseParts, columns: number) {
    super({ device: 'host' }, contiguousLayout([parts.rows.size, columns]), parts.values.dtype)
    this.parts = parts
  }

  /** The stored entries, of all rows that it is cut from. */
  get nnz(): number {
    return this.parts.indices.size
  }

  declare readonly matmul: (other: TensorLike, options?: MatmulOptions) => Tensor
  declare readonly take: (indices: TensorLike, axis?: number) => SparseTensor
  declare readonly slice: (...slices: SliceArgument[]) => SparseTensor
  declare readonly cast: (dtype: DType) => SparseTensor

  override get value(): Tensor {
    throw new ValueError(
      `a sparse tensor ${formatShape(this.shape)} meets an op for dense ones: it can be multiplied (matmul, Dense), sliced and picked from; toDense() makes a dense tensor`,
      { shape: this.shape },
    )
  }

  override get array(): TypedArray {
    return this.toDense().array
  }

  override toTypedArray(): TypedArray {
    return this.toDense().array
  }

  override data(): Promise<TypedArray> {
    return Promise.resolve(this.toTypedArray())
  }

  /** The same matrix with its zeros; entries at the same place are added. */
  toDense(): Tensor {
    const [n, columns] = this.shape
    const { rows, indptr, indices, values } = hostParts(this.parts)
    const out = allocateArray(this.dtype, n * columns)
    for (let i = 0; i < n; i++)
      for (let e = indptr[rows[i]]; e < indptr[rows[i] + 1]; e++)
        out[i * columns + indices[e]] += values[values.length > 1 ? e : 0]
    return new Tensor(ownBuffer(out), contiguousLayout([n, columns]), this.dtype)
  }

  /** @internal The same matrix with other tensors of the same shapes. */
  withParts(parts: SparseParts): SparseTensor {
    return new SparseTensor(parts, this.shape[1])
  }

  /** @internal A matrix of its own rows only, in order; `padded`: with room for a power of 2 of entries, so that batches look alike. */
  compact(padded = false): SparseTensor {
    const { rows, indptr, indices, values } = hostParts(this.parts)
    const starts = new Int32Array(rows.length + 1)
    rows.forEach((row, i) => (starts[i + 1] = starts[i] + indptr[row + 1] - indptr[row]))
    const count = starts[rows.length]
    const room = padded ? 2 ** Math.ceil(Math.log2(Math.max(1, count))) : count
    const picked = (array: TypedArray, dtype: DType): Tensor => {
      const out = allocateArray(dtype, room)
      rows.forEach((row, i) => out.set(array.subarray(indptr[row], indptr[row + 1]), starts[i]))
      return ofHost(out, dtype)
    }
    return new SparseTensor(
      {
        indptr: ofHost(starts, 'int32'),
        indices: picked(indices, 'int32'),
        values: values.length > 1 ? picked(values, this.dtype) : this.parts.values,
        rows: arange(rows.length, { dtype: 'int32' }),
      },
      this.shape[1],
    )
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `SparseTensor ${formatShape(this.shape)} ${this.dtype}, ${this.nnz} entries stored`
  }
}

const ofHost = (array: TypedArray, dtype: DType): Tensor => new Tensor(hostBuffer(array), contiguousLayout([array.length]), dtype)

function hostParts({ indptr, indices, values, rows }: SparseParts): Readonly<Record<keyof SparseParts, TypedArray>> {
  const elements = ({ array, layout }: Tensor): TypedArray => array.subarray(layout.offset, layout.offset + layout.size)
  return { indptr: elements(indptr), indices: elements(indices), values: elements(values), rows: rows.toTypedArray() }
}

const install = (methods: object): void => {
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(SparseTensor.prototype, name, { value, writable: true, configurable: true })
}

const given = ({ shape }: Tensor): string => `sparse ${formatShape(shape)}`

install({
  matmul(this: SparseTensor, other: TensorLike, options?: MatmulOptions): Tensor {
    const { bias } = optionsOf('matmul', options, { bias: undefined })
    const b = toTensor(other)
    if (b.rank !== 2 || b.shape[0] !== this.shape[1])
      throw new ShapeError(`matmul: ${given(this)} x ${formatShape(b.shape)}, expected [${this.shape[1]}, n] on the right`, {
        a: this.shape,
        b: b.shape,
      })
    const dtype = promote(this.dtype, b.dtype)
    const product = sparseMatmul(this.cast(dtype).parts, this.shape[1], cast(b, dtype))
    return bias ? product.add(bias) : product
  },
  take(this: SparseTensor, indices: TensorLike, axis = 0): SparseTensor {
    const { parts } = this
    const at = toTensor(indices)
    if (normalizeAxis(axis, 2, 'take') !== 0 || at.rank !== 1)
      throw new ShapeError(`take: indices ${formatShape(at.shape)} along axis ${axis} of ${given(this)}, expected a list of rows`)
    return this.withParts({ ...parts, rows: take(parts.rows, indices) })
  },
  slice(this: SparseTensor, rows: SliceArgument = null, ...rest: SliceArgument[]): SparseTensor {
    if (typeof rows === 'number' || rest.some((one) => one !== null))
      throw new ShapeError(
        `slice: ${JSON.stringify([rows, ...rest])} of ${given(this)}, expected a range of rows, [start, stop, step]`,
      )
    return this.withParts({ ...this.parts, rows: slice(this.parts.rows, rows) })
  },
  cast(this: SparseTensor, dtype: DType): SparseTensor {
    if (dtype === this.dtype) return this
    if (!isFloat(dtype)) throw new DTypeError(`cast: ${given(this)} to ${dtype}, expected float32 or float64`)
    return this.withParts({ ...this.parts, values: cast(this.parts.values, dtype) })
  },
})

/** A sparse matrix by its rows, as SciPy's `csr_matrix` has it. */
export interface CsrParts {
  /** `[rows, columns]`. */
  readonly shape: Shape
  /** Where the entries of each row begin, and at the end their number: `rows + 1` numbers. */
  readonly indptr: ArrayLike<number>
  /** The column of each entry; entries of one place are added. */
  readonly indices: ArrayLike<number>
  /** @defaultValue ones */
  readonly values?: ArrayLike<number>
}

/**
 * A sparse float32 matrix: of compressed rows, whose row i has `values[e]` at column `indices[e]` for `indptr[i] ≤ e < indptr[i + 1]`, or of
 * the entries of a dense matrix that are not 0. The arrays are copied.
 *
 * Throws a ShapeError or ValueError for parts that do not fit, an IndexError for a column outside of the matrix.
 */
export function csr(matrix: CsrParts | TensorLike): SparseTensor {
  if (!isParts(matrix)) return fromDense(toTensor(matrix))
  const { shape, values } = matrix
  assertShape(shape, 'csr')
  if (shape.length !== 2) throw new ShapeError(`csr: shape ${formatShape(shape)}, expected [rows, columns]`, { shape })
  const [n, columns] = shape
  const count = matrix.indices.length
  const indptr = integers(matrix.indptr, 'indptr')
  const indices = integers(matrix.indices, 'indices')
  const first = indptr.findIndex((start, i) => start < (i === 0 ? 0 : indptr[i - 1]) || (i === 0 && start > 0))
  if (indptr.length !== n + 1 || first >= 0 || indptr[n] !== count)
    throw new ValueError(
      `csr: indptr has ${indptr.length} numbers${first >= 0 ? `, ${indptr[first]} at ${first}` : `, ${indptr[n]} at ${n}`}, expected ${n + 1} that go up from 0 to ${count}, the number of indices`,
    )
  const wrong = indices.findIndex((column) => column < 0 || column >= columns)
  if (wrong >= 0)
    throw new IndexError(
      `csr: index ${indices[wrong]} (element ${wrong} of the indices) is outside axis 1 of length ${columns}`,
      {
        index: indices[wrong],
        length: columns,
      },
    )
  if (values && values.length !== count) throw new ShapeError(`csr: ${values.length} values for ${count} indices`)
  return new SparseTensor(
    {
      indptr: ofHost(indptr, 'int32'),
      indices: ofHost(indices, 'int32'),
      values: ofHost(values ? new Float32Array(values) : Float32Array.of(1), 'float32'),
      rows: arange(n, { dtype: 'int32' }),
    },
    columns,
  )
}

const isParts = (matrix: CsrParts | TensorLike): matrix is CsrParts =>
  typeof matrix === 'object' && 'indptr' in matrix && 'indices' in matrix

function integers(list: ArrayLike<number>, name: string): Int32Array {
  const out = new Int32Array(list)
  const wrong = out.findIndex((value, i) => value !== list[i])
  if (wrong >= 0) throw new ValueError(`csr: ${name} has ${list[wrong]} at ${wrong}, expected 32-bit integers`)
  return out
}

function fromDense(x: Tensor): SparseTensor {
  if (x instanceof SparseTensor) return x
  if (x.rank !== 2) throw new ShapeError(`csr: shape ${formatShape(x.shape)}, expected a matrix`, { shape: x.shape })
  const [n, columns] = x.shape
  const [indptr, indices, values]: [number[], number[], number[]] = [[0], [], []]
  const elements = x.toTypedArray()
  for (let i = 0; i < sizeOf(x.shape); i++) {
    if (elements[i] !== 0) {
      indices.push(i % columns)
      values.push(elements[i])
    }
    if ((i + 1) % columns === 0) indptr.push(indices.length)
  }
  while (indptr.length <= n) indptr.push(indices.length)
  return csr({ shape: x.shape, indptr, indices, values }).cast(x.dtype === 'float64' ? 'float64' : 'float32')
}
