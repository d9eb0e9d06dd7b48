import { vjp } from '@typegrad/autograd'
import {
  CenterCrop,
  RandomBrightness,
  RandomContrast,
  RandomCrop,
  RandomFlip,
  RandomRotation,
  RandomTranslation,
  RandomZoom,
  Resizing,
  type AnyLayer,
} from '@typegrad/layers'
import { arange, ones, setSeed, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { conformance, fromGolden, golden, type Check, type GoldenCase, type GoldenTensor } from '../conformance.ts'
import { compareConfigs, makeLayer, type KerasConfig } from './configs.ts'
import { testLayers } from './table.ts'

interface ImageCase extends GoldenCase {
  readonly class: string
  readonly args: Readonly<Record<string, unknown>>
  /** One of the file's `inputs`. */
  readonly x: string
  readonly training?: boolean
  readonly y: GoldenTensor
}

const file = golden<ImageCase>('layers-images')
const inputs = file['inputs'] as Readonly<Record<string, GoldenTensor>>

function runImageCase({ class: name, args, x, training, y }: ImageCase, check: Check): void {
  const layer = makeLayer(name, args)
  const image = fromGolden(inputs[x])
  const result = layer.apply(image, { training }) as Tensor
  check('y', result, y)
  expect(result.dtype).toBe(y.dtype)
  expect(layer.computeOutputShape(image.shape)).toEqual(result.shape)
  // Away from training nothing is random, and nothing is moved.
  if (training && name !== 'RandomCrop') expect((layer.apply(image) as Tensor).toArray()).toEqual(image.toArray())
}

conformance('layers: images', file, runImageCase, {
  exceptions: {
    'RandomCrop/small': "Keras distorts the image, where its documentation says the window has the size's proportions",
  },
})

describe('preprocessing of images', () => {
  it('have the configs that Keras writes', () => {
    const configs = file['configs'] as readonly KerasConfig[]
    expect(configs.length).toBeGreaterThan(5)
    compareConfigs(configs)
  })

  const images = arange(2 * 4 * 5 * 3).reshape([2, 4, 5, 3])

  it('RandomFlip flips whole images, some of them', () => {
    const many = arange(64 * 2 * 3).reshape([64, 2, 3, 1])
    const modes = { horizontal: 2, vertical: 1, horizontalAndVertical: [1, 2] } as const
    for (const [mode, axes] of Object.entries(modes) as [keyof typeof modes, number][]) {
      const y = new RandomFlip({ mode, seed: 7 }).apply(many, { training: true }).toArray() as unknown[]
      const [kept, flipped] = [many.toArray(), many.flip(axes).toArray()] as unknown[][]
      const isFlipped = y.map((image, i) => JSON.stringify(image) !== JSON.stringify(kept[i]))
      expect(y).toEqual(isFlipped.map((flip, i) => (flip ? flipped[i] : kept[i])))
      const count = isFlipped.filter(Boolean).length
      expect(count).toBeGreaterThan(16)
      expect(count).toBeLessThan(48)
    }
  })

  it('RandomCrop takes one window for all images; the middle away from training', () => {
    const layer = new RandomCrop({ height: 2, width: 3, seed: 5 })
    const seen = new Set<number>()
    for (let i = 0; i < 40; i++) {
      const y = layer.apply(images, { training: true })
      const corner = y.slice(0, 0, 0, 0).item() / 3
      const [row, column] = [Math.floor(corner / 5), corner % 5]
      seen.add(corner)
      expect(y.toArray()).toEqual(images.slice(null, [row, row + 2], [column, column + 3]).toArray())
    }
    // 3 · 3 places.
    expect(seen.size).toBe(9)
    expect(layer.apply(images).shape).toEqual([2, 2, 3, 3])
    expect(layer.computeOutputShape([null, null, null, 3])).toEqual([null, 2, 3, 3])
  })

  it('RandomContrast multiplies the distance from the mean', () => {
    const y = new RandomContrast({ factor: 0.4, seed: 1, valueRange: [-1000, 1000] }).apply(images, { training: true })
    const mean = images.mean([1, 2], { keepdims: true })
    expect(y.mean([1, 2], { keepdims: true }).sub(mean).abs().max().item()).toBeLessThan(1e-4)
    const factors = y
      .sub(mean)
      .slice(null, 0, 0, 0)
      .div(images.sub(mean).slice(null, 0, 0, 0))
      .toArray() as number[]
    for (const factor of factors) expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.4001)
    expect(factors[0]).not.toBeCloseTo(factors[1], 3)
    const clipped = new RandomContrast({ factor: [0, 1], valueRange: [0, 50] }).apply(images, { training: true })
    expect([clipped.min().item() >= 0, clipped.max().item() <= 50]).toEqual([true, true])
  })

  const random: readonly ((seed?: number) => AnyLayer)[] = [
    (seed) => new RandomFlip({ seed: seed ?? null }),
    (seed) => new RandomRotation({ factor: 0.3, seed: seed ?? null }),
    (seed) => new RandomTranslation({ heightFactor: 0.3, widthFactor: 0.3, seed: seed ?? null }),
    (seed) => new RandomZoom({ heightFactor: 0.4, widthFactor: 0.3, seed: seed ?? null }),
    (seed) => new RandomContrast({ factor: 0.5, seed: seed ?? null }),
    (seed) => new RandomBrightness({ factor: 0.5, seed: seed ?? null }),
    (seed) => new RandomCrop({ height: 2, width: 2, seed: seed ?? null }),
  ]
  it.each(random.map((layer) => [layer().constructor.name, layer] as const))(
    '%s repeats with its seed, or that of the engine',
    (_, layer) => {
      const run = (one: AnyLayer): unknown =>
        [1, 2, 3].map(() => (one.apply(images, { training: true }) as Tensor).toArray() as unknown)
      expect(run(layer(3))).toEqual(run(layer(3)))
      expect(run(layer(3))).not.toEqual(run(layer(4)))
      setSeed(11)
      const first = run(layer())
      expect(run(layer())).not.toEqual(first)
      setSeed(11)
      expect(run(layer())).toEqual(first)
    },
  )

  it('are given as floats, one at a time if need be', () => {
    for (const layer of random) {
      const y = layer(1).apply(ones([4, 5, 3]).mul(100).cast('uint8'), { training: true }) as Tensor
      expect([y.dtype, y.rank]).toEqual(['float32', 3])
      const none = layer(1).apply(zeros([0, 4, 5, 3]), { training: true }) as Tensor
      expect(none.shape[0]).toBe(0)
    }
  })

  it('let gradients through', () => {
    const x = tensor([1, 2, 3, 4, 5, 6]).reshape([1, 2, 3, 1])
    const linear: readonly AnyLayer[] = [
      new Resizing({ height: 3, width: 2 }),
      new Resizing({ height: 1, width: 2, interpolation: 'nearest' }),
      new CenterCrop({ height: 1, width: 2 }),
      new RandomTranslation({ heightFactor: [0.25, 0.25], widthFactor: [0.25, 0.25], fillMode: 'wrap' }),
    ]
    for (const layer of linear) {
      const { value, pullback } = vjp((z) => layer.apply(z, { training: true }) as Tensor, x)
      const [dx] = pullback(ones(value.shape))
      // Of a linear layer Σ y = Σ x · d(Σ y)/dx.
      expect(dx.mul(x).sum().item()).toBeCloseTo(value.sum().item(), 4)
    }
  })

  it('layers say what is wrong with their options', () => {
    expect(() => new Resizing({ height: 0, width: 2 })).toThrow('Resizing: height must be a positive integer, got 0')
    expect(() => new Resizing({ height: 1, width: 2, interpolation: 'cubic' as 'bicubic' })).toThrow(
      "interpolation must be one of 'nearest'",
    )
    expect(() => new Resizing({ height: 1, width: 1, cropToAspectRatio: true, padToAspectRatio: true })).toThrow(
      'exclude each other',
    )
    expect(() => new RandomRotation({ factor: 2 })).toThrow('RandomRotation: factor must be a number in [-1, 1] or two, got 2')
    expect(() => new RandomZoom({ heightFactor: -1 })).toThrow('heightFactor must be larger than -1')
    expect(() => new RandomContrast({ factor: -0.1 })).toThrow('factor must be a number in [0, 1]')
    expect(() => new RandomBrightness({ factor: 0.1, valueRange: [1, 0] })).toThrow('valueRange must be two numbers')
    expect(() => new RandomFlip({ mode: 'sideways' as 'vertical' })).toThrow('mode must be one of')
    expect(() => new RandomTranslation({ heightFactor: 0, widthFactor: 0, fillMode: 'mirror' as 'wrap' })).toThrow(
      'fillMode must be one of',
    )
    expect(() => new CenterCrop({ height: 1, width: 1 }).apply([[1]])).toThrow(
      'CenterCrop: input [1, 1], expected [batch, height, width, channels]',
    )
  })
})

const image = { input: [4, 5, 2] }

testLayers([
  { name: 'Resizing', make: (o) => new Resizing({ height: 3, width: 6, ...o }), ...image },
  { name: 'CenterCrop', make: (o) => new CenterCrop({ height: 3, width: 2, ...o }), ...image },
  { name: 'RandomCrop', make: (o) => new RandomCrop({ height: 2, width: 2, ...o }), ...image, random: true },
  { name: 'RandomFlip', make: (o) => new RandomFlip(o), ...image, random: true },
  { name: 'RandomRotation', make: (o) => new RandomRotation({ factor: 0.2, ...o }), ...image, random: true },
  {
    name: 'RandomTranslation',
    make: (o) => new RandomTranslation({ heightFactor: 0.2, widthFactor: 0.1, ...o }),
    ...image,
    random: true,
  },
  { name: 'RandomZoom', make: (o) => new RandomZoom({ heightFactor: 0.2, ...o }), ...image, random: true },
  { name: 'RandomContrast', make: (o) => new RandomContrast({ factor: 0.2, valueRange: [-1, 1], ...o }), ...image, random: true },
  {
    name: 'RandomBrightness',
    make: (o) => new RandomBrightness({ factor: 0.2, valueRange: [-1, 1], ...o }),
    ...image,
    random: true,
  },
])
