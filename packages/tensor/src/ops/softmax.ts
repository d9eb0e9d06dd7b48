import { optionsOf } from '../names.ts'
import { toFloat } from '../dtype.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { normalizeAxes, normalizeAxis } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { moveaxis, reshape } from './movement.ts'
import type { Axes, ReduceOptions } from './reduce.ts'

/** Softmax, or its logarithm, along the last axis. */
const softmaxOp = (name: 'softmax' | 'logSoftmax'): Op<undefined> => ({
  name,
  infer: ([x]) => ({ shape: x.shape, dtype: toFloat(x.dtype) }),
  run([x], _, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend, true)
    if (out.size > 0) backend.softmax(x, out, name === 'logSoftmax')
    return out
  },
  gradient(_, dy, __, y) {
    if (name === 'softmax') return y.mul(dy.sub(dy.mul(y).sum(-1, { keepdims: true })))
    return dy.sub(y.exp().mul(dy.sum(-1, { keepdims: true })))
  },
  batch: ([x]) => apply(ops[name], [x], undefined),
})

const ops = { softmax: softmaxOp('softmax'), logSoftmax: softmaxOp('logSoftmax') }

function alongAxis(name: keyof typeof ops, x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(axis, x.rank, name)
  if (at === x.rank - 1) return apply(ops[name], [x], undefined)
  return moveaxis(apply(ops[name], [moveaxis(x, at, -1)], undefined), -1, at)
}

/** `e^x / Σ e^x` along an axis, without overflow; a line of only -∞ gives zeros. */
export const softmax = (x: Tensor, axis = -1): Tensor => alongAxis('softmax', x, axis)

/** `x - log Σ e^x` along an axis. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => alongAxis('logSoftmax', x, axis)

/** `log Σ e^x` over the given axes, without overflow. */
export function logsumexp(x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor {
  const { keepdims } = optionsOf('logsumexp', options, { keepdims: false })
  const over = normalizeAxes(axes, x.rank, 'logsumexp')
  const kept = { keepdims: true }
  if (over.some((axis) => x.shape[axis] === 0)) return x.exp().sum(over, { keepdims }).log()
  const top = x.stopGradient().max(over, kept)
  const shift = top.isfinite().where(top, 0)
  const total = x.sub(shift).exp().sum(over, kept)
  // Selected, so that a line of only -∞ has the gradient 0, as softmax has.
  const y = total.equal(0).where(-Infinity, total.log()).add(shift)
  return keepdims
    ? y
    : reshape(
        y,
        y.shape.filter((_, i) => !over.includes(i)),
      )
}

export interface VarianceOptions extends ReduceOptions {
  /** What is taken from the number of elements that the sum is divided by. @defaultValue `0` */
  readonly ddof?: number
}

/** Mean squared distance from the mean, `Σ(x - mean)² / (n - ddof)`. */
export const variance = (x: Tensor, axes?: Axes, options?: VarianceOptions): Tensor => spread('variance', x, axes, options)

function spread(op: string, x: Tensor, axes: Axes | undefined, options: VarianceOptions | undefined): Tensor {
  const { keepdims, ddof } = optionsOf(op, options, { keepdims: false, ddof: 0 })
  const over = normalizeAxes(axes, x.rank, op)
  const n = over.reduce((count, axis) => count * x.shape[axis], 1)
  const y = x
    .sub(x.mean(over, { keepdims: true }))
    .square()
    .mean(over, { keepdims })
  return ddof === 0 ? y : y.mul(n / (n - ddof))
}

/** Standard deviation `√variance`; the gradient at 0 is 0. */
export const std = (x: Tensor, axes?: Axes, options?: VarianceOptions): Tensor => spread('std', x, axes, options).sqrt()
