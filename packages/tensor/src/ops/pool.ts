/** Pooling over any number of spatial axes, channels last. */
import { optionsOf } from '../names.ts'
import { toFloat } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { backendFor, type PoolAttributes, type PoolKind } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, type Shape } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { assertPadding, axisPadding, outputLength, perAxis, type AxisWindow, type Padding, type PerAxis } from './windows.ts'

const pooled = (op: string, { shape }: Tensor, { window, strides, padding }: PoolAttributes): Shape => [
  shape[0],
  ...window.map((size, axis) =>
    outputLength(shape[axis + 1], axis, { size, stride: strides[axis], dilation: 1, padding: padding[axis] }, op),
  ),
  shape.at(-1)!,
]

const poolOp = (kind: PoolKind, name: string): Op<PoolAttributes> => ({
  name,
  infer: ([x], attributes) => ({ shape: pooled(name, x, attributes), dtype: kind === 'max' ? x.dtype : toFloat(x.dtype) }),
  run([x], attributes, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (out.size > 0) backend.pool(kind, x, attributes, out)
    return out
  },
  gradient: (_, dy, [x], __, attributes) => cast(apply(gradientOps[kind], [dy, x], attributes), x.dtype),
})

/** The gradient of pooling for x: linear in dy, and constant in x but where the largest element changes. */
const gradientOp = (kind: PoolKind, name: string): Op<PoolAttributes> => ({
  name: `${name}.x`,
  infer: ([dy, x]) => ({ shape: x.shape, dtype: dy.dtype }),
  run([dy, x], attributes, spec) {
    const backend = backendFor([dy, x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (dy.size > 0) backend.poolGradient(kind, x, dy, attributes, out)
    return out
  },
  gradient(i, dx, [dy, x], _, attributes) {
    if (i === 1) return undefined
    return cast(kind === 'max' ? apply(pickOp, [dx, x], attributes) : apply(ops.mean, [dx], attributes), dy.dtype)
  },
})

/** Picks of `values` what max pooling would of x: the transpose of its gradient. */
const pickOp: Op<PoolAttributes> = {
  name: 'maxPool.pick',
  infer: ([values, x], attributes) => ({ shape: pooled('maxPool', x, attributes), dtype: values.dtype }),
  run([values, x], attributes, spec) {
    const backend = backendFor([values, x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (out.size > 0) backend.poolPick(values, x, attributes, out)
    return out
  },
  gradient: (i, dy, [values, x], _, attributes) =>
    i === 0 ? cast(apply(gradientOps.max, [dy, x], attributes), values.dtype) : undefined,
}

const ops = { max: poolOp('max', 'maxPool'), mean: poolOp('mean', 'averagePool') }
const gradientOps = { max: gradientOp('max', 'maxPool'), mean: gradientOp('mean', 'averagePool') }

export interface PoolOptions {
  /** How far the window moves. @defaultValue its size */
  readonly strides?: PerAxis | null
  /** Padding is never part of the result. @defaultValue `'valid'` */
  readonly padding?: Padding
}

function pool(kind: PoolKind, x: Tensor, poolSize: PerAxis, options: PoolOptions | undefined): Tensor {
  const { name } = ops[kind]
  const { strides, padding } = optionsOf(name, options, { strides: undefined, padding: 'valid' })
  const rank = x.rank - 2
  if (rank < 1) throw new ShapeError(`${name}: ${formatShape(x.shape)}, expected [batch, …spatial, channels]`, { x: x.shape })
  const window = perAxis(poolSize, rank, name, 'poolSize')
  const steps = perAxis(strides ?? poolSize, rank, name, 'strides')
  assertPadding(padding, rank, name, ['valid', 'same', 'causal'])
  const pairs = window.map((size, axis) => {
    const moves: AxisWindow = { size, stride: steps[axis], dilation: 1, padding }
    const length = x.shape[axis + 1]
    const pair = axisPadding(length, axis, moves)
    const last = (outputLength(length, axis, moves, name) - 1) * steps[axis] - pair[0]
    if (pair[0] >= size || last >= length) {
      throw new ShapeError(
        `${name}: with padding [${pair.join(', ')}] a window of ${size} lies wholly in the padding of spatial axis ${axis}, of length ${length}`,
        { x: x.shape, padding },
      )
    }
    return pair
  })
  return apply(ops[kind], [x], { window, strides: steps, padding: pairs })
}

/**
 * The largest element of each window of x, `[batch, …spatial, channels]`; NaN if there is one. The gradient goes to the first
 * of the largest in row-major order.
 */
export const maxPool = (x: Tensor, poolSize: PerAxis, options?: PoolOptions): Tensor => pool('max', x, poolSize, options)

/** The mean of each window of x, `[batch, …spatial, channels]`, over what is not padding. */
export const averagePool = (x: Tensor, poolSize: PerAxis, options?: PoolOptions): Tensor => pool('mean', x, poolSize, options)
