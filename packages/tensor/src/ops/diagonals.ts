/** Diagonals and triangles of matrices, which are the last two axes unless said otherwise. */
import { optionsOf } from '../names.ts'
import { scalar, toTensor, type TensorLike } from '../convert.ts'
import { arange } from '../create.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { reshape, slice, transpose, type SliceArgument } from './movement.ts'
import { pad } from './pad.ts'

function assertOffset(op: string, offset: number): void {
  if (!Number.isInteger(offset)) throw new ValueError(`${op}: offset ${offset}, expected an integer`, { offset })
}

function assertMatrix(op: string, x: Tensor): void {
  if (x.rank < 2) throw new ShapeError(`${op}: shape ${formatShape(x.shape)}, expected at least two axes`, { shape: x.shape })
}

/** The elements `x[…, i, i + offset]` of two axes, as a new last axis. */
export function diagonal(x: Tensor, offset = 0, first = -2, second = -1): Tensor {
  assertMatrix('diagonal', x)
  assertOffset('diagonal', offset)
  const [i, j] = [normalizeAxis(first, x.rank, 'diagonal'), normalizeAxis(second, x.rank, 'diagonal')]
  if (i === j) throw new ShapeError(`diagonal: axes ${first} and ${second} are the same`, { axes: [first, second] })
  const others = [...x.shape.keys()].filter((axis) => axis !== i && axis !== j)
  const [m, n] = [x.shape[i], x.shape[j]]
  const [row, column] = [Math.max(0, -offset), Math.max(0, offset)]
  const length = Math.max(0, Math.min(m - row, n - column))
  const lead = others.map((axis) => x.shape[axis])
  const lines = reshape(transpose(x, [...others, i, j]), [...lead, m * n])
  const start = row * n + column
  const along: SliceArgument = length === 0 ? [0, 0] : [start, start + (length - 1) * (n + 1) + 1, n + 1]
  return slice(lines, ...lead.map(() => null), along)
}

/** Matrices with the last axis of x on a diagonal and zeros elsewhere. */
export function diag(x: Tensor, offset = 0): Tensor {
  assertOffset('diag', offset)
  if (x.rank === 0) throw new ShapeError('diag: shape [], expected at least one axis', { shape: x.shape })
  const n = x.shape.at(-1)!
  const lead = x.shape.slice(0, -1)
  const none = lead.map((): [number, number] => [0, 0])
  // Each element followed by n zeros, row after row: the next element comes one column further.
  const spaced = reshape(pad(reshape(x, [...lead, n, 1]), [...none, [0, 0], [0, n]]), [...lead, n * (n + 1)])
  const square = reshape(slice(spaced, ...lead.map(() => null), [0, n * n]), [...lead, n, n])
  const [below, right] = [Math.max(0, -offset), Math.max(0, offset)]
  return offset === 0 ? square : pad(square, [...none, [below, right], [right, below]])
}

/** The sum of the elements of a diagonal. */
export const trace = (x: Tensor, offset = 0, first = -2, second = -1): Tensor => diagonal(x, offset, first, second).sum(-1)

/** Zeros above the diagonal number k, `j - i > k`. */
export function tril(x: Tensor, k = 0): Tensor {
  return triangle('tril', x, k).where(x, scalar(0, x.dtype))
}

/** Zeros below the diagonal number k, `j - i < k`. */
export function triu(x: Tensor, k = 0): Tensor {
  return triangle('triu', x, k - 1).where(scalar(0, x.dtype), x)
}

/** Where `j - i ≤ k`. */
function triangle(op: string, x: Tensor, k: number): Tensor {
  assertMatrix(op, x)
  assertOffset(op, k)
  const [m, n] = x.shape.slice(-2)
  return reshape(arange(m, { dtype: 'int32' }), [m, 1]).greaterEqual(arange(n, { dtype: 'int32' }).sub(k))
}

/** Coordinates: for vectors of lengths n₀, n₁, … tensors `[n₀, n₁, …]` that vary along one axis each (`'xy'`: the first two exchanged). */
export function meshgrid(vectors: readonly TensorLike[], options?: { readonly indexing?: 'xy' | 'ij' }): Tensor[] {
  const { indexing } = optionsOf('meshgrid', options, { indexing: 'xy' })
  const tensors = vectors.map((vector) => toTensor(vector))
  const wrong = tensors.find(({ rank }) => rank !== 1)
  if (wrong) throw new ShapeError(`meshgrid: shape ${formatShape(wrong.shape)}, expected vectors`, { shape: wrong.shape })
  const swapped = indexing === 'xy' && tensors.length > 1
  const axisOf = (i: number): number => (swapped && i < 2 ? 1 - i : i)
  const shape = tensors.map((_, i) => tensors[axisOf(i)].size)
  return tensors.map((x, i) =>
    reshape(
      x,
      shape.map((length, axis) => (axis === axisOf(i) ? length : 1)),
    ).broadcastTo(shape),
  )
}
