import { AveragePooling2D, Cropping1D, Cropping2D, GlobalAveragePooling1D, GlobalMaxPooling2D, type Layer, MaxPooling1D, MaxPooling2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D } from '@typegrad/layers' // prettier-ignore
import { arange, ones, tensor, zeros } from '@typegrad/tensor'
import { expect, test } from 'vitest'
import { conformance, golden, moreOf } from '../conformance.ts'
import { runKerasCase, type KerasCase } from './keras-case.ts'
import { makeLayer, testDefaults, testSpatialLayers } from './spatial.ts'

const keras = golden<KerasCase>('layers-pooling')

conformance('layers: pooling', keras, runKerasCase)
conformance('layers: pooling, more', moreOf(keras), runKerasCase)
testDefaults(keras)

testSpatialLayers([
  ['MaxPooling1D', {}, [5, 2], [2, 2]],
  ['MaxPooling1D', { poolSize: 3, strides: 1, padding: 'same' }, [4, 2], [4, 2]],
  ['MaxPooling2D', { poolSize: [2, 3] }, [5, 6, 2], [2, 2, 2]],
  ['MaxPooling3D', { padding: 'same' }, [2, 3, 2, 1], [1, 2, 1, 1]],
  ['AveragePooling1D', { strides: 1 }, [4, 2], [3, 2]],
  ['AveragePooling2D', { poolSize: 3, strides: 2, padding: 'same' }, [4, 5, 2], [2, 3, 2]],
  ['AveragePooling3D', { poolSize: [1, 2, 2] }, [2, 3, 2, 2], [2, 1, 1, 2]],
  ['GlobalMaxPooling1D', {}, [4, 2], [2]],
  ['GlobalMaxPooling2D', { keepdims: true }, [3, 4, 2], [1, 1, 2]],
  ['GlobalMaxPooling3D', {}, [2, 3, 2, 2], [2]],
  ['GlobalAveragePooling1D', { keepdims: true }, [4, 2], [1, 2]],
  ['GlobalAveragePooling2D', {}, [3, 4, 2], [2]],
  ['GlobalAveragePooling3D', { keepdims: true }, [2, 3, 2, 2], [1, 1, 1, 2]],
  ['AdaptiveAveragePooling1D', { outputSize: 3 }, [5, 2], [3, 2]],
  ['AdaptiveAveragePooling2D', { outputSize: [2, 3] }, [3, 4, 2], [2, 3, 2]],
  ['AdaptiveAveragePooling3D', { outputSize: 2 }, [3, 2, 3, 1], [2, 2, 2, 1]],
  ['AdaptiveMaxPooling1D', { outputSize: 7 }, [5, 2], [7, 2]],
  ['AdaptiveMaxPooling2D', { outputSize: [2, 3] }, [3, 4, 2], [2, 3, 2]],
  ['AdaptiveMaxPooling3D', { outputSize: 2 }, [3, 2, 3, 1], [2, 2, 2, 1]],
  ['UpSampling1D', { size: 3 }, [3, 2], [9, 2]],
  ['UpSampling2D', { size: [1, 3] }, [2, 3, 2], [2, 9, 2]],
  ['UpSampling2D', { interpolation: 'bilinear' }, [2, 3, 2], [4, 6, 2]],
  ['UpSampling2D', { size: [2, 1], interpolation: 'bicubic' }, [3, 2, 1], [6, 2, 1]],
  ['UpSampling3D', {}, [1, 2, 2, 1], [2, 4, 4, 1]],
  ['ZeroPadding1D', { padding: [0, 2] }, [3, 2], [5, 2]],
  ['ZeroPadding2D', { padding: [[1, 0], [2, 3]] }, [2, 3, 2], [3, 8, 2]],
  ['ZeroPadding2D', { padding: [1, 2] }, [2, 3, 1], [4, 7, 1]],
  ['ZeroPadding3D', {}, [1, 2, 1, 2], [3, 4, 3, 2]],
  ['Cropping1D', {}, [4, 2], [2, 2]],
  ['Cropping2D', { cropping: [[1, 0], [0, 2]] }, [3, 4, 2], [2, 2, 2]],
  ['Cropping2D', {}, [3, 4, 1], [3, 4, 1]],
  ['Cropping3D', { cropping: [1, 0, [0, 1]] }, [3, 2, 3, 1], [1, 2, 2, 1]],
]) // prettier-ignore

test('an edge of padding neither wins a maximum nor counts in a mean', () => {
  const x = tensor([-1, -2, -3], { shape: [1, 3, 1] })
  expect(new MaxPooling1D({ poolSize: 3, strides: 1, padding: 'same' }).apply(x).flatten().toArray()).toEqual([-1, -1, -2])
  const square = x.expandDims(1)
  expect(new AveragePooling2D({ poolSize: 3, strides: 1, padding: 'same' }).apply(square).flatten().toArray()).toEqual([
    -1.5, -2, -2.5,
  ])
})

test('more outputs than inputs repeat', () => {
  const x = arange(3).reshape([1, 3, 1])
  expect(makeLayer('AdaptiveMaxPooling1D', { outputSize: 6 }).apply(x).flatten().toArray()).toEqual([0, 0, 1, 1, 2, 2])
  expect(makeLayer('AdaptiveAveragePooling1D', { outputSize: 3 }).apply(x).flatten().toArray()).toEqual([0, 1, 2])
})

test('a mean over steps follows the mask and ends it', () => {
  const layer = new GlobalAveragePooling1D({ keepdims: true })
  const x = tensor([1, 2, 3, NaN, 5, 6], { shape: [2, 3, 1] })
  expect(layer.apply(x, { mask: [[true, false, true], [false, true, true]] }).toArray()).toEqual([[[2]], [[5.5]]]) // prettier-ignore
  expect(layer.supportsMasking).toBe(true)
  expect((layer as Layer).computeMask(x, ones([2, 3]))).toBeUndefined()
})

const wrong: readonly (readonly [string, () => unknown, string])[] = [
  ['poolSize', () => new MaxPooling2D({ poolSize: [2, 0] }), 'MaxPooling2D: poolSize must be a positive integer, or 2 of them, got [2,0]'],
  ['strides', () => new MaxPooling2D({ strides: [1, 2, 3] }), 'MaxPooling2D: strides must be a positive integer, or 2 of them, got [1,2,3]'],
  ['padding', () => new AveragePooling2D({ padding: 'causal' as 'same' }), 'AveragePooling2D: padding must be one of \'valid\', \'same\', got "causal"'],
  ['window larger than the input', () => new MaxPooling2D().computeOutputShape([null, 1, 4, 3]), 'MaxPooling2D: a window of 2 does not fit into 1 elements'],
  ['rank of the input', () => new GlobalMaxPooling2D().apply(zeros([2, 3, 4])), 'GlobalMaxPooling2D: input [2, 3, 4], expected [batch, height, width, channels]'],
  ['rank of the input, channels first', () => new MaxPooling1D({ dataFormat: 'channels_first' }).apply(zeros([2, 3])), 'MaxPooling1D: input [2, 3], expected [batch, channels, steps]; for one channel, reshape to [2, 1, 3]'],
  ['outputSize', () => makeLayer('AdaptiveMaxPooling2D', {}), 'AdaptiveMaxPooling2D: outputSize must be a positive integer, or 2 of them, got undefined'],
  ['size', () => new UpSampling1D({ size: 0 }), 'UpSampling1D: size must be a positive integer, or 1 of them, got 0'],
  ['interpolation', () => new UpSampling2D({ interpolation: 'cubic' as 'bicubic' }), "UpSampling2D: interpolation must be one of 'nearest', 'bilinear'"],
  ['zeros', () => new ZeroPadding2D({ padding: [[1, -1], [0, 0]] }), 'ZeroPadding2D: padding must be an integer ≥ 0 or 2 integers, or 2 pairs [before, after], got [[1,-1],[0,0]]'],
  ['zeros of another rank', () => new ZeroPadding1D({ padding: [1, 2, 3] }), 'ZeroPadding1D: padding must be an integer ≥ 0 or [before, after], got [1,2,3]'],
  ['cropping', () => new Cropping2D({ cropping: 1.5 }), 'Cropping2D: cropping must be an integer ≥ 0'],
  ['nothing left', () => new Cropping1D({ cropping: [2, 1] }).apply(zeros([1, 3, 1])), 'Cropping1D: cropping [2, 1] leaves nothing of spatial axis 0, of length 3'],
] // prettier-ignore
test.each(wrong)('error: %s', (_, f, message) => {
  expect(f).toThrow(message)
})
