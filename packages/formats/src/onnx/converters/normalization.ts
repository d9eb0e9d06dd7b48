/** Normalizations. */
import type { AnyLayer } from '@typegrad/layers'
import { ones, tensor, zeros, type NestedArray, type Shape } from '@typegrad/tensor'
import type { Builder, Call } from '../builder.ts'
import { along, axesOf, need, range, weight, type Converter, type Converters } from './converter.ts'

const batchNormalization: Converter = (g, [x], layer, call) => {
  const [axes, rank] = [axesOf(call), call.shape.length]
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'movingMean', 'movingVariance'].map((name) => weight(layer, name))
  const inverse = variance!.add(call.config['epsilon'] as number).rsqrt()
  const scale = gamma ? gamma.mul(inverse) : inverse
  const shift = (beta ?? zeros(mean!.shape)).sub(mean!.mul(scale))
  return g.add('Add', [g.add('Mul', [x, g.constant(along(scale, axes, rank))]), g.constant(along(shift, axes, rank))])
}

/** `x / √(mean(square) + epsilon)` over the axes. */
function overRoot(g: Builder, x: string, axes: readonly number[], epsilon: unknown): string {
  const square = g.add('ReduceMean', [g.add('Mul', [x, x])], { axes, keepdims: 1 })
  return g.add('Div', [x, g.add('Sqrt', [g.add('Add', [square, g.number(epsilon as number)])])])
}

const standardized = (g: Builder, x: string, axes: readonly number[], epsilon: unknown): string =>
  overRoot(g, g.add('Sub', [x, g.add('ReduceMean', [x], { axes, keepdims: 1 })]), axes, epsilon)

/** `gamma · x + beta`, of the weights that the layer has. */
function scaled(g: Builder, x: string, layer: AnyLayer, call: Call): string {
  const [gamma, beta] = ['gamma', 'beta'].map((name) => {
    const value = weight(layer, name)
    return value && g.constant(along(value, axesOf(call), call.shape.length))
  })
  const y = gamma === undefined ? x : g.add('Mul', [x, gamma])
  return beta === undefined ? y : g.add('Add', [y, beta])
}

const layerNormalization: Converter = (g, [x], layer, call) => {
  const [axes, rank] = [axesOf(call), call.shape.length]
  const epsilon = call.config['epsilon'] as number
  // ONNX has an operator for the last axes only.
  if (axes[0] !== rank - axes.length) return scaled(g, standardized(g, x, axes, epsilon), layer, call)
  const [gamma, beta] = ['gamma', 'beta'].map((name) => weight(layer, name))
  const scale = gamma ?? ones(axes.map((axis) => call.shape[axis]) as Shape)
  return g.add('LayerNormalization', [x, g.constant(scale), ...(beta ? [g.constant(beta)] : [])], {
    axis: axes[0],
    epsilon: { float: epsilon },
  })
}

/** The features as groups of features, an axis more, on which all but batch and groups are standardized together. */
const groupNormalization: Converter = (g, [x], layer, call) => {
  const { config, shape } = call
  const [at] = axesOf(call)
  const after = shape.slice(at + 1).map((length) => length ?? -1)
  need(after.filter((length) => length < 0).length < 2, 'several lengths after the features that are not known')
  const [groups, features] = [config['groups'] as number, shape[at]!]
  // 0 keeps a length.
  const reshaped = (y: string, lengths: readonly number[]): string =>
    g.add('Reshape', [y, g.integers([...range(at).map(() => 0), ...lengths, ...after])])
  const split = reshaped(x, [groups, features / groups])
  const axes = range(shape.length + 1).filter((axis) => axis !== 0 && axis !== at)
  return scaled(g, reshaped(standardized(g, split, axes, config['epsilon']), [features]), layer, call)
}

const rmsNormalization: Converter = (g, [x], layer, call) => {
  const axes = axesOf(call)
  const scale = g.constant(along(weight(layer, 'scale')!, axes, call.shape.length))
  return g.add('Mul', [overRoot(g, x, axes, call.config['epsilon']), scale])
}

const unitNormalization: Converter = (g, [x], _, call) => {
  const norm = g.add('ReduceL2', [x], { axes: axesOf(call), keepdims: 1 })
  return g.add('Div', [x, g.add('Max', [norm, g.number(1e-12)])])
}

const normalization: Converter = (g, [x], layer, call) => {
  const axes = axesOf(call)
  const [mean, variance] = ['mean', 'variance'].map((name) => {
    const statistic = weight(layer, name) ?? tensor(call.config[name] as NestedArray)
    return along(statistic, axes.slice(axes.length - statistic.rank), call.shape.length)
  })
  const [shift, scale] = [g.constant(mean), g.constant(variance.sqrt().maximum(1e-7))]
  return call.config['invert'] ? g.add('Add', [g.add('Mul', [x, scale]), shift]) : g.add('Div', [g.add('Sub', [x, shift]), scale])
}

export const normalizations: Converters = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  UnitNormalization: unitNormalization,
  Normalization: normalization,
}
