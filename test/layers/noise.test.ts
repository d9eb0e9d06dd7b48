import { GradientTape } from '@typegrad/autograd'
import {
  ActivityRegularization,
  AlphaDropout,
  Dropout,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  type AnyLayer,
} from '@typegrad/layers'
import { ones, random, setSeed, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { layerConformance } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('noise')

const seeded: readonly (readonly [string, (seed?: number) => AnyLayer])[] = [
  ['Dropout', (seed) => new Dropout({ rate: 0.4, seed: seed ?? null })],
  ['GaussianNoise', (seed) => new GaussianNoise({ stddev: 0.5, seed: seed ?? null })],
  ['GaussianDropout', (seed) => new GaussianDropout({ rate: 0.4, seed: seed ?? null })],
  ['AlphaDropout', (seed) => new AlphaDropout({ rate: 0.4, seed: seed ?? null })],
  ['SpatialDropout1D', (seed) => new SpatialDropout1D({ rate: 0.4, seed: seed ?? null })],
]

describe.each(seeded)('%s', (_, make) => {
  const x = random.normal([8, 9, 10])
  const train = (layer: AnyLayer, input: Tensor = x): Tensor => layer.apply(input, { training: true }) as Tensor

  it('does nothing away from training', () => {
    expect((make().apply(x) as Tensor).toArray()).toEqual(x.toArray())
  })

  it('draws anew in every call, and the same with its seed or that of the engine', () => {
    const run = (layer: AnyLayer): unknown => [1, 2].map((): unknown => train(layer).toArray())
    const [first, second] = run(make(5)) as unknown[]
    expect(first).not.toEqual(second)
    expect(run(make(5))).toEqual([first, second])
    expect(run(make(6))).not.toEqual([first, second])
    setSeed(3)
    const global = run(make())
    setSeed(3)
    expect(run(make())).toEqual(global)
  })

  it('takes one sample and none', () => {
    expect(train(make(), zeros([1, 2, 3])).shape).toEqual([1, 2, 3])
    expect(train(make(), zeros([0, 2, 3])).shape).toEqual([0, 2, 3])
  })
})

describe('the noise', () => {
  const n = 200_000
  const train = (layer: AnyLayer, x: Tensor): Tensor => layer.apply(x, { training: true }) as Tensor
  /** Within five standard errors of a mean of n. */
  const near = (value: number, stddev: number): unknown =>
    expect.toSatisfy((got: number) => Math.abs(got - value) < (5 * stddev) / Math.sqrt(n))

  it('of GaussianNoise has its standard deviation', () => {
    const noise = train(new GaussianNoise({ stddev: 0.3, seed: 1 }), zeros([n]))
    expect(noise.mean().item()).toEqual(near(0, 0.3))
    expect(noise.square().mean().item()).toEqual(near(0.09, 0.09 * Math.SQRT2))
  })

  it('of GaussianDropout has that of the dropout', () => {
    const noise = train(new GaussianDropout({ rate: 0.2, seed: 1 }), ones([n]))
    expect(noise.mean().item()).toEqual(near(1, 0.5))
    expect(noise.sub(1).square().mean().item()).toEqual(near(0.25, 0.25 * Math.SQRT2))
  })

  it('of AlphaDropout keeps mean and variance, and drops to the lower limit of SELU', () => {
    const x = random.normal([n])
    const y = train(new AlphaDropout({ rate: 0.3, seed: 1 }), x)
    expect(y.mean().item()).toEqual(near(0, 1.5))
    expect(y.square().mean().item()).toEqual(near(1, 2.5))
    const a = (0.7 * (1 + 0.3 * 1.7580993408473766 ** 2)) ** -0.5
    const dropped = a * (-1.7580993408473766 + 1.7580993408473766 * 0.3)
    expect(y.sub(dropped).abs().less(1e-5).cast('float32').mean().item()).toEqual(near(0.3, 0.46))
    const shared = train(new AlphaDropout({ rate: 0.5, seed: 1, noiseShape: [null, 1] }), ones([6, 4])).toArray() as number[][]
    for (const row of shared) expect(new Set(row).size).toBe(1)
  })

  it('of SpatialDropout takes whole channels', () => {
    const cases: readonly (readonly [AnyLayer, number[], number])[] = [
      [new SpatialDropout1D({ rate: 0.5, seed: 2 }), [4, 6, 50], 2],
      [new SpatialDropout2D({ rate: 0.5, seed: 2 }), [4, 3, 3, 50], 3],
      [new SpatialDropout3D({ rate: 0.5, seed: 2 }), [4, 2, 3, 2, 50], 4],
      [new SpatialDropout2D({ rate: 0.5, seed: 2, dataFormat: 'channelsFirst' }), [4, 50, 3, 3], 1],
      [new SpatialDropout3D({ rate: 0.5, seed: 2, dataFormat: 'channels_first' }), [4, 50, 2, 3, 2], 1],
    ]
    for (const [layer, shape, channels] of cases) {
      const y = train(layer, ones(shape))
      const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 0 && axis !== channels)
      expect(y.max(axes).sub(y.min(axes)).abs().max().item()).toBe(0)
      expect([...new Set(y.toTypedArray())].sort((a, b) => a - b)).toEqual([0, 2])
      const kept = y.mean(axes).toTypedArray().filter(Boolean).length
      // Each sample's own.
      expect(
        y
          .slice([0, 1])
          .sub(y.slice([1, 2]))
          .abs()
          .max()
          .item(),
      ).toBe(2)
      expect(kept).toBeGreaterThan(70)
      expect(kept).toBeLessThan(130)
    }
    expect(() => train(new SpatialDropout2D({ rate: 0.5 }), ones([2, 3, 4]))).toThrow(
      'SpatialDropout2D: input [2, 3, 4], expected 4 axes',
    )
  })

  it('says what is wrong', () => {
    expect(() => new GaussianNoise({ stddev: -1 })).toThrow('GaussianNoise: stddev must lie in [0, 1], got -1')
    expect(() => new GaussianDropout({ rate: 1 })).toThrow('GaussianDropout: rate must lie in [0, 1), got 1')
    expect(() => new AlphaDropout({ rate: NaN })).toThrow('AlphaDropout: rate must lie in [0, 1), got null')
    expect(() => new SpatialDropout1D({ rate: 1.5 })).toThrow('SpatialDropout1D: rate must lie in [0, 1], got 1.5')
    expect(() => new ActivityRegularization({ l1: -1 })).toThrow('ActivityRegularization: l1 must be a number ≥ 0, got -1')
  })
})

describe('ActivityRegularization', () => {
  it('adds to the losses of the call, per sample', () => {
    const layer = new ActivityRegularization({ l1: 0.5, l2: 0.25 })
    const x = tensor([[1, -2], [3, 4]]) // prettier-ignore
    const tape = new GradientTape()
    tape.watch(x)
    const loss = tape.run(() => {
      expect(layer.apply(x).toArray()).toEqual(x.toArray())
      return layer.losses[0]
    })
    expect(loss.item()).toBeCloseTo((0.5 * 10 + 0.25 * 30) / 2, 6)
    expect(tape.gradient(loss, [x])[0]!.toArray()).toEqual([[0.5, -0.75], [1, 1.25]]) // prettier-ignore
    layer.apply(x)
    expect(layer.losses.length).toBe(1)
  })
})

testLayers([
  { name: 'GaussianNoise', make: (o) => new GaussianNoise({ stddev: 0.1, ...o }), input: [3, 4], mask: 'passed', random: true },
  { name: 'GaussianDropout', make: (o) => new GaussianDropout({ rate: 0.3, ...o }), input: [3, 4], mask: 'passed', random: true },
  { name: 'AlphaDropout', make: (o) => new AlphaDropout({ rate: 0.3, ...o }), input: [3, 4], mask: 'passed', random: true },
  {
    name: 'SpatialDropout1D',
    make: (o) => new SpatialDropout1D({ rate: 0.5, ...o }),
    input: [3, 4],
    mask: 'passed',
    random: true,
  },
  {
    name: 'SpatialDropout2D',
    make: (o) => new SpatialDropout2D({ rate: 0.5, ...o }),
    input: [3, 2, 4],
    mask: 'passed',
    random: true,
  },
  {
    name: 'SpatialDropout3D',
    make: (o) => new SpatialDropout3D({ rate: 0.5, ...o }),
    input: [3, 2, 2, 4],
    mask: 'passed',
    random: true,
  },
  {
    name: 'ActivityRegularization',
    make: (o) => new ActivityRegularization({ l1: 0.1, l2: 0.2, ...o }),
    input: [3, 4],
    mask: 'passed',
  },
])
