/** Random numbers: the published generator, the same numbers from the same seed everywhere, and the right distributions. */
import { random, setSeed, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { threefry } from '../../packages/tensor/src/threefry.ts'
import { read } from './arrays.ts'
import { onEveryBackend } from './backends.ts'

const { Generator } = random

// Known-answer vectors of Random123 (Salmon et al.), tests/kat_vectors, threefry2x32 with 20 rounds: counter, key, result.
test.each([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x243f6a88, 0x85a308d3],
    [0x13198a2e, 0x03707344],
    [0xc4923a9c, 0x483df7a0],
  ],
] as const)('Threefry-2x32-20 of counter %j and key %j is %j', (counter, key, result) => {
  const out = new Uint32Array(2)
  threefry(key, counter, out)
  expect([...out]).toEqual(result)
})

const numbers = async (t: Tensor): Promise<readonly number[]> => (await read(t)).values
const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
/** Mean, variance, skewness and kurtosis. */
function moments(list: readonly number[]): number[] {
  const m = mean(list)
  const central = (power: number): number => mean(list.map((x) => (x - m) ** power))
  return [m, central(2), central(3) / central(2) ** 1.5, central(4) / central(2) ** 2]
}

onEveryBackend(() => {
  const draws: Readonly<Record<string, (g: InstanceType<typeof Generator>) => Tensor>> = {
    uniform: (g) => g.uniform([3, 4], { low: -2, high: 5 }),
    'uniform in float64': (g) => g.uniform([12], { dtype: 'float64' }),
    normal: (g) => g.normal([12], { mean: 1, stddev: 2 }),
    truncatedNormal: (g) => g.truncatedNormal([12]),
    bernoulli: (g) => g.bernoulli([12], { p: 0.3 }),
    integers: (g) => g.integers([12], { low: -5, high: 1000 }),
    permutation: (g) => g.permutation(12),
    shuffle: (g) => g.shuffle([1, 2, 3, 4, 5, 6, 7, 8]),
    exponential: (g) => g.exponential([12], { scale: 3 }),
    gumbel: (g) => g.gumbel([12]),
    gamma: (g) => g.gamma([12], { alpha: 2.5 }),
    beta: (g) => g.beta([12], { alpha: 2, beta: 0.5 }),
    poisson: (g) => g.poisson([12], { rate: 20 }),
    binomial: (g) => g.binomial([12], { counts: 30, p: 0.4 }),
    categorical: (g) => g.categorical([[0, 1, 2], [2, 1, 0]], 8), // prettier-ignore
    multinomial: (g) => g.multinomial(100, [0.2, 0.3, 0.5]),
  }

  describe.each(Object.entries(draws))('%s', (_, draw) => {
    test('the same seed gives the same numbers, the next draw and another seed give others', async () => {
      const [a, b, other] = [new Generator(7), new Generator(7), new Generator(8)]
      const first = await numbers(draw(a))
      expect(await numbers(draw(b))).toEqual(first)
      expect(await numbers(draw(a))).not.toEqual(first)
      expect(await numbers(draw(other))).not.toEqual(first)
    })

    test('a generator goes on from its state', async () => {
      const a = new Generator(2 ** 40 + 3)
      draw(a)
      const b = new Generator(0)
      b.state = a.state
      expect(await numbers(draw(b))).toEqual(await numbers(draw(a)))
    })
  })

  test('element i of draw n of a seed is block (i, n) of the generator', async () => {
    const generator = new Generator(2 ** 33 + 5)
    const block = new Uint32Array(2)
    for (let n = 0; n < 3; n++) {
      const single = n === 1
      const values = await numbers(generator.uniform([50], { dtype: single ? 'float32' : 'float64' }))
      const wanted = values.map((__, i) => {
        threefry([5, 2], [i, n], block)
        return single ? (block[0] >>> 8) / 2 ** 24 : ((block[0] >>> 5) * 2 ** 26 + (block[1] >>> 6)) / 2 ** 53
      })
      expect(values).toEqual(wanted)
    }
  })

  test('the first numbers of seed 42 (these are golden: they may never change)', async () => {
    setSeed(42)
    expect(await numbers(random.uniform([4]))).toEqual([
      0.8690483570098877, 0.15063238143920898, 0.5203206539154053, 0.2499372959136963,
    ])
    expect(await numbers(random.integers([8], { high: 100 }))).toEqual([90, 70, 92, 92, 70, 5, 45, 50])
    expect(await numbers(random.permutation(8))).toEqual([4, 3, 5, 0, 6, 2, 7, 1])
  })

  test('a draw does not depend on how much of it is drawn', async () => {
    const [long, short] = [new Generator(1), new Generator(1)]
    expect((await numbers(long.normal([100]))).slice(0, 10)).toEqual(await numbers(short.normal([10])))
  })

  test('uniform: moments of [low, high), which high is not in, however it is rounded', async () => {
    const generator = new Generator(1)
    const u = await numbers(generator.uniform([100_000]))
    const [m, variance, skewness, kurtosis] = moments(u)
    expect(m).toBeCloseTo(0.5, 2)
    expect(variance).toBeCloseTo(1 / 12, 3)
    expect(skewness).toBeCloseTo(0, 1)
    expect(kurtosis).toBeCloseTo(1.8, 1)
    // Between 1000 and 1001 there are 16384 float32: one draw in 32768 is nearest to 1001.
    const wide = await numbers(generator.uniform([300_000], { low: 1000, high: 1001 }))
    expect([Math.min(...wide.slice(0, 1000)) >= 1000, wide.every((x) => x >= 1000 && x < 1001)]).toEqual([true, true])
    const below = await numbers(generator.uniform([100_000], { low: -2, high: -1 }))
    expect(below.every((x) => x >= -2 && x < -1)).toBe(true)
  })

  test.each(['float32', 'float64'] as const)('normal in %s: moments, and no infinities', async (dtype) => {
    const z = await numbers(new Generator(3).normal([100_000], { dtype }))
    const [m, variance, skewness, kurtosis] = moments(z)
    expect(m).toBeCloseTo(0, 1)
    expect(variance).toBeCloseTo(1, 1)
    expect(skewness).toBeCloseTo(0, 1)
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.1)
    expect(z.every(Number.isFinite)).toBe(true)
    const within = (limit: number): number => mean(z.map((x) => Number(Math.abs(x) < limit)))
    expect(within(1)).toBeCloseTo(0.6827, 2)
    expect(within(2)).toBeCloseTo(0.9545, 2)
  })

  test('truncatedNormal: within two standard deviations, with the variance of that', async () => {
    const z = await numbers(new Generator(4).truncatedNormal([100_000], { mean: 10, stddev: 3 }))
    const [m, variance] = moments(z)
    expect(z.every((x) => x >= 4 && x <= 16)).toBe(true)
    expect(Math.abs(m - 10)).toBeLessThan(0.03)
    expect(Math.abs(variance / 9 - 0.7737)).toBeLessThan(0.01)
  })

  test('bernoulli: true with probability p', async () => {
    const t = new Generator(5).bernoulli([100_000], { p: 0.3 })
    expect(t.dtype).toBe('bool')
    expect(Math.abs(mean(await numbers(t)) - 0.3)).toBeLessThan(0.005)
    expect(await numbers(new Generator(5).bernoulli([100], { p: 0 }).any())).toEqual([0])
    expect(await numbers(new Generator(5).bernoulli([100], { p: 1 }).all())).toEqual([1])
  })

  // χ² with n - 1 degrees of freedom is beyond the limit once in a thousand seeds.
  test.each([
    [0, 2, 10.8],
    [-3, 4, 22.5],
    [0, 10, 27.9],
    [5, 105, 148.2],
  ])('integers from %i below %i are equally frequent (χ² < %d)', async (low, high, limit) => {
    const t = new Generator(6).integers([100_000], { low, high })
    expect(t.dtype).toBe('int32')
    const counts = Array.from({ length: high - low }, () => 0)
    for (const x of await numbers(t)) counts[x - low]++
    const expected = 100_000 / counts.length
    expect(counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)).toBeLessThan(limit)
  })

  test('integers reach both ends of int32', async () => {
    const list = await numbers(new Generator(8).integers([1000], { low: -(2 ** 31), high: 2 ** 31 }))
    expect([list.some((x) => x < -(2 ** 30)), list.some((x) => x > 2 ** 30)]).toEqual([true, true])
  })

  test('a permutation has every number once; all permutations of three are equally frequent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 200 }), fc.integer(), async (n, seed) => {
        const list = await numbers(new Generator(seed).permutation(n))
        expect(list.toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
      }),
    )
    const generator = new Generator(9)
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      const key = (await numbers(generator.permutation(3))).join()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    expect(counts.size).toBe(6)
    expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5)
  })
})

test('shapes: a scalar by default, none for no elements', () => {
  expect(random.uniform().shape).toEqual([])
  expect(random.normal([2, 0]).shape).toEqual([2, 0])
})

test('arguments outside of their ranges are errors', () => {
  expect(() => new Generator(1.5)).toThrow(new ValueError('Generator: seed 1.5, expected an integer'))
  expect(() => random.bernoulli([2], { p: 1.5 })).toThrow(new ValueError('bernoulli: p is 1.5, expected a probability'))
  expect(() => random.integers([2], { low: 3, high: 3 })).toThrow('integers: low 3, high 3, expected int32 with low < high')
})

onEveryBackend(() => {
  // Mean and variance as the textbook has them; 40,000 draws, five standard errors.
  const { PI } = Math
  const distributions: readonly [string, (g: InstanceType<typeof Generator>, shape: number[]) => Tensor, number, number][] = [
    ['exponential of scale 3', (g, shape) => g.exponential(shape, { scale: 3 }), 3, 9],
    ['gumbel', (g, shape) => g.gumbel(shape, { loc: 1, scale: 2 }), 1 + 2 * 0.5772156649, (4 * PI ** 2) / 6],
    ...[0.05, 0.6, 1, 3.7, 200].map((alpha): (typeof distributions)[number] =>
      [`gamma of ${alpha}`, (g, shape) => g.gamma(shape, { alpha, scale: 2 }), 2 * alpha, 4 * alpha]),
    ...([[0.5, 0.5], [2, 5], [0.02, 0.03], [40, 3]] as const).map(([a, b]): (typeof distributions)[number] =>
      [`beta of ${a} and ${b}`, (g, shape) => g.beta(shape, { alpha: a, beta: b }), a / (a + b), (a * b) / ((a + b) ** 2 * (a + b + 1))]),
    ...[0.3, 4, 9.9, 10, 35, 1e4].map((rate): (typeof distributions)[number] =>
      [`poisson of ${rate}`, (g, shape) => g.poisson(shape, { rate, dtype: 'float64' }), rate, rate]),
    ...([[1, 0.5], [40, 0.1], [40, 0.9], [1000, 0.003]] as const).map(([n, q]): (typeof distributions)[number] =>
      [`binomial of ${n} and ${q}`, (g, shape) => g.binomial(shape, { counts: n, p: q }), n * q, n * q * (1 - q)]),
  ] // prettier-ignore
  test.each(distributions)('%s: mean and variance', async (_, draw, wantedMean, wantedVariance) => {
    const list = await numbers(draw(new Generator(11), [40_000]))
    expect(list.every(Number.isFinite)).toBe(true)
    const [m, variance, , kurtosis] = moments(list)
    expect(Math.abs(m - wantedMean)).toBeLessThan(5 * Math.sqrt(wantedVariance / list.length))
    expect(Math.abs(variance - wantedVariance)).toBeLessThan(5 * wantedVariance * Math.sqrt((kurtosis - 1) / list.length))
  })

  test('categorical and multinomial: every class as often as it should come, never one of probability 0', async () => {
    const p = [0.1, 0, 0.6, 0.3]
    const generator = new Generator(5)
    const n = 20_000
    const drawn = generator.categorical(tensor([p, p.toReversed()]).log(), n)
    expect([drawn.shape, drawn.dtype]).toEqual([[2, n], 'int32'])
    const counted = generator.multinomial(n, [p, p.toReversed()])
    const list = await numbers(drawn)
    for (const [row, wanted] of [p, p.toReversed()].entries()) {
      const classes = list.slice(row * n, (row + 1) * n)
      const counts = await numbers(counted.slice(row))
      for (const [k, share] of wanted.entries()) {
        const error = 5 * Math.sqrt((share * (1 - share)) / n)
        expect(Math.abs(classes.filter((c) => c === k).length / n - share)).toBeLessThanOrEqual(error)
        expect(Math.abs(counts[k] / n - share)).toBeLessThanOrEqual(error)
      }
    }
  })

  test('parameters may be tensors; those without a distribution give NaN', async () => {
    const generator = new Generator(1)
    const rates = generator.poisson([3, 2000], { rate: tensor([[1], [50], [1000]]) }) // prettier-ignore
    const means = await numbers(rates.mean(1))
    expect(means.map((m) => Math.abs(Math.round(Math.log10(m))))).toEqual([0, 2, 3])
    expect(await numbers(generator.gamma([2], { alpha: tensor([-1, 0]) }))).toEqual([NaN, 0])
  })
})
