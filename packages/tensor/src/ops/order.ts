import { optionsOf } from '../names.ts'
import { ValueError } from '../errors.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { pickAlong } from './indexing.ts'
import { moveaxis } from './movement.ts'

/** As many of the positions as `count` says, from the first on. */
const argsortOp: Op<{ descending: boolean; count: number }> = {
  name: 'argsort',
  infer: ([x], { count }) => ({ shape: [...x.shape.slice(0, -1), count], dtype: 'int32' }),
  run([x], { descending }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, 'int32', backend, true)
    if (out.size > 0) backend.argsort(x, descending, out)
    return out
  },
  batch: ([x], attributes) => apply(argsortOp, [x], attributes),
}

export interface OrderOptions {
  /** From the largest to the smallest. @defaultValue `false` */
  readonly descending?: boolean
}

/** The positions that sort x along `axis`, stable, as int32; NaN counts as the largest, as in max and argmax. */
export function argsort(x: Tensor, axis = -1, options?: OrderOptions): Tensor {
  const { descending } = optionsOf('argsort', options, { descending: false })
  const at = normalizeAxis(axis, x.rank, 'argsort')
  const attributes = { descending, count: x.shape[at] }
  if (at === x.rank - 1) return apply(argsortOp, [x], attributes)
  return moveaxis(apply(argsortOp, [moveaxis(x, at, -1)], attributes), -1, at)
}

/** The elements in ascending order along `axis`; NaN counts as the largest. */
export function sort(x: Tensor, axis = -1, options?: OrderOptions): Tensor {
  const at = normalizeAxis(axis, x.rank, 'sort')
  return pickAlong(x, argsort(x, at, optionsOf('sort', options, { descending: false })), at)
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
  const indices = apply(argsortOp, [x], { descending: true, count: k })
  return { values: pickAlong(x, indices, x.rank - 1), indices }
}
