import { checkGradients, GradientTape, vmap } from '@typegrad/autograd'
import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  GroupNormalization,
  LayerNormalization,
  RMSNormalization,
  SpectralNormalization,
  UnitNormalization,
  type AnyLayer,
} from '@typegrad/layers'
import { full, random, tensor, type DType, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { normalizeBatch } from '../../packages/layers/src/normalize.ts'
import { conformance, golden, moreOf } from '../conformance.ts'
import { layerConformance, runKerasCase, type KerasCase } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('normalization')
conformance('layers: normalization, rarer', moreOf(golden<KerasCase>('layers-normalization')), runKerasCase)

const finite = (x: Tensor): boolean => x.isfinite().all().item() === 1

const layers: readonly (readonly [string, (options?: { dtype: DType }) => AnyLayer])[] = [
  ['BatchNormalization', (options) => new BatchNormalization(options)],
  ['LayerNormalization', (options) => new LayerNormalization(options)],
  ['GroupNormalization', (options) => new GroupNormalization({ groups: 2, ...options })],
  ['RMSNormalization', (options) => new RMSNormalization(options)],
  ['UnitNormalization', (options) => new UnitNormalization(options)],
]

describe.each(layers)('%s', (_, make) => {
  it.each([0, 1, -11.000003, 1e4, -1e8])('of the constant %s is finite, and its gradients are', (value) => {
    for (const training of [true, false]) {
      const layer = make()
      const x = full([3, 5, 4], value)
      const tape = new GradientTape()
      tape.watch(x)
      const y = tape.run(() => layer.apply(x, { training }) as Tensor)
      const grads = tape.gradient(y, [x, ...layer.trainableWeights], { outputGradients: random.normal(y.shape) })
      expect([y, ...grads].every((t) => finite(t!))).toBe(true)
      expect(layer.weights.every(finite)).toBe(true)
    }
  })

  it('takes one sample and none', () => {
    const layer = make()
    expect((layer.apply(random.normal([1, 6, 4]), { training: true }) as Tensor).shape).toEqual([1, 6, 4])
    expect((layer.apply(random.normal([0, 6, 4])) as Tensor).shape).toEqual([0, 6, 4])
    expect(layer.computeOutputShape([null, null, 4])).toEqual([null, null, 4])
  })

  it('has the gradient that differences have', () => {
    const layer = make({ dtype: 'float64' })
    const x = random.normal([2, 3, 4], { dtype: 'float64' })
    checkGradients((z) => layer.apply(z, { training: true }) as Tensor, [x], { second: true })
  })
})

it.each(['LayerNormalization', 'GroupNormalization'])('%s does the same to each example of a batch', (name) => {
  const layer = layers.find(([title]) => title === name)![1]()
  const x = random.normal([3, 2, 5, 4])
  layer.apply(x.slice(0))
  const all = vmap((z: Tensor) => layer.apply(z) as Tensor)(x)
  expect(all.toArray()).toEqual([0, 1, 2].map((i) => (layer.apply(x.slice(i)) as Tensor).toArray() as unknown))
})

describe('BatchNormalization', () => {
  const normalized = (x: Tensor, gamma: Tensor, beta: Tensor, axes: number[]): Tensor => {
    const mean = x.mean(axes, { keepdims: true })
    const variance = x.squaredDifference(mean).mean(axes, { keepdims: true })
    return normalizeBatch(x, mean, variance, gamma, beta, { axes, epsilon: 1e-3 })
  }
  const operands = (features: number[]): Tensor[] =>
    [[2, 4, 3], features, features].map((shape) => random.normal(shape, { dtype: 'float64' }))

  it.each([
    [
      [1, 1, 3],
      [0, 1],
    ],
    [
      [1, 4, 1],
      [0, 2],
    ],
  ])('as one op has the gradients that differences have, of both orders: features %j', (features, axes) => {
    checkGradients((x, gamma, beta) => normalized(x, gamma, beta, axes), operands(features), { second: true })
  })

  it('as one op is the same for each example of a batch', () => {
    const [x, gamma, beta] = operands([1, 1, 3])
    const all = vmap((z: Tensor) => normalized(z, gamma, beta, [0, 1]))(x.reshape([2, 1, 4, 3]))
    const each = [0, 1].map((i) => normalized(x.slice([i, i + 1]), gamma, beta, [0, 1]).toArray() as unknown)
    expect(all.toArray()).toEqual(each)
  })

  it('a last batch of one sample leaves finite statistics, and inference alone', () => {
    const layer = new BatchNormalization({ momentum: 0.5 })
    const x = random.normal([101, 3])
    for (let i = 0; i < 101; i += 10) layer.apply(x.slice([i, Math.min(101, i + 10)]), { training: true })
    const before = layer.getWeights().map((w): unknown => w.toArray())
    expect(layer.weights.every(finite)).toBe(true)
    // The variance of one value is 0: the moving variance halves, and is not NaN.
    expect(layer.movingVariance.min().item()).toBeGreaterThan(0)
    expect(finite(layer.apply(x.slice([0, 1])))).toBe(true)
    expect(layer.getWeights().map((w): unknown => w.toArray())).toEqual(before)
  })

  it('moves its statistics by 1 - momentum', () => {
    const layer = new BatchNormalization({ momentum: 0.9 })
    layer.apply([[1, 10], [3, 30]], { training: true }) // prettier-ignore
    expect(layer.movingMean.toArray()).toEqual([expect.closeTo(0.2, 6), expect.closeTo(2, 6)])
    expect(layer.movingVariance.toArray()).toEqual([expect.closeTo(1, 6), expect.closeTo(10.9, 5)])
  })

  it('leaves out what is masked', () => {
    const [x, mask] = [tensor([[[1], [3], [100]], [[2], [2], [5]]]), [[true, true, false], [true, true, false]]] // prettier-ignore
    const layer = new BatchNormalization({ momentum: 0 })
    layer.apply(x, { training: true, mask })
    expect([layer.movingMean.item(), layer.movingVariance.item()]).toEqual([expect.closeTo(2, 5), expect.closeTo(0.5, 5)])
    expect(() => layer.apply(x, { training: true, mask: [[true, true]] })).toThrow(
      'BatchNormalization: a mask [1, 2] for the input [2, 3, 1]',
    )
  })

  it('frozen, uses its statistics in training too', () => {
    const layer = new BatchNormalization()
    layer.trainable = false
    const y = layer.apply([[1], [3]], { training: true }) // prettier-ignore
    expect(y.toArray()).toEqual([[expect.closeTo(1 / Math.sqrt(1.001), 6)], [expect.closeTo(3 / Math.sqrt(1.001), 6)]])
    expect(layer.movingMean.item()).toBe(0)
  })

  it('says what is wrong', () => {
    expect(() => new BatchNormalization({ momentum: 2 })).toThrow('BatchNormalization: momentum must lie in [0, 1], got 2')
    expect(() => new BatchNormalization({ epsilon: 0 })).toThrow('BatchNormalization: epsilon must be positive, got 0')
    expect(() => new BatchNormalization({ axis: 1.5 })).toThrow('axis must be an integer or a list of them, got 1.5')
    expect(() => new BatchNormalization({ axis: 3 }).apply([[1]])).toThrow(
      'BatchNormalization: axis 3 is out of range for rank 2',
    )
    expect(() => new BatchNormalization().buildFor([null, null])).toThrow('axis 1 of input [null, null] has no known length')
    expect(() => new BatchNormalization().apply([1, 2])).toThrow(
      'BatchNormalization: input [null], expected at least [batch, features]',
    )
  })
})

describe('other normalizations', () => {
  it('LayerNormalization of axes in the middle is that of moved axes', () => {
    const x = random.normal([2, 3, 4, 2])
    const [middle, last] = [new LayerNormalization({ axis: [1, 2] }), new LayerNormalization({ axis: [-2, -1] })]
    const moved = x.transpose([0, 3, 1, 2])
    middle.buildFor([null, 3, 4, 2])
    last.buildFor([null, 2, 3, 4])
    const weights = [random.normal([3, 4]), random.normal([3, 4])]
    middle.setWeights(weights)
    last.setWeights(weights)
    const difference = middle.apply(x).transpose([0, 3, 1, 2]).sub(last.apply(moved))
    expect(difference.abs().max().item()).toBeLessThan(1e-6)
  })

  it('LayerNormalization standardizes each sample', () => {
    const y = new LayerNormalization({ epsilon: 1e-9 }).apply([[1, 2, 3], [10, 20, 60]]) // prettier-ignore
    expect(y.mean(-1).abs().max().item()).toBeLessThan(1e-6)
    expect(y.std(-1).toArray()).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)])
  })

  it('GroupNormalization needs groups of one size', () => {
    expect(() => new GroupNormalization({ groups: 3 }).apply([[1, 2, 3, 4]])).toThrow(
      'GroupNormalization: 4 features do not fall into 3 groups',
    )
    expect(() => new GroupNormalization({ groups: 0 })).toThrow('groups must be a positive integer or -1, got 0')
  })

  it('UnitNormalization keeps zeros', () => {
    expect(new UnitNormalization().apply([[3, 4], [0, 0]]).toArray()).toEqual([[expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)], [0, 0]]) // prettier-ignore
  })
})

describe('SpectralNormalization', () => {
  it('brings the largest singular value to 1', () => {
    const layer = new SpectralNormalization({ layer: new Dense({ units: 4 }), powerIterations: 50 })
    layer.buildFor([null, 5])
    const inner = layer.layer as Dense
    inner.kernel.assign(random.normal([5, 4], { stddev: 3 }))
    layer.apply(random.normal([2, 5]), { training: true })
    // The largest eigenvalue of KᵀK, by many steps of the power method.
    const gram = inner.kernel.transpose().matmul(inner.kernel)
    let v = random.uniform([4, 1])
    for (let i = 0; i < 200; i++) v = gram.matmul(v).div(gram.matmul(v).norm())
    expect(gram.matmul(v).norm().sqrt().item()).toBeCloseTo(1, 4)
    const kernel = inner.kernel.toArray() as unknown
    layer.apply(random.normal([2, 5]))
    expect(inner.kernel.toArray()).toEqual(kernel)
  })

  it('leaves a kernel of zeros alone', () => {
    const layer = new SpectralNormalization({ layer: new Conv2D({ filters: 2, kernelSize: 2, kernelInitializer: 'zeros' }) })
    expect(layer.apply(random.normal([1, 3, 3, 1]), { training: true }).toArray()).toEqual([[[[0, 0], [0, 0]], [[0, 0], [0, 0]]]]) // prettier-ignore
    expect(finite(layer.vectorU)).toBe(true)
  })

  it('says what is wrong', () => {
    expect(() => new SpectralNormalization({ layer: new Dropout({ rate: 0.1 }) }).apply([[1]])).toThrow(
      'Dropout has no kernel and no embeddings',
    )
    expect(() => new SpectralNormalization({ layer: new Dense({ units: 1 }), powerIterations: 0 })).toThrow(
      'powerIterations must be a positive integer, got 0',
    )
  })
})

testLayers([
  {
    name: 'BatchNormalization',
    make: (o) => new BatchNormalization(o),
    input: [3, 4],
    mask: 'passed',
    heedsMask: true,
    trains: true,
  },
  {
    name: 'BatchNormalization of axis 1',
    make: (o) => new BatchNormalization({ axis: 1, ...o }),
    input: [3, 4],
    mask: 'passed',
    trains: true,
  },
  { name: 'LayerNormalization', make: (o) => new LayerNormalization(o), input: [3, 4], mask: 'passed', heedsMask: true },
  {
    name: 'LayerNormalization of two axes',
    make: (o) => new LayerNormalization({ axis: [1, 2], ...o }),
    input: [3, 4],
    mask: 'passed',
  },
  { name: 'GroupNormalization', make: (o) => new GroupNormalization({ groups: 2, ...o }), input: [3, 4], mask: 'passed' },
  {
    name: 'GroupNormalization of axis 1',
    make: (o) => new GroupNormalization({ groups: -1, axis: 1, ...o }),
    input: [3, 4],
    mask: 'passed',
  },
  { name: 'RMSNormalization', make: (o) => new RMSNormalization(o), input: [3, 4], mask: 'passed', heedsMask: true },
  { name: 'UnitNormalization', make: (o) => new UnitNormalization(o), input: [3, 4], mask: 'passed', heedsMask: true },
  {
    name: 'SpectralNormalization',
    make: (o) => new SpectralNormalization({ layer: new Dense({ units: 2, ...(o.dtype && { dtype: o.dtype }) }), ...o }),
    input: [3, 4],
    mask: 'passed',
    heedsMask: true,
    trains: true,
  },
])
