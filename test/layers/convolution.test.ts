import { Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv1D, DepthwiseConv2D, SeparableConv2D } from '@typegrad/layers'
import { ones, tensor, zeros } from '@typegrad/tensor'
import { expect, test } from 'vitest'
import { conformance, golden, moreOf } from '../conformance.ts'
import { runKerasCase, type KerasCase } from './keras-case.ts'
import { makeLayer, testDefaults, testSpatialLayers } from './spatial.ts'

const keras = golden<KerasCase>('layers-convolution')

conformance('layers: convolution', keras, runKerasCase)
conformance('layers: convolution, more', moreOf(keras), runKerasCase)
testDefaults(keras)

testSpatialLayers([
  ['Conv1D', { filters: 3, kernelSize: 2 }, [5, 2], [4, 3]],
  ['Conv1D', { filters: 2, kernelSize: 3, padding: 'causal', dilationRate: 2 }, [5, 2], [5, 2]],
  ['Conv1D', { filters: 4, kernelSize: 3, padding: 'same', strides: 2, groups: 2, activation: 'tanh' }, [5, 4], [3, 4]],
  ['Conv2D', { filters: 2, kernelSize: [2, 3], strides: [1, 2], activation: 'tanh' }, [4, 5, 1], [3, 2, 2]],
  ['Conv2D', { filters: 2, kernelSize: 2, padding: 'same', dilationRate: 2, useBias: false }, [3, 4, 2], [3, 4, 2]],
  ['Conv2D', { filters: 2, kernelSize: 2, strides: 3, dilationRate: 2, padding: 'same' }, [4, 4, 1], [2, 2, 2]],
  ['Conv3D', { filters: 2, kernelSize: 2, strides: [1, 2, 1], padding: 'same' }, [2, 3, 2, 1], [2, 2, 2, 2]],
  ['Conv1DTranspose', { filters: 2, kernelSize: 3, strides: 2 }, [3, 2], [7, 2]],
  ['Conv1DTranspose', { filters: 2, kernelSize: 2, strides: 4 }, [3, 2], [12, 2]],
  [
    'Conv2DTranspose',
    { filters: 1, kernelSize: 3, strides: [2, 1], padding: 'same', activation: 'sigmoid' },
    [2, 3, 2],
    [4, 3, 1],
  ],
  ['Conv2DTranspose', { filters: 1, kernelSize: 3, strides: 2, padding: 'same', outputPadding: [0, 1] }, [2, 2, 2], [3, 4, 1]],
  ['Conv3DTranspose', { filters: 2, kernelSize: 2, strides: 2 }, [2, 1, 2, 1], [4, 2, 4, 2]],
  ['DepthwiseConv1D', { kernelSize: 3, depthMultiplier: 2, padding: 'same' }, [4, 2], [4, 4]],
  ['DepthwiseConv2D', { kernelSize: 2, strides: 2 }, [4, 5, 3], [2, 2, 3]],
  ['SeparableConv1D', { filters: 3, kernelSize: 2, strides: 2, depthMultiplier: 2 }, [5, 2], [2, 3]],
  ['SeparableConv2D', { filters: 2, kernelSize: 3, padding: 'same', dilationRate: 2, activation: 'tanh' }, [3, 4, 2], [3, 4, 2]],
])

test('weights: shapes, names, order, numbers', () => {
  const shapes = (layer: ReturnType<typeof makeLayer>, channels: number): unknown[] => {
    layer.buildFor([null, null, null, channels])
    return layer.weights.map(({ name, shape }) => [name, shape])
  }
  expect(shapes(new Conv2D({ filters: 8, kernelSize: [3, 2], groups: 2 }), 6)).toEqual([['kernel', [3, 2, 3, 8]], ['bias', [8]]]) // prettier-ignore
  expect(shapes(new Conv2DTranspose({ filters: 8, kernelSize: 3, useBias: false }), 6)).toEqual([['kernel', [3, 3, 8, 6]]])
  expect(shapes(new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 4 }), 6)).toEqual([['kernel', [3, 3, 6, 4]], ['bias', [24]]]) // prettier-ignore
  const separable = new SeparableConv2D({ filters: 8, kernelSize: 3, depthMultiplier: 2 })
  expect(shapes(separable, 6)).toEqual([
    ['depthwiseKernel', [3, 3, 6, 2]],
    ['pointwiseKernel', [1, 1, 12, 8]],
    ['bias', [8]],
  ])
  expect(separable.countParams()).toBe(108 + 96 + 8)
})

test('initializers, regularizers and constraints reach their weights', () => {
  const twice = (w: { sum(): any }): any => w.sum().mul(2)
  const half = (w: any): any => w.mul(0.5)
  const thrice = (w: { sum(): any }): any => w.sum().mul(3)
  const quarter = (w: any): any => w.mul(0.25)
  const conv = new Conv1D({
    filters: 2,
    kernelSize: 3,
    kernelInitializer: 'ones',
    biasInitializer: 'ones',
    kernelRegularizer: twice,
    biasRegularizer: thrice,
    kernelConstraint: half,
    biasConstraint: quarter,
  })
  expect(conv.apply(ones([1, 3, 4])).toArray()).toEqual([[[13, 13]]])
  expect(conv.losses.map((loss) => loss.item())).toEqual([48, 6])
  expect(conv.weights.map((w) => w.constraint!(ones([1])).item())).toEqual([0.5, 0.25])
  const separable = new SeparableConv2D({
    filters: 2,
    kernelSize: 1,
    depthwiseInitializer: 'ones',
    pointwiseInitializer: 'ones',
    depthwiseRegularizer: twice,
    pointwiseRegularizer: thrice,
    depthwiseConstraint: half,
    pointwiseConstraint: quarter,
  })
  expect(separable.apply(ones([1, 1, 1, 3])).toArray()).toEqual([[[[3, 3]]]])
  expect(separable.losses.map((loss) => loss.item())).toEqual([6, 18])
  expect(separable.weights.map((w) => w.constraint?.(ones([1])).item())).toEqual([0.5, 0.25, undefined])
  const depthwise = new DepthwiseConv1D({ kernelSize: 2, depthwiseInitializer: 'ones', depthwiseRegularizer: twice, depthwiseConstraint: half }) // prettier-ignore
  expect(depthwise.apply(tensor([1, 2, 3, 4], { shape: [1, 2, 2] })).toArray()).toEqual([[[4, 6]]])
  expect(depthwise.losses.map((loss) => loss.item())).toEqual([8])
  expect(depthwise.weights[0].constraint!(ones([1])).item()).toBe(0.5)
})

test('causal: no output sees a later input', () => {
  const conv = new Conv1D({ filters: 1, kernelSize: 3, dilationRate: 2, padding: 'causal', kernelInitializer: 'ones' })
  const impulse = tensor([0, 0, 1, 0, 0, 0, 0], { shape: [1, 7, 1] })
  expect(conv.apply(impulse).flatten().toArray()).toEqual([0, 0, 1, 0, 1, 0, 1])
})

const wrong: readonly (readonly [string, () => unknown, string])[] = [
  ['filters', () => new Conv2D({ filters: 0, kernelSize: 3 }), 'Conv2D: filters must be a positive integer, got 0'],
  ['kernelSize', () => new Conv2D({ filters: 2, kernelSize: [3, 0] }), 'Conv2D: kernelSize must be a positive integer, or 2 of them, got [3,0]'],
  ['no kernelSize', () => makeLayer('Conv2D', { filters: 2 }), 'Conv2D: kernelSize must be a positive integer, or 2 of them, got undefined'],
  ['kernelSize of another rank', () => new Conv1D({ filters: 2, kernelSize: [3, 3] }), 'Conv1D: kernelSize must be a positive integer, or 1 of them, got [3,3]'],
  ['strides', () => new Conv2D({ filters: 2, kernelSize: 3, strides: 0 }), 'Conv2D: strides must be'],
  ['padding', () => new Conv2D({ filters: 2, kernelSize: 3, padding: 'full' as 'same' }), 'Conv2D: padding must be one of \'valid\', \'same\', got "full"'],
  ['causal in two axes', () => new Conv2D({ filters: 2, kernelSize: 3, padding: 'causal' }), "Conv2D: padding must be one of 'valid', 'same'"],
  ['dataFormat', () => new Conv2D({ filters: 2, kernelSize: 3, dataFormat: 'NHWC' as 'channelsLast' }), "Conv2D: dataFormat must be 'channelsLast' or 'channelsFirst', got \"NHWC\""],
  ['groups', () => new Conv2D({ filters: 3, kernelSize: 3, groups: 2 }), 'Conv2D: 3 filters do not divide into 2 groups'],
  ['groups of channels', () => new Conv2D({ filters: 4, kernelSize: 3, groups: 2 }).apply(zeros([1, 4, 4, 3])), 'Conv2D: input [null, 4, 4, 3], 3 channels do not divide into 2 groups'],
  ['activation', () => new Conv2D({ filters: 3, kernelSize: 3, activation: 'rellu' as 'relu' }), "did you mean 'relu'"],
  ['rank of the input', () => new Conv2D({ filters: 3, kernelSize: 3 }).apply(zeros([32, 28, 28])), 'Conv2D: input [null, 28, 28], expected [batch, height, width, channels]; for one channel, reshape to [null, 28, 28, 1]'],
  ['unknown channels', () => new Conv2D({ filters: 3, kernelSize: 3 }).buildFor([null, 28, 28, null]), 'the number of channels must be known'],
  ['window larger than the input', () => new Conv2D({ filters: 3, kernelSize: 3 }).buildFor([null, 28, 2, 1]), 'Conv2D: a window of 3 does not fit into 2 elements with padding [0, 0] at spatial axis 1'],
  ['other channels than at first', () => { const conv = new Conv1D({ filters: 3, kernelSize: 3 }); conv.apply(zeros([1, 4, 2])); conv.apply(zeros([1, 4, 3])) }, "the input has 3 channels, the kernel takes 2 (in layer 'conv1d"],
  ['depthMultiplier', () => new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 0.5 }), 'DepthwiseConv2D: depthMultiplier must be a positive integer, got 0.5'],
  ['outputPadding', () => new Conv2DTranspose({ filters: 1, kernelSize: 3, strides: 2, outputPadding: 2 }), 'Conv2DTranspose: outputPadding [2, 2] must be less than strides [2, 2]'],
  ['outputPadding below 0', () => new Conv2DTranspose({ filters: 1, kernelSize: 3, outputPadding: -1 }), 'Conv2DTranspose: outputPadding must be an integer ≥ 0, or 2 of them, got -1'],
] // prettier-ignore
test.each(wrong)('error: %s', (_, f, message) => {
  expect(f).toThrow(message)
})
