/** Convolution and pooling that are large enough for blocks, tasks and threads, against the cpu backend. */
import { vjp } from '@typegrad/autograd'
import { random, setBackend, setThreads, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { limits as fewLimits } from '../../../packages/tensor/src/backends/wasm/conv/few.ts'
import { runs } from '../properties.ts'

interface Case {
  readonly x: readonly number[]
  readonly kernel: readonly number[]
  readonly options?: Parameters<Tensor['conv']>[1]
}

const cases: Readonly<Record<string, Case>> = {
  'one channel': { x: [9, 28, 28, 1], kernel: [3, 3, 1, 32] },
  'more runs than a block is deep': { x: [3, 13, 13, 40], kernel: [3, 3, 40, 24], options: { padding: 'same' } },
  'an odd number of everything': { x: [3, 17, 19, 5], kernel: [3, 5, 5, 7], options: { padding: [[2, 1], [0, 3]] } },
  strides: { x: [4, 23, 21, 16], kernel: [3, 3, 16, 12], options: { padding: 'same', strides: [2, 3] } },
  dilation: { x: [4, 23, 21, 16], kernel: [3, 3, 16, 12], options: { padding: 'same', dilationRate: [2, 3] } },
  'strides longer than the window': { x: [2, 30, 31, 8], kernel: [2, 1, 8, 8], options: { strides: 3 } },
  groups: { x: [4, 15, 15, 24], kernel: [5, 5, 8, 30], options: { groups: 3, padding: 'same' } },
  'a product without patches': { x: [8, 28, 28, 24], kernel: [1, 1, 24, 40] },
  'patches that do not overlap': { x: [4, 28, 28, 3], kernel: [4, 4, 3, 32], options: { strides: 4 } },
  'one axis': { x: [4, 700, 20], kernel: [5, 20, 24], options: { padding: 'causal' } },
  'three axes': { x: [2, 9, 10, 11, 6], kernel: [3, 2, 3, 6, 10], options: { padding: 'same', strides: [1, 2, 1] } },
  'images mostly of ends': { x: [2, 7, 7, 40], kernel: [3, 3, 40, 32] },
  'ends of strides': { x: [1, 9, 10, 40], kernel: [5, 4, 40, 64], options: { padding: 'same', strides: 2 } },
  'ends of groups, dilated': { x: [1, 9, 9, 64], kernel: [3, 3, 32, 64], options: { groups: 2, dilationRate: [2, 3] } },
  'parts of a batch': { x: [12, 40, 40, 2], kernel: [3, 3, 2, 16] },
  depthwise: { x: [3, 25, 27, 37], kernel: [3, 3, 1, 37], options: { groups: 37, padding: 'same' } },
  'two filters for each channel': { x: [3, 14, 14, 10], kernel: [3, 3, 1, 20], options: { groups: 10, strides: 2 } },
} // prettier-ignore

afterEach(() => {
  setBackend('wasm')
  setThreads()
})

const pools: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  maximum: (x) => x.maxPool(3, { strides: 2, padding: 'same' }),
  mean: (x) => x.averagePool([3, 2], { padding: 'same' }),
}
const images = { 'few images, many channels': [1, 33, 35, 70], 'many images, few channels': [21, 26, 26, 3] }

/** The result and both gradients. */
function run({ x: xShape, kernel: kernelShape, options }: Case, dtype: 'float32' | 'float64', backend: string): Float64Array[] {
  setBackend(backend)
  const generator = new random.Generator(1)
  const draw = (shape: readonly number[]): Tensor => generator.uniform([...shape], { low: -1, dtype })
  const [x, kernel] = [draw(xShape), draw(kernelShape)]
  const { value, pullback } = vjp((a, b) => a.conv(b, options), x, kernel)
  return [value, ...pullback(draw(value.shape))].map((tensor) => Float64Array.from(tensor.toTypedArray()))
}

const bytesOf = (values: Float64Array): Uint8Array => new Uint8Array(values.buffer)

test.each(Object.entries(cases))('%s', (_, one) => {
  for (const [dtype, epsilon] of [
    ['float32', 2 ** -24],
    ['float64', 2 ** -53],
  ] as const) {
    // prettier-ignore
    const wanted = run(one, dtype, 'cpu')
    const got = run(one, dtype, 'wasm')
    got.forEach((values, which) => {
      const scale = wanted[which].reduce((top, value) => Math.max(top, Math.abs(value)), 0)
      const worst = values.reduce((error, value, i) => Math.max(error, Math.abs(value - wanted[which][i])), 0)
      // Of numbers that vary, the errors of a sum grow like the root of their number; 64 is for some thousands of them.
      expect(worst / scale).toBeLessThan(64 * epsilon)
    })
  }
})

test('the padding of small images is left out, whatever the batch is', () => {
  const gradient = (batch: number): Tensor => {
    const [x, kernel, dy] = [[batch, 7, 7, 40], [3, 3, 40, 32], [batch, 5, 5, 32]].map((shape) => new random.Generator(1).normal(shape)) // prettier-ignore
    return vjp((a) => a.conv(kernel), x).pullback(dy)[0]
  }
  expect(gradient(5).slice([0, 1]).toTypedArray()).toEqual(gradient(1).toTypedArray())
})

test('the same bits for every number of threads', () => {
  for (const one of Object.values(cases)) {
    setThreads(1)
    const wanted = run(one, 'float32', 'wasm')
    for (const count of [2, 3, 4]) {
      setThreads(count)
      const same = run(one, 'float32', 'wasm').map((values, i) => Buffer.compare(bytesOf(values), bytesOf(wanted[i])))
      expect(same).toEqual([0, 0, 0])
    }
  }
})

describe.each(Object.entries(images))('pooling %s', (_, shape) => {
  test.each(Object.entries(pools))('%s', (_name, pool) => {
    const results = (backend: string, threads: number): Float64Array[] => {
      setBackend(backend)
      setThreads(threads)
      const generator = new random.Generator(1)
      // Few values, so that there are ties.
      const x = generator.integers(shape, { low: -9, high: 9 }).cast('float32')
      const slope = (t: Tensor): Tensor => vjp(pool, t).pullback(pool(x).mul(0.5))[0]
      const { value, pullback } = vjp((t) => slope(t).mul(t), x)
      return [pool(x), value, ...pullback(x)].map((tensor) => Float64Array.from(tensor.toTypedArray()))
    }
    const wanted = results('cpu', 1)
    const got = [1, 2, 3].map((threads) => results('wasm', threads))
    got[0].forEach((values, which) => {
      expect(values.length).toBe(wanted[which].length)
      expect(values.every((value, i) => Math.abs(value - wanted[which][i]) <= 2e-6 * 100)).toBe(true)
      for (const other of got.slice(1)) expect(Buffer.compare(bytesOf(other[which]), bytesOf(values))).toBe(0)
    })
  })
})

const few = { channels: fewLimits.channels }
afterEach(() => Object.assign(fewLimits, few))

test('few channels: the bits of a product of matrices forward, its sums backward, on any number of threads', () => {
  const side = fc.integer({ min: 13, max: 20 })
  const window = fc.integer({ min: 1, max: 4 })
  const steps = fc.constantFrom([1, 1], [1, 2], [2, 1], [3, 2])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }), side, side, window, window, fc.integer({ min: 1, max: 4 }), fc.constantFrom(8, 24), steps, steps,
      fc.constantFrom('same' as const, 'valid' as const), fc.constantFrom('float32' as const, 'float64' as const), fc.constantFrom(1, 2, 3),
      (batch, height, width, kh, kw, channels, filters, strides, dilationRate, padding, dtype, threads) => {
        setThreads(threads)
        const draw = new random.Generator(1)
        const x = draw.normal([batch, height, width, channels]).cast(dtype)
        const kernel = draw.normal([kh, kw, channels, filters]).cast(dtype)
        const options = { strides, dilationRate: Math.max(...strides) > 1 ? 1 : dilationRate, padding }
        const [got, wanted] = [few.channels, 0].map((limit) => {
          fewLimits.channels = limit
          const { value, pullback } = vjp((a, b) => a.conv(b, options), x, kernel)
          return [value, ...pullback(new random.Generator(2).normal(value.shape).cast(dtype))].map((one) => one.toTypedArray())
        })
        expect(got[0]).toEqual(wanted[0])
        got.forEach((one, i) => {
          const largest = (values: Iterable<number>): number => Math.max(...[...values].map(Math.abs))
          const apart = largest([...one].map((value, j) => value - wanted[i][j]))
          expect(apart).toBeLessThanOrEqual((dtype === 'float32' ? 2e-6 : 1e-14) * largest(wanted[i]))
        })
      },
    ),
    runs(0.15),
  ) // prettier-ignore
})
