/** Each layer in the words of ONNX. The converters read Keras' config, and the layer for its weights. */
import type { AnyLayer } from '@typegrad/layers'
import { concat, tensor, zeros, type Tensor, type Variable } from '@typegrad/tensor'
import { activate, recurrentName } from './activations.ts'
import type { Builder, Call } from './builder.ts'

/** Why a layer cannot be said. */
export class Unsayable extends Error {}

export type Converter = (g: Builder, inputs: readonly string[], layer: AnyLayer, call: Call) => string

/** A layer's weight, by the name of its property. */
const weight = (layer: AnyLayer, name: string): Tensor | undefined =>
  (layer as unknown as Readonly<Record<string, Variable | undefined>>)[name]?.value

const need = (condition: boolean, why: string): void => {
  if (!condition) throw new Unsayable(why)
}

const act = (g: Builder, { config }: Call, x: string, key = 'activation'): string => {
  const y = activate(g, config[key], x)
  if (y === undefined) throw new Unsayable(`the activation '${JSON.stringify(config[key])}'`)
  return y
}

const plus = (g: Builder, x: string, bias: Tensor | undefined): string => (bias ? g.add('Add', [x, g.constant(bias)]) : x)

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => i + from)

/** From channels last to channels first, and back. */
const channelsFirst = (rank: number): number[] => [0, rank - 1, ...range(rank - 2, 1)]
const channelsLast = (rank: number): number[] => [0, ...range(rank - 2, 2), 1]

/** Runs an operator of images on channels first, whatever the layer's format is. */
function onChannelsFirst(g: Builder, { config, shape }: Call, x: string, run: (x: string) => string): string {
  if (config['data_format'] === 'channels_first') return run(x)
  const y = run(g.add('Transpose', [x], { perm: channelsFirst(shape.length) }))
  return g.add('Transpose', [y], { perm: channelsLast(shape.length) })
}

const numbers = (value: unknown, n: number): number[] =>
  Array.isArray(value) ? (value as number[]) : range(n).map(() => value as number)

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

const axisOf = (value: unknown, rank: number): number => {
  const axis = Array.isArray(value) ? (value as number[])[0] : (value as number)
  need(!Array.isArray(value) || value.length === 1, 'several axes')
  return axis < 0 ? axis + rank : axis
}

/** A vector that lies along an axis. */
const along = (vector: Tensor, axis: number, rank: number): Tensor => vector.reshape([-1, ...range(rank - 1 - axis).map(() => 1)])

const batchNormalization: Converter = (g, [x], layer, { config, shape }) => {
  const axis = axisOf(config['axis'], shape.length)
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'movingMean', 'movingVariance'].map((name) => weight(layer, name))
  const inverse = variance!.add(config['epsilon'] as number).rsqrt()
  const scale = gamma ? gamma.mul(inverse) : inverse
  const shift = (beta ?? zeros(mean!.shape)).sub(mean!.mul(scale))
  const scaled = g.add('Mul', [x, g.constant(along(scale, axis, shape.length))])
  return g.add('Add', [scaled, g.constant(along(shift, axis, shape.length))])
}

const layerNormalization: Converter = (g, [x], layer, { config, shape }) => {
  need(axisOf(config['axis'], shape.length) === shape.length - 1, 'an axis that is not the last')
  const [gamma, beta] = ['gamma', 'beta'].map((name) => weight(layer, name))
  const size = shape.at(-1)!
  const scale = g.constant(gamma ?? zeros([size]).add(1))
  return g.add('LayerNormalization', [x, scale, ...(beta ? [g.constant(beta)] : [])], {
    axis: -1,
    epsilon: { float: config['epsilon'] as number },
  })
}

const normalization: Converter = (g, [x], layer, { config }) => {
  need(!config['invert'], 'invert')
  const [mean, variance] = ['mean', 'variance'].map((name) => weight(layer, name))
  need(mean !== undefined, 'statistics that are options')
  const scale = variance!.sqrt().maximum(1e-7)
  return g.add('Div', [g.add('Sub', [x, g.constant(mean!)]), g.constant(scale)])
}

/** How recurrent layers of ONNX have their weights: gates in another order, rows and columns exchanged, both biases in one. */
const recurrent: Readonly<Record<string, { op: string; gates: readonly number[]; names: readonly string[] }>> = {
  LSTM: { op: 'LSTM', gates: [0, 3, 1, 2], names: ['recurrent_activation', 'activation', 'activation'] },
  GRU: { op: 'GRU', gates: [0, 1, 2], names: ['recurrent_activation', 'activation'] },
  SimpleRNN: { op: 'RNN', gates: [0], names: ['activation'] },
}

function gated(matrix: Tensor, gates: readonly number[]): Tensor {
  const parts = matrix.split(gates.length, -1)
  return concat(
    gates.map((gate) => parts[gate]),
    -1,
  )
}

/** A sequence in one direction: all outputs `[steps, 1, batch, units]`, and the last. */
function runRecurrent(g: Builder, kind: string, layer: AnyLayer, x: string, direction: 'forward' | 'reverse'): [string, string] {
  const { op, gates, names } = recurrent[kind]
  const config = layer.getConfig()
  const activations = names.map((name) => recurrentName(config[name]))
  need(!activations.includes(undefined), `activations ${names.map((name) => String(config[name])).join(', ')}`)
  need(!config['stateful'], 'states that are kept from batch to batch')
  const { cell } = layer as unknown as { cell: AnyLayer }
  const [kernel, recurrentKernel, bias] = ['kernel', 'recurrentKernel', 'bias'].map((name) => weight(cell, name))
  const units = config['units'] as number
  const none = zeros([gates.length * units])
  const [input, state] = !bias ? [none, none] : bias.rank === 2 ? [bias.slice(0), bias.slice(1)] : [bias, none]
  const biases = concat([gated(input, gates), gated(state, gates)]).expandDims(0)
  const matrices = [kernel!, recurrentKernel!].map((matrix) => g.constant(gated(matrix, gates).transpose().expandDims(0)))
  const time = g.add('Transpose', [x], { perm: [1, 0, 2] })
  const attributes = {
    hidden_size: units,
    direction,
    ...(op === 'GRU' ? { linear_before_reset: config['reset_after'] ? 1 : 0 } : {}),
  }
  need(activations.join() === defaults[op], `activations other than ${defaults[op]}`)
  const [all, last] = g.several(op, [time, ...matrices, g.constant(biases)], 2, attributes)
  return [all, last]
}

const defaults: Readonly<Record<string, string>> = { LSTM: 'Sigmoid,Tanh,Tanh', GRU: 'Sigmoid,Tanh', RNN: 'Tanh' }

const squeezed = (g: Builder, x: string, axis: number): string => g.add('Squeeze', [x, g.integers([axis])])

/** `[batch, steps, units]` of all outputs. */
const batchFirst = (g: Builder, all: string): string => g.add('Transpose', [squeezed(g, all, 1)], { perm: [1, 0, 2] })

const rnn =
  (kind: string): Converter =>
  (g, inputs, layer, { config }) => {
    need(inputs.length === 1, 'states that are given')
    need(!config['return_state'], 'return_state')
    need(!config['go_backwards'] || !config['return_sequences'], 'sequences that go backwards')
    const [all, last] = runRecurrent(g, kind, layer, inputs[0], config['go_backwards'] ? 'reverse' : 'forward')
    return config['return_sequences'] ? batchFirst(g, all) : squeezed(g, last, 0)
  }

const bidirectional: Converter = (g, [x], layer, { config }) => {
  const { forwardLayer, backwardLayer } = layer as unknown as { forwardLayer: AnyLayer; backwardLayer: AnyLayer }
  const sides = [forwardLayer, backwardLayer].map((side, i) => {
    const options = side.getConfig()
    const kind = (config[i === 0 ? 'layer' : 'backward_layer'] as { class_name: string }).class_name
    need(Object.hasOwn(recurrent, kind), `a layer of class ${kind} within`)
    need(!options['return_state'], 'return_state')
    need(options['go_backwards'] === (i === 1), 'a first layer that goes backwards')
    const [all, last] = runRecurrent(g, kind, side, x, i === 0 ? 'forward' : 'reverse')
    return options['return_sequences'] ? batchFirst(g, all) : squeezed(g, last, 0)
  })
  const mode = config['merge_mode']
  const merge: Readonly<Record<string, () => string>> = {
    concat: () => g.add('Concat', sides, { axis: -1 }),
    sum: () => g.add('Add', sides),
    mul: () => g.add('Mul', sides),
    ave: () => g.add('Mean', sides),
  }
  need(typeof mode === 'string' && Object.hasOwn(merge, mode), `merge_mode ${String(mode)}`)
  return merge[mode as string]()
}

const attention: Converter = (g, [query, value, key = value], layer, { config, shape }) => {
  need(shape.length === 3, 'inputs that are no sequences of vectors')
  need(['null', '1', '[1]'].includes(JSON.stringify(config['attention_axes'])), 'attention_axes')
  const project = (x: string, name: string): string => {
    const dense = (layer as unknown as Record<string, AnyLayer>)[name]
    return plus(
      g,
      g.add('Einsum', [x, g.constant(weight(dense, 'kernel')!)], { equation: 'abc,cde->abde' }),
      weight(dense, 'bias'),
    )
  }
  const [q, k, v] = [project(query, 'queryDense'), project(key, 'keyDense'), project(value, 'valueDense')]
  const scaled = g.add('Mul', [q, g.number(1 / Math.sqrt(config['key_dim'] as number))])
  const scores = g.add('Softmax', [g.add('Einsum', [scaled, k], { equation: 'btnh,bsnh->bnts' })], { axis: -1 })
  const mixed = g.add('Einsum', [scores, v], { equation: 'bnts,bsnh->btnh' })
  const { outputDense } = layer as unknown as { outputDense: AnyLayer }
  const kernel = weight(outputDense, 'kernel')!
  need(kernel.rank === 3, 'output_shape of several axes')
  return plus(g, g.add('Einsum', [mixed, g.constant(kernel)], { equation: 'btnh,nhd->btd' }), weight(outputDense, 'bias'))
}

const folded =
  (op: string): Converter =>
  (g, inputs) =>
    inputs.slice(1).reduce((a, b) => g.add(op, [a, b]), inputs[0])

const together =
  (op: string): Converter =>
  (g, inputs) =>
    g.add(op, inputs)

const identity: Converter = (_, [x]) => x

/** Zeros on spatial axes. */
const zeroPadding: Converter = (g, [x], _, { config, shape }) => {
  const n = shape.length - 2
  const given = config['padding'] as number | readonly (number | readonly number[])[]
  const pairs = n === 1 ? [given as readonly number[]] : (given as readonly (readonly number[])[])
  const spatial = config['data_format'] === 'channels_first' ? 2 : 1
  const pads = [0, 1].flatMap((side) => range(shape.length).map((axis) => pairs[axis - spatial]?.[side] ?? 0))
  return g.add('Pad', [x, g.integers(pads)], { mode: 'constant' })
}

const upSampling: Converter = (g, [x], _, { config, shape }) => {
  need((config['interpolation'] ?? 'nearest') === 'nearest', `interpolation '${String(config['interpolation'])}'`)
  const factors = numbers(config['size'], shape.length - 2)
  const spatial = config['data_format'] === 'channels_first' ? 2 : 1
  const scales = tensor(range(shape.length).map((axis) => factors[axis - spatial] ?? 1))
  return g.add('Resize', [x, '', g.constant(scales)], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  })
}

/** The converters by Keras' class names. */
export const converters: Readonly<Record<string, Converter>> = {
  InputLayer: identity,
  Dense: (g, [x], layer, call) =>
    act(g, call, plus(g, g.add('MatMul', [x, g.constant(weight(layer, 'kernel')!)]), weight(layer, 'bias'))),
  Activation: (g, [x], _, call) => act(g, call, x),
  ReLU: (g, [x], _, { config }) => {
    need(config['threshold'] === 0, 'threshold')
    const slope = (config['negative_slope'] as number) || 0
    const y = slope ? g.add('LeakyRelu', [x], { alpha: { float: slope } }) : g.add('Relu', [x])
    return config['max_value'] === null ? y : g.add('Min', [y, g.number(config['max_value'] as number)])
  },
  LeakyReLU: (g, [x], _, { config }) => g.add('LeakyRelu', [x], { alpha: { float: config['negative_slope'] as number } }),
  ELU: (g, [x], _, { config }) => g.add('Elu', [x], { alpha: { float: config['alpha'] as number } }),
  PReLU: (g, [x], layer) => g.add('PRelu', [x, g.constant(weight(layer, 'alpha')!)]),
  Softmax: (g, [x], _, { config, shape }) => g.add('Softmax', [x], { axis: axisOf(config['axis'], shape.length) }),
  Conv1D: conv,
  Conv2D: conv,
  Conv3D: conv,
  DepthwiseConv1D: depthwise,
  DepthwiseConv2D: depthwise,
  SeparableConv1D: separable,
  SeparableConv2D: separable,
  MaxPooling1D: pool('MaxPool'),
  MaxPooling2D: pool('MaxPool'),
  MaxPooling3D: pool('MaxPool'),
  AveragePooling1D: pool('AveragePool'),
  AveragePooling2D: pool('AveragePool'),
  AveragePooling3D: pool('AveragePool'),
  GlobalMaxPooling1D: globalPool('ReduceMax'),
  GlobalMaxPooling2D: globalPool('ReduceMax'),
  GlobalMaxPooling3D: globalPool('ReduceMax'),
  GlobalAveragePooling1D: globalPool('ReduceMean'),
  GlobalAveragePooling2D: globalPool('ReduceMean'),
  GlobalAveragePooling3D: globalPool('ReduceMean'),
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  Normalization: normalization,
  Rescaling: (g, [x], _, { config }) =>
    g.add('Add', [
      g.add('Mul', [x, g.constant(tensor(config['scale'] as number))]),
      g.constant(tensor(config['offset'] as number)),
    ]),
  Embedding: (g, [x], layer, { config }) => {
    need(!config['mask_zero'], 'mask_zero: ONNX has no masks')
    return g.add('Gather', [g.constant(weight(layer, 'embeddings')!), g.add('Cast', [x], { to: 7 })], { axis: 0 })
  },
  Flatten: (g, [x]) => g.add('Flatten', [x], { axis: 1 }),
  Reshape: (g, [x], _, { config }) => g.add('Reshape', [x, g.integers([0, ...(config['target_shape'] as number[])])]),
  Permute: (g, [x], _, { config }) => g.add('Transpose', [x], { perm: [0, ...(config['dims'] as number[])] }),
  RepeatVector: (g, [x], _, { config }) =>
    g.add('Expand', [g.add('Unsqueeze', [x, g.integers([1])]), g.integers([1, config['n'] as number, 1])]),
  ZeroPadding1D: zeroPadding,
  ZeroPadding2D: zeroPadding,
  ZeroPadding3D: zeroPadding,
  UpSampling1D: upSampling,
  UpSampling2D: upSampling,
  UpSampling3D: upSampling,
  LSTM: rnn('LSTM'),
  GRU: rnn('GRU'),
  SimpleRNN: rnn('SimpleRNN'),
  Bidirectional: bidirectional,
  MultiHeadAttention: attention,
  Add: folded('Add'),
  Subtract: folded('Sub'),
  Multiply: folded('Mul'),
  Maximum: together('Max'),
  Minimum: together('Min'),
  Average: together('Mean'),
  Concatenate: (g, inputs, _, { config }) => g.add('Concat', inputs, { axis: config['axis'] as number }),
  // What is done in training only.
  ...Object.fromEntries(
    [
      'Dropout',
      'SpatialDropout1D',
      'SpatialDropout2D',
      'SpatialDropout3D',
      'AlphaDropout',
      'GaussianDropout',
      'GaussianNoise',
      'ActivityRegularization',
      'Identity',
    ].map((name) => [name, identity]),
  ),
}
