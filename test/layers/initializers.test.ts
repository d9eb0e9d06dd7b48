import * as initializers from '../../packages/layers/src/initializers.ts'
import { functions, random, setSeed, ShapeError, sizeOf, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { checkConfig, conformance, golden, moreOf, type Check, type DefaultsCase, type GoldenCase } from '../conformance.ts'

const { deserializeInitializer, resolveInitializer, serializeInitializer } = initializers

interface InitializerCase extends GoldenCase {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
  readonly shape: readonly number[]
  readonly expect: {
    readonly distribution?: 'uniform' | 'normal' | 'truncated_normal' | 'orthogonal'
    readonly low: number
    readonly high: number
    readonly mean: number
    readonly stddev: number
    readonly max_deviation: number
    readonly gain: number
    readonly flattened_shape: readonly number[]
    readonly orthonormal: 'rows' | 'columns'
    readonly values?: readonly number[]
  }
}

const file = golden<InitializerCase>('initializers')

/** The distribution function of the standard normal distribution. */
const phi = (z: number): number => 0.5 * (1 + functions['erf'].value(z / Math.SQRT2, 0, 0))

/** The probability of a value ≤ x. */
function distributionFunction({ distribution, low, high, mean, stddev, max_deviation: most }: InitializerCase['expect']) {
  if (distribution === 'uniform') return (x: number) => (x - low) / (high - low)
  if (distribution === 'normal') return (x: number) => phi((x - mean) / stddev)
  return (x: number) => (phi((2 * (x - mean)) / most) - phi(-2)) / (phi(2) - phi(-2))
}

/** Kolmogorov and Smirnov: √n times the largest distance of two distribution functions; above 1.95 once in a thousand draws. */
function kolmogorovSmirnov(values: readonly number[], cdf: (x: number) => number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  return Math.sqrt(n) * Math.max(...sorted.map((x, i) => Math.max(cdf(x) - i / n, (i + 1) / n - cdf(x))))
}

function checkDraw(values: readonly number[], expected: InitializerCase['expect']): void {
  const { distribution, low, high, mean, stddev, max_deviation: most } = expected
  const n = values.length
  const average = values.reduce((a, b) => a + b, 0) / n
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - average) ** 2, 0) / n)
  if (Math.abs(average - mean) > (4 * stddev) / Math.sqrt(n)) throw new Error(`mean ${average}, expected ${mean}`)
  if (Math.abs(deviation / stddev - 1) > 4 / Math.sqrt(2 * n)) throw new Error(`stddev ${deviation}, expected ${stddev}`)
  const [least, largest] =
    distribution === 'uniform' ? [low, high] : distribution === 'normal' ? [-Infinity, Infinity] : [mean - most, mean + most]
  const outside = values.find((x) => x < Math.fround(least) || x > Math.fround(largest))
  if (outside !== undefined) throw new Error(`${outside} lies outside [${least}, ${largest}]`)
  const distance = kolmogorovSmirnov(values, distributionFunction(expected))
  if (distance > 1.95) throw new Error(`not ${distribution}: Kolmogorov-Smirnov ${distance}`)
}

function checkOrthogonal(value: Tensor, { gain, flattened_shape: flat, orthonormal }: InitializerCase['expect']): void {
  const matrix = value.cast('float64').reshape(flat)
  const q = orthonormal === 'rows' ? matrix : matrix.transpose()
  const products = q.matmul(q.transpose()).toArray() as number[][]
  products.forEach((row, i) =>
    row.forEach((product, j) => {
      if (Math.abs(product - (i === j ? gain * gain : 0)) > 2e-6 * gain * gain)
        throw new Error(`${orthonormal} ${i} and ${j}: ${product}`)
    }),
  )
}

function run(one: InitializerCase, check: Check): void {
  const seeded = 'distribution' in one.expect ? { ...one.config, seed: 20_26 } : one.config
  const value = deserializeInitializer({ class_name: one.class, config: seeded }).call(one.shape)
  const { values, distribution } = one.expect
  if (values) check('values', value, { shape: one.shape, dtype: 'float32', data: values })
  else if (value.dtype !== 'float32' || value.size !== sizeOf(one.shape)) throw new Error(`${value.dtype} ${value.shape.join()}`)
  else if (distribution === 'orthogonal') checkOrthogonal(value, one.expect)
  else checkDraw([...value.toTypedArray()], one.expect)
}

conformance('initializers', file, run)
conformance('initializers: more', moreOf(file), run)

conformance('initializers: defaults', { cases: file['defaults'] as DefaultsCase[], tol: file.tol }, (one) => {
  const made = deserializeInitializer({ class_name: one.class, config: one.args })
  checkConfig(serializeInitializer(made).config, one.config)
})

describe('initializers', () => {
  test('have the names that Keras understands', () => {
    for (const [name, className] of Object.entries(file['names'] as Record<string, string>)) {
      expect([name, resolveInitializer(name as 'zeros').constructor.name]).toEqual([name, className])
    }
    expect(resolveInitializer('HeNormal')).toBeInstanceOf(initializers.HeNormal)
    expect(resolveInitializer('he_normal')).toBeInstanceOf(initializers.HeNormal)
    expect(() => resolveInitializer('glorotUnifrom' as 'zeros')).toThrow(/did you mean 'glorotUniform'/)
    expect(() => resolveInitializer('__proto__' as 'zeros')).toThrow(ValueError)
    expect(() => deserializeInitializer({ class_name: 'constructor', config: {} })).toThrow(ValueError)
  })

  test('go through their config and back', () => {
    for (const name of [
      'randomNormal',
      'varianceScaling',
      'orthogonal',
      'stft',
      'identity',
      'constant',
      'lecunUniform',
    ] as const) {
      const before = serializeInitializer(name)
      expect(before.module).toBe('keras.initializers')
      expect(serializeInitializer(deserializeInitializer(before))).toEqual(before)
    }
    const made = new initializers.VarianceScaling({ scale: 2, mode: 'fan_avg', distribution: 'uniform', seed: 3 })
    const again = deserializeInitializer(serializeInitializer(made))
    expect(made.getConfig()).toMatchObject({ scale: 2, mode: 'fan_avg', distribution: 'uniform', seed: 3 })
    expect(again.call([5, 4]).toArray()).toEqual(made.call([5, 4]).toArray())
    expect(() => initializers.Zeros.fromConfig({ value: 1 })).toThrow(/Zeros: unknown option value/)
  })

  test('draw the same for a seed and go on in the global stream without one', () => {
    const seeded = new initializers.GlorotUniform({ seed: 7 })
    expect(seeded.call([3, 3]).toArray()).toEqual(seeded.call([3, 3]).toArray())
    const free = new initializers.Orthogonal()
    setSeed(1)
    const [first, second] = [free.call([3, 3]).toArray(), free.call([3, 3]).toArray()]
    expect(first).not.toEqual(second)
    setSeed(1)
    expect(free.call([3, 3]).toArray()).toEqual(first)
    expect(random.globalGenerator()).toBeDefined()
  })

  test('of a normal matrix, orthogonal is Q of QR with a positive diagonal of R', () => {
    const q = new initializers.Orthogonal({ seed: 5 }).call([70, 40]).cast('float64')
    const r = q
      .transpose()
      .matmul(new random.Generator(5).normal([70, 40], { dtype: 'float64' }))
      .toArray() as number[][]
    r.forEach((row, i) => {
      expect(row[i]).toBeGreaterThan(0)
      row.slice(0, i).forEach((below) => expect(Math.abs(below)).toBeLessThan(1e-5))
    })
  })

  test('fans can be the products of named axes', () => {
    const wide = new initializers.VarianceScaling({ distribution: 'uniform', inputAxes: [0, 1], outputAxes: [2], seed: 1 }).call([
      3, 300, 7,
    ])
    expect(wide.abs().max().item()).toBeLessThanOrEqual(Math.sqrt(3 / 900))
    expect(wide.abs().max().item()).toBeGreaterThan(0.99 * Math.sqrt(3 / 900))
    expect(initializers.fans([3, 3, 4, 5])).toEqual([36, 45])
    expect(initializers.fans([])).toEqual([1, 1])
  })

  test('values, functions and arrays are initializers too', () => {
    expect(
      resolveInitializer((shape) => tensor(shape.map(Number)))
        .call([2, 3])
        .toArray(),
    ).toEqual([2, 3])
    expect(
      resolveInitializer(tensor([1, 2]))
        .call([2])
        .toArray(),
    ).toEqual([1, 2])
    expect(() => resolveInitializer(tensor([1, 2])).call([3])).toThrow(ShapeError)
    expect(new initializers.Constant({ value: [1, 2] }).call([2, 2]).toArray()).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(() => serializeInitializer((shape) => tensor(shape.map(Number)))).toThrow(ValueError)
  })

  test('reject options and shapes that make no sense', () => {
    expect(() => new initializers.VarianceScaling({ scale: 0 })).toThrow(ValueError)
    expect(() => new initializers.VarianceScaling({ scale: NaN })).toThrow(ValueError)
    expect(() => new initializers.VarianceScaling({ mode: 'fan' as 'fanIn' })).toThrow(/mode: unknown 'fan'/)
    expect(() => new initializers.RandomNormal({ seed: 1.5 })).toThrow(ValueError)
    expect(() => new initializers.Orthogonal().call([3])).toThrow(ShapeError)
    expect(() => new initializers.Identity().call([3])).toThrow(ShapeError)
    expect(() => new initializers.STFT({ window: 'hat' as 'hann' })).toThrow(/unknown window 'hat'/)
    expect(() => new initializers.STFT({ window: [1, 2] }).call([3, 1, 3])).toThrow(ShapeError)
  })
})
