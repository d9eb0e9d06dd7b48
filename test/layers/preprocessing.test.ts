import { CategoryEncoding, deserializeLayer, Discretization, Normalization, Rescaling, serializeLayer } from '@typegrad/layers'
import { arange, tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { conformance, fromGolden, golden, type Check, type GoldenTensor } from '../conformance.ts'
import { makeLayer } from './configs.ts'
import { layerConformance, type KerasCase } from './keras-case.ts'
import { testLayers } from './table.ts'

interface AdaptCase extends KerasCase {
  /** What the layer is adapted to; the weights of the case are what it learns. */
  readonly adapt?: GoldenTensor
}

function runAdaptCase(one: AdaptCase, check: Check): void {
  const layer = makeLayer(one.class, one.args) as Normalization
  layer.adapt(fromGolden(one.adapt!))
  one.weights.forEach((weight, i) => check('adapted', layer.weights[i].value, weight))
  check('adapted outputs', layer.apply(fromGolden(one.inputs[0])), one.outputs[0])
}

layerConformance('preprocessing')
const file = golden<AdaptCase>('layers-preprocessing')
conformance('layers: adapt', { ...file, cases: file.cases.filter(({ adapt }) => adapt) }, runAdaptCase)

describe('preprocessing of numbers', () => {
  it('Normalization learns from batches what it learns from all', () => {
    const x = tensor([[1, 10], [2, 30], [4, -20], [7, 0], [9, 5]]) // prettier-ignore
    const [whole, parts, generated] = [new Normalization(), new Normalization(), new Normalization()]
    whole.adapt(x)
    parts.adapt([x.slice([0, 2]), x.slice([2, 3]), x.slice([3, 5])])
    generated.adapt(
      (function* batches() {
        yield x.slice([0, 4]).toArray() as number[][]
        yield x.slice([4, 5])
      })(),
    )
    const close = (layer: Normalization): unknown =>
      layer.getWeights().map((w) => [w.toArray()].flat().map((v) => expect.closeTo(v, 4) as unknown))
    expect(whole.getWeights().map((w) => [w.toArray()].flat())).toEqual(close(parts))
    expect(whole.getWeights().map((w) => [w.toArray()].flat())).toEqual(close(generated))
    expect(whole.apply(x).mean(0).abs().max().item()).toBeLessThan(1e-6)
    expect(whole.apply(x).std(0).toArray()).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)])
    const inverse = new Normalization({ invert: true })
    inverse.adapt(x)
    expect(inverse.apply(whole.apply(x)).sub(x).abs().max().item()).toBeLessThan(1e-5)
  })

  it('Normalization of a constant feature is finite', () => {
    const layer = new Normalization()
    layer.adapt([[1e8], [1e8], [1e8]])
    expect(layer.apply([[1e8]]).toArray()).toEqual([[0]])
  })

  it('Discretization learns the quantiles that Keras finds', () => {
    // Keras 3.15.1: Discretization(num_bins=4, epsilon=0.01), adapted to np.arange(1000) ** 2 / 1000 in batches of 600 and 400.
    const data = arange(1000, { dtype: 'float64' }).square().div(1000)
    const layer = new Discretization({ numBins: 4, epsilon: 0.01 })
    layer.adapt([data.slice([0, 600]), data.slice([600, 1000])])
    expect(layer.binBoundaries).toEqual([62.00907, 249.00943, 561.00543].map((value): unknown => expect.closeTo(value, 3)))
    const small = new Discretization({ numBins: 3 })
    small.adapt([[-1.5, 1, 3.4, 0.5], [0, 3, 1.3, 0]]) // prettier-ignore
    expect(small.binBoundaries).toEqual([0, 1.1].map((value): unknown => expect.closeTo(value, 6)))
    expect(small.apply([[-9, 0.2, 9, NaN]]).toArray()).toEqual([[0, 1, 2, 2]])
  })

  it('Discretization says the dtype of its bins', () => {
    for (const outputMode of ['int', 'oneHot', 'count'] as const) {
      const layer = new Discretization({ binBoundaries: [0, 1], outputMode })
      expect(layer.computeOutputDType()).toBe(layer.apply([[0.5], [2]]).dtype)
    }
  })

  it('Discretization keeps what it learned in its config', () => {
    const layer = new Discretization({ numBins: 3 })
    expect(() => layer.apply([[1]])).toThrow('Discretization: give binBoundaries, or call adapt with data first')
    layer.adapt([[1, 2, 3, 4, 5, 6]])
    const read = deserializeLayer(serializeLayer(layer)) as Discretization
    expect(read.binBoundaries).toEqual(layer.binBoundaries)
  })

  it('CategoryEncoding refuses what is no category', () => {
    const layer = new CategoryEncoding({ numTokens: 3 })
    expect(() => layer.apply([[0, 3]])).toThrow('CategoryEncoding: got 3, expected integers from 0 to 2')
    expect(() => layer.apply([[0, 1]], { countWeights: [[1, 1]] })).toThrow("countWeights are for outputMode 'count'")
    expect(new CategoryEncoding({ numTokens: 2, outputMode: 'one_hot' }).apply([1, 0]).toArray()).toEqual([[0, 1], [1, 0]]) // prettier-ignore
    expect(layer.computeOutputShape([null, null])).toEqual([null, 3])
  })

  it('layers say what is wrong with their options', () => {
    expect(() => new Normalization({ mean: 1 })).toThrow('mean and variance must be given together')
    expect(() => new Discretization({})).toThrow('binBoundaries or numBins must be given')
    expect(() => new Discretization({ binBoundaries: [1, 0] })).toThrow('binBoundaries must ascend, got [1,0]')
    expect(() => new CategoryEncoding({ numTokens: 0 })).toThrow('numTokens must be a positive integer, got 0')
    expect(() => new CategoryEncoding({ numTokens: 2, outputMode: 'all' as 'count' })).toThrow(
      "outputMode must be one of 'oneHot', 'multiHot', 'count', got \"all\"",
    )
    expect(() => new Rescaling({ scale: 'x' as unknown as number })).toThrow(
      'Rescaling: scale must be a number or a list of them',
    )
  })
})

const whole = { noGradient: 'the results do not change by little' }

testLayers([
  { name: 'Rescaling', make: (o) => new Rescaling({ scale: 2, offset: [1, 2, 3, 4], ...o }), input: [3, 4], mask: 'passed' },
  { name: 'Normalization', make: (o) => new Normalization(o), input: [3, 4], mask: 'passed' },
  {
    name: 'Normalization by given statistics',
    make: (o) => new Normalization({ mean: [1, 2, 3, 4], variance: [1, 2, 3, 4], invert: true, ...o }),
    input: [3, 4],
    mask: 'passed',
  },
  {
    name: 'Discretization',
    make: (o) => new Discretization({ binBoundaries: [-0.5, 0, 0.5], outputMode: 'oneHot', ...o }),
    input: [3, 4],
    outputDType: 'float32',
    ...whole,
  },
  {
    name: 'CategoryEncoding',
    make: (o) => new CategoryEncoding({ numTokens: 5, ...o }),
    input: [4],
    integers: 5,
    outputDType: 'float32',
    ...whole,
  },
])
