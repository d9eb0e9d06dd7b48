/** What is done to each element, or to elements of several inputs, and what moves them. */
import { tensor } from '@typegrad/tensor'
import type { Builder, Call } from '../builder.ts'
import { act, axesOf, need, range, toChannelsLast, weight, type Converter, type Converters } from './converter.ts'

const relu: Converter = (g, [x], _, { config }) => {
  const [slope, threshold] = [(config['negative_slope'] as number) || 0, (config['threshold'] as number) || 0]
  const bounded = (y: string): string =>
    config['max_value'] === null ? y : g.add('Min', [y, g.number(config['max_value'] as number)])
  if (threshold === 0) return bounded(slope ? g.add('LeakyRelu', [x], { alpha: { float: slope } }) : g.add('Relu', [x]))
  const limit = g.number(threshold)
  const below = slope ? g.add('Mul', [g.add('Sub', [x, limit]), g.number(slope)]) : g.number(0)
  return g.add('Where', [g.add('Less', [x, limit]), below, bounded(x)])
}

/** Inputs of lower rank get axes after the batch. */
function aligned(g: Builder, inputs: readonly string[], { shapes }: Call): string[] {
  const rank = Math.max(...shapes.map(({ length }) => length))
  return inputs.map((x, i) => {
    const lacks = rank - shapes[i].length
    return lacks === 0 ? x : g.add('Unsqueeze', [x, g.integers(range(lacks, 1))])
  })
}

const folded =
  (op: string): Converter =>
  (g, inputs, _, call) =>
    aligned(g, inputs, call).reduce((a, b) => g.add(op, [a, b]))

const together =
  (op: string): Converter =>
  (g, inputs, _, call) =>
    g.add(op, aligned(g, inputs, call))

const categoryEncoding: Converter = (g, [x], _, { config, shape }) => {
  const depth = g.integers([config['num_tokens'] as number])
  const hot = (y: string): string => g.add('OneHot', [g.add('Cast', [y], { to: 7 }), depth, g.constant(tensor([0, 1]))])
  switch (config['output_mode']) {
    case 'one_hot':
      return hot(shape.length > 1 && shape.at(-1) === 1 ? g.add('Squeeze', [x, g.integers([-1])]) : x)
    case 'count':
      return g.add('ReduceSum', [hot(x), g.integers([-2])], { keepdims: 0 })
    default:
      return g.add('ReduceMax', [hot(x)], { axes: [-2], keepdims: 0 })
  }
}

const identity: Converter = (_, [x]) => x

export const elementwise: Converters = {
  InputLayer: identity,
  Activation: (g, [x], _, call) => act(g, call, x),
  ReLU: relu,
  LeakyReLU: (g, [x], _, { config }) => g.add('LeakyRelu', [x], { alpha: { float: config['negative_slope'] as number } }),
  ELU: (g, [x], _, { config }) => g.add('Elu', [x], { alpha: { float: config['alpha'] as number } }),
  PReLU: (g, [x], layer) => g.add('PRelu', [x, g.constant(weight(layer, 'alpha')!)]),
  Softmax: (g, [x], _, call) => {
    const axes = axesOf(call)
    if (axes.length === 1) return g.add('Softmax', [x], { axis: axes[0] })
    return g.add('Exp', [g.add('Sub', [x, g.add('ReduceLogSumExp', [x], { axes, keepdims: 1 })])])
  },
  Rescaling: (g, [x], _, { config }) =>
    g.add('Add', [
      g.add('Mul', [x, g.constant(tensor(config['scale'] as number))]),
      g.constant(tensor(config['offset'] as number)),
    ]),
  Embedding: (g, [x], layer, { config }) => {
    need(!config['mask_zero'], 'mask_zero: ONNX has no masks')
    return g.add('Gather', [g.constant(weight(layer, 'embeddings')!), g.add('Cast', [x], { to: 7 })], { axis: 0 })
  },
  CategoryEncoding: categoryEncoding,
  Flatten: (g, [x], _, call) => g.add('Flatten', [toChannelsLast(g, call, x)], { axis: 1 }),
  Reshape: (g, [x], _, { config }) => g.add('Reshape', [x, g.integers([0, ...(config['target_shape'] as number[])])]),
  Permute: (g, [x], _, { config }) => g.add('Transpose', [x], { perm: [0, ...(config['dims'] as number[])] }),
  RepeatVector: (g, [x], _, { config }) =>
    g.add('Expand', [g.add('Unsqueeze', [x, g.integers([1])]), g.integers([1, config['n'] as number, 1])]),
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
      'RandomBrightness',
      'RandomContrast',
      'RandomFlip',
      'RandomRotation',
      'RandomTranslation',
      'RandomZoom',
    ].map((name) => [name, identity]),
  ),
}
