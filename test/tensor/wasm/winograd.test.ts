/** Convolutions of 3 × 3 windows by sums of tiles, against the plain way and exact sums. */
import { vjp } from '@typegrad/autograd'
import { random, setDeterministic, setThreads, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../../packages/tensor/src/backends/wasm/conv/winograd.ts'
import { runs } from '../properties.ts'

const { gain } = limits
afterEach(() => {
  limits.gain = gain
  setDeterministic(false)
  setThreads()
})

type Padding = Parameters<Tensor['conv']>[1]

/** The result and both gradients. */
function run(x: Tensor, kernel: Tensor, options: Padding, tiles: boolean): Tensor[] {
  limits.gain = tiles ? 0 : Infinity
  const { value, pullback } = vjp((a, b) => a.conv(b, options), x, kernel)
  return [value, ...pullback(new random.Generator(9).normal(value.shape).cast(x.dtype))]
}

const numbers = (x: Tensor): Float64Array => Float64Array.from(x.toTypedArray())

const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)

const apart = (got: Tensor, wanted: Tensor): number => {
  const exact = numbers(wanted)
  return rms(numbers(got).map((value, i) => value - exact[i])) / rms(exact)
}

const length = fc.integer({ min: 3, max: 9 })
const channels = fc.constantFrom(4, 8, 12, 20, 36)
const pad = fc.tuple(fc.nat(3), fc.nat(3))

test('images of any size, padding and layout, on any number of threads', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }), length, length, channels, channels, fc.tuple(pad, pad), fc.boolean(), fc.constantFrom(1, 2, 3),
      (batch, height, width, inputs, filters, padding, turned, threads) => {
        setThreads(threads)
        const draw = new random.Generator(1)
        const image = draw.normal(turned ? [batch, width, height, inputs] : [batch, height, width, inputs])
        const x = turned ? image.transpose([0, 2, 1, 3]) : image
        const kernel = draw.normal([3, 3, inputs, filters])
        const [got, wanted] = [true, false].map((tiles) => run(x, kernel, { padding }, tiles))
        got.forEach((one, i) => expect(apart(one, wanted[i])).toBeLessThan(6e-7))
      },
    ),
    runs(0.4),
  ) // prettier-ignore
})

test('the same bits for every number of threads, and for each image of a batch', () => {
  const draw = new random.Generator(2)
  const [x, kernel] = [draw.normal([7, 19, 17, 32]), draw.normal([3, 3, 32, 40])]
  const bits = (batch: Tensor, threads: number): number[][] => {
    setThreads(threads)
    return run(batch, kernel, { padding: 'same' }, true).map((one) => [...one.toTypedArray()])
  }
  const [value, slope, sum] = bits(x, 1)
  for (const threads of [2, 3]) expect(bits(x, threads)).toEqual([value, slope, sum])
  const first = bits(x.slice([0, 1]), 1)[0]
  expect(first).toEqual(value.slice(0, first.length))
})

test.each([16, 64, 256])('errors are at most twice those of the plain way: %i channels', (count) => {
  const draw = new random.Generator(3)
  const [x, kernel] = [draw.normal([1, 12, 12, count]), draw.normal([3, 3, count, 16])]
  const exact = run(x.cast('float64'), kernel.cast('float64'), { padding: 'same' }, false)
  const [tiles, plain] = [true, false].map((way) =>
    run(x, kernel, { padding: 'same' }, way).map((one, i) => apart(one, exact[i])),
  )
  tiles.forEach((error, i) => {
    expect(error).toBeLessThan(6e-7)
    expect(error / plain[i]).toBeLessThan(2)
  })
  // It is another way.
  tiles.forEach((error, i) => expect(error).not.toBe(plain[i]))
})

test('in deterministic mode sums are taken in order', () => {
  setDeterministic(true)
  const draw = new random.Generator(4)
  const [x, kernel] = [draw.normal([1, 12, 12, 32]), draw.normal([3, 3, 32, 32])]
  const [tiles, plain] = [true, false].map((way) => run(x, kernel, {}, way).map((one) => [...one.toTypedArray()]))
  expect(tiles).toEqual(plain)
})
