import { loadWine, MinMaxScaler, StandardScaler, trainTestSplit } from '@typegrad/data'
import { ShapeError, tensor, ValueError } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const x = [
  [1, 10],
  [2, 10],
  [3, 10],
]
const matrices = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 })).chain(([n, m]) =>
  fc.array(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: m, maxLength: m }), {
    minLength: n,
    maxLength: n,
  }),
)

describe('StandardScaler', () => {
  test('leaves the mean or the deviation alone, as its options say', () => {
    const x = [[1], [2], [6]]
    expect(new StandardScaler({ withStd: false }).fitTransform(x).toArray()).toEqual([[-2], [-1], [3]])
    const scaler = new StandardScaler({ withMean: false })
    const [small, , large] = scaler.fitTransform(x).flatten().toArray() as number[]
    expect(large / small).toBeCloseTo(6, 5)
    expect(scaler.inverseTransform(scaler.transform(x)).toArray()).toEqual(x)
  })

  test('subtracts the mean, divides by the deviation of the population', () => {
    const scaler = new StandardScaler()
    const z = scaler.fitTransform(tensor(x, { dtype: 'float64' }))
    const s = Math.sqrt(2 / 3)
    expect(z.toArray()).toEqual([
      [-1 / s, 0],
      [0, 0],
      [1 / s, 0],
    ])
    expect([...scaler.mean, ...scaler.var, ...scaler.scale]).toEqual([2, 10, 2 / 3, 0, s, 1])
    expect(scaler.transform([[4, 12]]).dtype).toBe('float32')
    expect(scaler.transform([[2, 12]]).toArray()).toEqual([[0, 2]])
  })

  test('a constant far from 0 does not vary', () => {
    const scaler = new StandardScaler().fit(
      tensor(
        Array.from({ length: 100 }, () => [1e8 + 0.1]),
        { dtype: 'float64' },
      ),
    )
    expect(scaler.scale[0]).toBe(1)
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.integer({ min: 1, max: 300 }), (value, n) => {
        const same = tensor(new Float64Array(n).fill(value), { shape: [n, 1] })
        expect(new StandardScaler().fit(same).scale[0]).toBe(1)
      }),
    )
    // One unit in the last place is not variation (scikit-learn's rule).
    const almost = tensor(
      Float64Array.from({ length: 100 }, (_, i) => 1e8 + (i % 2) * 2 ** -26),
      { shape: [100, 1] },
    )
    expect(new StandardScaler().fit(almost).scale[0]).toBe(1)
    // Means are taken in float64, whatever the dtype: naive float32 sums would be far off.
    const large = new StandardScaler().fit(Array.from({ length: 10_000 }, (_, i) => [16_777_216 + (i % 2)]))
    expect(large.scale[0]).toBeGreaterThanOrEqual(0)
  })

  test('missing values do not count and stay', () => {
    const scaler = new StandardScaler().fit([
      [1, NaN],
      [NaN, NaN],
      [3, NaN],
    ])
    expect(scaler.mean[0]).toBe(2)
    expect(
      scaler
        .transform([
          [3, 1],
          [NaN, 1],
        ])
        .toArray(),
    ).toEqual([
      [1, NaN],
      [NaN, NaN],
    ])
  })

  test('real data has mean 0 and deviation 1, and only the training data is looked at', async () => {
    const { x: wine, y } = await loadWine()
    const [train, held] = trainTestSplit(wine, y, { seed: 0 })
    const scaler = new StandardScaler()
    const z = scaler.fitTransform(train)
    for (let j = 0; j < 13; j++) {
      const column = Array.from({ length: z.shape[0] }, (_, i) => z.toTypedArray()[i * 13 + j])
      const mean = column.reduce((a, b) => a + b, 0) / column.length
      expect(Math.abs(mean)).toBeLessThan(1e-6)
      expect(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length).toBeCloseTo(1, 5)
    }
    expect(scaler.transform(held).shape).toEqual(held.shape)
  })
})

describe('MinMaxScaler', () => {
  test('spreads over the range', () => {
    expect(new MinMaxScaler().fitTransform(x).toArray()).toEqual([
      [0, 0],
      [0.5, 0],
      [1, 0],
    ])
    const scaler = new MinMaxScaler({ featureRange: [-1, 3] }).fit(x)
    expect(scaler.transform(x).toArray()).toEqual([
      [-1, -1],
      [1, -1],
      [3, -1],
    ])
    expect(scaler.transform([[4, 10]]).toArray()).toEqual([[5, -1]])
    expect([...scaler.dataMin, ...scaler.dataMax]).toEqual([1, 10, 3, 10])
  })

  test('the ends are reached exactly', () => {
    fc.assert(
      fc.property(matrices, (rows) => {
        const z = new MinMaxScaler().fitTransform(tensor(rows, { dtype: 'float64' })).toTypedArray()
        expect(z.every((v) => v >= 0 && v <= 1)).toBe(true)
      }),
    )
  })

  test('missing values do not count and stay', () => {
    const scaler = new MinMaxScaler().fit([
      [1, NaN],
      [NaN, NaN],
      [3, NaN],
    ])
    expect(
      scaler
        .transform([
          [2, 1],
          [NaN, 1],
        ])
        .toArray(),
    ).toEqual([
      [0.5, NaN],
      [NaN, NaN],
    ])
  })

  test('ranges that are none', () => {
    for (const featureRange of [
      [1, 0],
      [1, 1],
      [NaN, 1],
      [-Infinity, 0],
    ] as const)
      expect(() => new MinMaxScaler({ featureRange })).toThrow(ValueError)
  })
})

describe.each([
  ['StandardScaler', () => new StandardScaler()],
  ['MinMaxScaler', () => new MinMaxScaler({ featureRange: [-2, 5] })],
])('%s', (name, make) => {
  test('inverseTransform undoes transform', () => {
    fc.assert(
      fc.property(matrices, (rows) => {
        const scaler = make()
        const given = tensor(rows, { dtype: 'float64' })
        const back = scaler.inverseTransform(scaler.fitTransform(given))
        expect(back.shape).toEqual(given.shape)
        const largest = rows.flat().reduce((a, b) => Math.max(a, Math.abs(b)), 1)
        back.toTypedArray().forEach((v, i) => expect(Math.abs(v - rows.flat()[i])).toBeLessThanOrEqual(largest * 1e-12))
      }),
    )
  })

  test('asks for fit, for two axes and for the same features', () => {
    expect(() => make().transform(x)).toThrow(`${name}: transform before fit; call fit with the training data first`)
    expect(() => make().inverseTransform(x)).toThrow(ValueError)
    expect(() => make().fit([1, 2])).toThrow(
      `${name}: fit of shape [2], expected [samples, features]; reshape([-1, 1]) if it is one feature`,
    )
    expect(() =>
      make()
        .fit(x)
        .transform([[1, 2, 3]]),
    ).toThrow(`${name}: transform of 3 features, fit saw 2`)
    expect(() =>
      make()
        .fit(x)
        .transform([[1, 2, 3]]),
    ).toThrow(ShapeError)
    expect(() =>
      make().fit([
        [1, 2],
        [3, Infinity],
      ]),
    ).toThrow(`${name}: sample 1, feature 1 is Infinity`)
    expect(() => make().fit(tensor(new Float32Array(0), { shape: [0, 2] }))).toThrow('fit of 0 samples')
  })
})
