/** Convolution over any number of spatial axes, channels last, and what is made of it. */
import { optionsOf } from '../names.ts'
import { promote, toFloat } from '../dtype.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { backendFor, type ConvAttributes } from '../backends/backend.ts'
import { toTensor, type TensorLike } from '../convert.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, type Shape } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { reshape } from './movement.ts'
import {
  assertPadding,
  axisPadding,
  outputLength,
  perAxis,
  transposedAxis,
  type AxisWindow,
  type Padding,
  type PerAxis,
} from './windows.ts'

const spatialOf = (x: Tensor): Shape => x.shape.slice(1, -1)
const windowOf = (kernel: Tensor): Shape => kernel.shape.slice(0, -2)

/**
 * One of the three ops that are each other's gradients: the sum of all products `x · kernel · dy` is linear in each of the
 * three, so the gradient of any of them for one operand is the op that gives that operand.
 */
function convolution<A extends ConvAttributes>(
  name: 'conv' | 'convInput' | 'convKernel',
  shape: (inputs: readonly Tensor[], attributes: A) => Shape,
  gradient: (i: number, dy: Tensor, inputs: readonly Tensor[], attributes: ConvAttributes) => Tensor,
): Op<A> {
  return {
    name,
    infer: (inputs, attributes) => ({
      shape: shape(inputs, attributes),
      dtype: toFloat(promote(inputs[0].dtype, inputs[1].dtype)),
    }),
    run([a, b], { strides, dilation, padding, groups }, spec) {
      const backend = backendFor([a, b])
      const isComputed = a.size > 0 && b.size > 0 && spec.shape.every((length) => length > 0)
      const out = emptyTensor(spec.shape, spec.dtype, backend, isComputed)
      if (isComputed) backend[name](a, b, { strides, dilation, padding, groups }, out)
      return out
    },
    gradient: (i, dy, inputs, _, attributes) => cast(gradient(i, dy, inputs, attributes), inputs[i].dtype),
  }
}

const convOp: Op<ConvAttributes> = convolution(
  'conv',
  ([x, kernel], attributes) => [
    x.shape[0],
    ...spatialOf(x).map((length, axis) => outputLength(length, axis, windowAt(windowOf(kernel), attributes, axis), 'conv')),
    kernel.shape.at(-1)!,
  ],
  (i, dy, [x, kernel], attributes) =>
    i === 0
      ? apply(convInputOp, [dy, kernel], { ...attributes, spatial: spatialOf(x) })
      : apply(convKernelOp, [x, dy], { ...attributes, window: windowOf(kernel) }),
)

/** The gradient of conv for an input of `spatial` lengths. */
const convInputOp: Op<ConvAttributes & { spatial: Shape }> = convolution(
  'convInput',
  ([dy, kernel], { spatial, groups }) => [dy.shape[0], ...spatial, kernel.shape.at(-2)! * groups],
  (i, dx, [dy, kernel], attributes) =>
    i === 0
      ? apply(convOp, [dx, kernel], attributes)
      : apply(convKernelOp, [dx, dy], { ...attributes, window: windowOf(kernel) }),
)

/** The gradient of conv for a kernel of this `window`. */
const convKernelOp: Op<ConvAttributes & { window: Shape }> = convolution(
  'convKernel',
  ([x, dy], { window, groups }) => [...window, x.shape.at(-1)! / groups, dy.shape.at(-1)!],
  (i, dk, [x, dy], attributes) =>
    i === 0 ? apply(convInputOp, [dy, dk], { ...attributes, spatial: spatialOf(x) }) : apply(convOp, [x, dk], attributes),
)

const windowAt = (window: Shape, { strides, dilation, padding }: Omit<ConvAttributes, 'groups'>, axis: number): AxisWindow => ({
  size: window[axis],
  stride: strides[axis],
  dilation: dilation[axis],
  padding: padding[axis],
})

export interface ConvolutionOptions {
  /** How far the window moves. @defaultValue `1` */
  readonly strides?: PerAxis
  /** @defaultValue `'valid'` */
  readonly padding?: Padding
  /** The distance of neighbours in the window. @defaultValue `1` */
  readonly dilationRate?: PerAxis
}

const defaults = { strides: 1, padding: 'valid', dilationRate: 1 } as const

/** The options checked, for the spatial axes of an input. */
function resolve(op: string, x: Tensor, kernel: Tensor, options: Required<ConvolutionOptions>, names: readonly string[]) {
  const rank = x.rank - 2
  const text = `${op}: ${formatShape(x.shape)} with kernel ${formatShape(kernel.shape)}`
  if (rank < 1 || kernel.rank !== x.rank) {
    throw new ShapeError(
      `${text}, expected an input [batch, …spatial, channels] and a kernel of as many axes, [${op === 'convTranspose' ? '…window, filters, channels' : '…window, channels, filters'}]`,
      { x: x.shape, kernel: kernel.shape },
    )
  }
  const window = windowOf(kernel)
  if (window.includes(0)) throw new ShapeError(`${text}, the kernel's window is empty`, { kernel: kernel.shape })
  const { padding } = options
  assertPadding(padding, rank, op, names)
  const strides = perAxis(options.strides, rank, op, 'strides')
  const dilation = perAxis(options.dilationRate, rank, op, 'dilationRate')
  const axes = window.map((size, axis): AxisWindow => ({ size, stride: strides[axis], dilation: dilation[axis], padding }))
  return { text, strides, dilation, axes }
}

/**
 * Convolution `Σ x[b, …o·stride + k·dilation - before, i] · kernel[…k, i, j]` (nothing is flipped) of x,
 * `[batch, …spatial, channels]`, with a kernel `[…window, channels / groups, filters]`, over as many spatial axes as there
 * are. With `groups` the channels and the filters fall into so many groups, each a convolution of its own.
 */
export function conv(x: Tensor, kernel: TensorLike, given?: ConvolutionOptions & { readonly groups?: number }): Tensor {
  const k = toTensor(kernel)
  const options = optionsOf('conv', given, { ...defaults, groups: 1 })
  const { text, strides, dilation, axes } = resolve('conv', x, k, options, ['valid', 'same', 'causal'])
  const { groups } = options
  if (!Number.isInteger(groups) || groups < 1)
    throw new ValueError(`conv: groups must be a positive integer, got ${groups}`, { groups })
  const [channels, taken, filters] = [x.shape.at(-1)!, k.shape.at(-2)!, k.shape.at(-1)!]
  if (channels !== taken * groups) {
    throw new ShapeError(
      `${text}, the input has ${channels} channels, the kernel takes ${taken}${groups === 1 ? '' : ` in each of ${groups} groups`}`,
      { x: x.shape, kernel: k.shape, groups },
    )
  }
  if (filters % groups !== 0)
    throw new ShapeError(`${text}, ${filters} filters do not divide into ${groups} groups`, { filters, groups })
  const padding = axes.map((axis, i) => axisPadding(x.shape[i + 1], i, axis))
  return apply(convOp, [x, k], { strides, dilation, padding, groups })
}

/**
 * Each channel convolved with filters of its own: a kernel `[…window, channels, multiplier]` makes `channels · multiplier`
 * channels of x, `[batch, …spatial, channels]`.
 */
export function depthwiseConv(x: Tensor, kernel: TensorLike, given?: ConvolutionOptions): Tensor {
  const k = toTensor(kernel)
  const options = optionsOf('depthwiseConv', given, defaults)
  const [channels, multiplier] = k.shape.slice(-2)
  if (k.rank !== x.rank || channels !== x.shape.at(-1)) {
    throw new ShapeError(
      `depthwiseConv: ${formatShape(x.shape)} with kernel ${formatShape(k.shape)}, expected a kernel […window, channels, multiplier] with the input's channels`,
      { x: x.shape, kernel: k.shape },
    )
  }
  return conv(x, reshape(k, [...windowOf(k), 1, channels * multiplier]), { ...options, groups: Math.max(1, channels) })
}

/**
 * Transposed convolution: the input gradient of {@link conv}, which spreads every element over a window. The kernel is
 * `[…window, filters, channels]`; `outputPadding` elements, by Keras' rule, are added at the end.
 */
export function convTranspose(
  x: Tensor,
  kernel: TensorLike,
  given?: ConvolutionOptions & { readonly outputPadding?: PerAxis },
): Tensor {
  const k = toTensor(kernel)
  const options = optionsOf('convTranspose', given, { ...defaults, outputPadding: undefined })
  const { text, strides, dilation, axes } = resolve('convTranspose', x, k, options, ['valid', 'same'])
  if (k.shape.at(-1) !== x.shape.at(-1)) {
    throw new ShapeError(`${text}, the input has ${x.shape.at(-1)} channels, the kernel takes ${k.shape.at(-1)}`, {
      x: x.shape,
      kernel: k.shape,
    })
  }
  const { outputPadding } = options
  const added = outputPadding === undefined ? [] : perAxis(outputPadding, axes.length, 'convTranspose', 'outputPadding', 0)
  const outputs = axes.map((axis, i) => transposedAxis(x.shape[i + 1], i, axis, added[i]))
  return apply(convInputOp, [x, k], {
    strides,
    dilation,
    padding: outputs.map(({ padding }) => padding),
    groups: 1,
    spatial: outputs.map(({ length }) => length),
  })
}
