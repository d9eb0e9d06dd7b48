/** Convolutions and pooling. */
import type { AnyLayer } from '@typegrad/layers'
import { tensor, transposedAxis, type Tensor } from '@typegrad/tensor'
import type { Builder, Call } from '../builder.ts'
import {
  act,
  firstSpatial,
  multiplied,
  need,
  numbers,
  onChannelsFirst,
  plus,
  range,
  spatialFamily,
  weight,
  type Converter,
  type Converters,
} from './converter.ts'

/** Keras puts the odd element of `same` at the end, and `causal` puts all before. */
function padding(
  { config, shape }: Call,
  window: readonly number[],
  strides: readonly number[],
): Record<string, string | number[]> {
  const dilation = numbers(config['dilation_rate'] ?? 1, window.length)
  if (config['padding'] === 'causal') return { pads: [dilation[0] * (window[0] - 1), 0] }
  if (config['padding'] !== 'same') return {}
  const first = config['data_format'] === 'channels_first' ? 2 : 1
  const totals = window.map((length, i) => {
    const [n, reach] = [shape[first + i], dilation[i] * (length - 1)]
    if (n === null) return strides[i] === 1 ? reach : undefined
    return Math.max(0, (Math.ceil(n / strides[i]) - 1) * strides[i] + reach + 1 - n)
  })
  if (totals.every((total) => total !== undefined))
    return { pads: [...totals.map((total) => total >> 1), ...totals.map((total) => total - (total >> 1))] }
  // How much is needed is not known before the length is; runtimes find it out only for windows that overlap and have no holes.
  const plain = window.every((length, i) => dilation[i] === 1 && strides[i] <= length)
  need(plain, "padding 'same' of a length that is not known")
  return { auto_pad: 'SAME_UPPER' }
}

function convolve(g: Builder, x: string, call: Call, kernel: Tensor, group: number, strides = call.config['strides']): string {
  const rank = kernel.rank
  const window = kernel.shape.slice(0, -2)
  // Keras has [...window, in, out], ONNX [out, in, ...window].
  const weights = kernel.transpose([rank - 1, rank - 2, ...range(rank - 2)])
  const steps = numbers(strides, window.length)
  return g.add('Conv', [x, g.constant(weights)], {
    kernel_shape: window,
    strides: steps,
    dilations: numbers(call.config['dilation_rate'] ?? 1, window.length),
    group,
    ...padding(call, window, steps),
  })
}

const conv: Converter = (g, [x], layer, call) => {
  const y = onChannelsFirst(g, call, x, (image) =>
    convolve(g, image, call, weight(layer, 'kernel')!, call.config['groups'] as number),
  )
  return act(g, call, biased(g, y, layer, call))
}

/** A bias along the channels. */
function biased(g: Builder, x: string, layer: AnyLayer, { config, shape }: Call): string {
  const bias = weight(layer, 'bias')
  return plus(
    g,
    x,
    bias && config['data_format'] === 'channels_first' ? bias.reshape([-1, ...range(shape.length - 2).map(() => 1)]) : bias,
  )
}

/** [...window, in, multiplier] as [...window, 1, in · multiplier]. */
const perChannel = (kernel: Tensor): Tensor => {
  const { shape, rank } = kernel
  return kernel.reshape([...shape.slice(0, -2), 1, shape[rank - 2] * shape[rank - 1]])
}

const depthwise: Converter = (g, [x], layer, call) => {
  const kernel = weight(layer, 'kernel')!
  const y = onChannelsFirst(g, call, x, (image) => convolve(g, image, call, perChannel(kernel), kernel.shape.at(-2)!))
  return act(g, call, biased(g, y, layer, call))
}

const separable: Converter = (g, [x], layer, call) => {
  const [depth, point] = [weight(layer, 'depthwiseKernel')!, weight(layer, 'pointwiseKernel')!]
  const plain = { ...call, config: { ...call.config, padding: 'valid', dilation_rate: 1 } }
  const y = onChannelsFirst(g, call, x, (image) => {
    const spread = convolve(g, image, call, perChannel(depth), depth.shape.at(-2)!)
    return convolve(g, spread, plain, point, 1, 1)
  })
  return act(g, call, biased(g, y, layer, call))
}

const pool =
  (op: 'MaxPool' | 'AveragePool'): Converter =>
  (g, [x], _, call) => {
    const n = call.shape.length - 2
    const window = numbers(call.config['pool_size'], n)
    const strides = numbers(call.config['strides'] ?? window, n)
    return onChannelsFirst(g, call, x, (image) =>
      g.add(op, [image], { kernel_shape: window, strides, ...padding(call, window, strides) }),
    )
  }

const globalPool =
  (op: 'ReduceMax' | 'ReduceMean'): Converter =>
  (g, [x], _, { config, shape }) =>
    g.add(op, [x], {
      axes: range(shape.length - 2, config['data_format'] === 'channels_first' ? 2 : 1),
      keepdims: config['keepdims'] ? 1 : 0,
    })

/** Every element spread over a window. Keras and ONNX cut off different ends of what the windows reach; which they are does not depend on the length. */
const transposed: Converter = (g, [x], layer, call) => {
  const kernel = weight(layer, 'kernel')!
  const window = kernel.shape.slice(0, -2)
  const n = window.length
  const { config } = call
  const [strides, dilations] = [numbers(config['strides'], n), numbers(config['dilation_rate'] ?? 1, n)]
  const added = config['output_padding'] === null ? undefined : numbers(config['output_padding'], n)
  const pads = window.map((size, i) => {
    const axis = { size, stride: strides[i], dilation: dilations[i], padding: config['padding'] as 'valid' | 'same' }
    return transposedAxis(1 << 16, i, axis, added?.[i]).padding
  })
  const y = onChannelsFirst(g, call, x, (image) =>
    // [...window, out, in] as [in, out, ...window].
    g.add('ConvTranspose', [image, g.constant(kernel.transpose([n + 1, n, ...range(n)]))], {
      kernel_shape: window,
      strides,
      dilations,
      pads: [...pads.map(([before]) => before), ...pads.map(([, after]) => Math.max(0, after))],
      output_padding: pads.map(([, after]) => Math.max(0, -after)),
    }),
  )
  return act(g, call, biased(g, y, layer, call))
}

/** Windows as even as can be on each axis, from `start` to before `end`. The lengths of the axes must be known. */
function adaptive(call: Call): { axis: number; length: number; windows: { start: number; end: number }[] }[] {
  const rank = call.shape.length - 2
  return numbers(call.config['output_size'], rank).map((n, i) => {
    const axis = firstSpatial(call) + i
    const length = call.shape[axis]
    need(length !== null, 'lengths that are not known')
    const windows = range(n).map((at) => ({ start: Math.floor((at * length!) / n), end: Math.ceil(((at + 1) * length!) / n) }))
    return { axis, length: length!, windows }
  })
}

const adaptiveAverage: Converter = (g, [x], _, call) =>
  adaptive(call).reduce((y, { axis, length, windows }) => {
    const shares = windows.map(({ start, end }) => range(length).map((i) => (i >= start && i < end ? 1 / (end - start) : 0)))
    return multiplied(g, y, axis, call.shape.length, tensor(shares))
  }, x)

/** The windows side by side, the shorter ones with their last element repeated. */
const adaptiveMax: Converter = (g, [x], _, call) => {
  const axes = adaptive(call)
  const sizes = axes.map(({ windows }) => Math.max(...windows.map(({ start, end }) => end - start)))
  const spread = axes.reduce((y, { axis, windows }, i) => {
    const positions = windows.flatMap(({ start, end }) => range(sizes[i]).map((k) => Math.min(start + k, end - 1)))
    return g.add('Gather', [y, g.integers(positions)], { axis })
  }, x)
  return onChannelsFirst(g, call, spread, (image) => g.add('MaxPool', [image], { kernel_shape: sizes, strides: sizes }))
}

export const windows: Converters = {
  ...spatialFamily((n) => `Conv${n}D`, conv),
  ...spatialFamily((n) => `Conv${n}DTranspose`, transposed),
  ...spatialFamily((n) => `DepthwiseConv${n}D`, depthwise, [1, 2]),
  ...spatialFamily((n) => `SeparableConv${n}D`, separable, [1, 2]),
  ...spatialFamily((n) => `MaxPooling${n}D`, pool('MaxPool')),
  ...spatialFamily((n) => `AveragePooling${n}D`, pool('AveragePool')),
  ...spatialFamily((n) => `GlobalMaxPooling${n}D`, globalPool('ReduceMax')),
  ...spatialFamily((n) => `GlobalAveragePooling${n}D`, globalPool('ReduceMean')),
  ...spatialFamily((n) => `AdaptiveMaxPooling${n}D`, adaptiveMax),
  ...spatialFamily((n) => `AdaptiveAveragePooling${n}D`, adaptiveAverage),
}
