/** Products of tensors that have names of their own. */
import { toTensorBeside, type TensorLike } from '../convert.ts'
import { ShapeError } from '../errors.ts'
import { formatShape, normalizeAxis, sizeOf, type Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { matmul } from './matmul.ts'
import { reshape, transpose } from './movement.ts'
import { roll } from './rearrange.ts'

/** `Σ a·b` over the last axis of a and the last but one of b, or over their only axes; for scalars the product. */
export function dot(x: Tensor, other: TensorLike): Tensor {
  const b = toTensorBeside(other, x.dtype)
  if (x.rank === 0 || b.rank === 0) return x.mul(b)
  return b.rank === 1 ? matmul(x, b) : tensordot(x, b, [[-1], [-2]])
}

/** Axes that a tensor product is summed over: the last so many of a and first of b, or the axes of each. */
export type ContractedAxes = number | readonly [a: readonly number[], b: readonly number[]]

/** `Σ a·b` over pairs of axes; the result has the other axes of a, then those of b. */
export function tensordot(x: Tensor, other: TensorLike, axes: ContractedAxes = 2): Tensor {
  const b = toTensorBeside(other, x.dtype)
  const pair =
    typeof axes === 'number'
      ? [Array.from({ length: axes }, (_, i) => i - axes), Array.from({ length: axes }, (_, i) => i)]
      : axes
  const [p, q] = pair.map((list, k) => list.map((axis) => normalizeAxis(axis, [x, b][k].rank, 'tensordot')))
  if (p.length !== q.length || p.some((axis, i) => x.shape[axis] !== b.shape[q[i]])) {
    throw new ShapeError(
      `tensordot: ${formatShape(x.shape)} and ${formatShape(b.shape)} over axes ${JSON.stringify(axes)}, the lengths differ`,
      { a: x.shape, b: b.shape, axes },
    )
  }
  const rows = [...x.shape.keys()].filter((axis) => !p.includes(axis))
  const columns = [...b.shape.keys()].filter((axis) => !q.includes(axis))
  const inner = sizeOf(p.map((axis) => x.shape[axis]))
  const [m, n] = [rows.map((axis) => x.shape[axis]), columns.map((axis) => b.shape[axis])]
  const left = reshape(transpose(x, [...rows, ...p]), [sizeOf(m), inner])
  return reshape(matmul(left, reshape(transpose(b, [...q, ...columns]), [inner, sizeOf(n)])), [...m, ...n])
}

/** All products `a[i] · b[j]` of the elements of two tensors, which are flattened. */
export const outer = (x: Tensor, other: TensorLike): Tensor =>
  reshape(x, [x.size, 1]).mul(reshape(toTensorBeside(other, x.dtype), [1, -1]))

/** Kronecker's product: every element of a times all of b, as blocks. */
export function kron(x: Tensor, other: TensorLike): Tensor {
  const b = toTensorBeside(other, x.dtype)
  const rank = Math.max(x.rank, b.rank)
  const open = (shape: Shape): number[] => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]
  const [m, n] = [open(x.shape), open(b.shape)]
  const blocks = reshape(
    x,
    m.flatMap((length) => [length, 1]),
  ).mul(
    reshape(
      b,
      n.flatMap((length) => [1, length]),
    ),
  )
  return reshape(
    blocks,
    m.map((length, i) => length * n[i]),
  )
}

/** The vectors that stand on those along the last axes of a and b, of 3 elements: `(a₁b₂ − a₂b₁, a₂b₀ − a₀b₂, a₀b₁ − a₁b₀)`. */
export function cross(x: Tensor, other: TensorLike): Tensor {
  const b = toTensorBeside(other, x.dtype)
  if (x.shape.at(-1) !== 3 || b.shape.at(-1) !== 3)
    throw new ShapeError(
      `cross: ${formatShape(x.shape)} and ${formatShape(b.shape)}, expected vectors of 3 along the last axis`,
      {
        a: x.shape,
        b: b.shape,
      },
    )
  const turned = (y: Tensor): Tensor => roll(y, -1, -1)
  return turned(x.mul(turned(b)).sub(turned(x).mul(b)))
}
