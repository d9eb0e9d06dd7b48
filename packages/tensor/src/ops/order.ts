import { ValueError } from '../errors.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { takeAlongAxis } from './indexing.ts'
import { moveaxis, slice, type SliceArgument } from './movement.ts'

const argsortOp: Op<{ descending: boolean }> = {
  name: 'argsort',
  infer: ([x]) => ({ shape: x.shape, dtype: 'int32' }),
  run([x], { descending }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, 'int32', backend)
    if (out.size > 0) backend.argsort(x, descending, out)
    return out
  },
  batch: ([x], attributes) => apply(argsortOp, [x], attributes),
}

/** The positions that sort x along `axis`, stable, as int32; NaN counts as the largest, as in max and argmax. */
export function argsort(x: Tensor, axis = -1, { descending = false }: { descending?: boolean } = {}): Tensor {
  const at = normalizeAxis(axis, x.rank, 'argsort')
  if (at === x.rank - 1) return apply(argsortOp, [x], { descending })
  return moveaxis(apply(argsortOp, [moveaxis(x, at, -1)], { descending }), -1, at)
}

/** The elements in ascending order along `axis`; NaN counts as the largest. */
export function sort(x: Tensor, axis = -1, options: { descending?: boolean } = {}): Tensor {
  const at = normalizeAxis(axis, x.rank, 'sort')
  return takeAlongAxis(x, argsort(x, at, options), at)
}

/** The `k` largest elements along the last axis in descending order, and their positions; NaN counts as the largest. */
export function topk(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const length = x.shape[normalizeAxis(-1, x.rank, 'topk')]
  if (!Number.isInteger(k) || k < 0 || k > length) {
    throw new ValueError(`topk: k is ${k} for shape ${formatShape(x.shape)}, expected an integer from 0 to ${length}`, {
      k,
      length,
    })
  }
  const all = x.shape.map((_, i): SliceArgument => (i === x.rank - 1 ? [0, k] : null))
  const indices = slice(argsort(x, -1, { descending: true }), ...all)
  return { values: takeAlongAxis(x, indices), indices }
}
