/** Convolutions of 3 × 3 windows by sums of tiles, against the plain way and exact sums. */
import { vjp } from '@typegrad/autograd'
import { random, setDeterministic, setThreads, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { limits, plans } from '../../../packages/tensor/src/backends/wasm/conv/winograd-plan.ts'
import { runs } from '../properties.ts'

const { points, ...others } = limits
/** How the gradient for the input is made, and a padding for it. */
const paddings = { turned: 'same', mirrored: 'valid' } as const
const gradients = ['turned', 'mirrored'] as const
afterEach(() => {
  Object.assign(limits, { points, ...others })
  plans.clear()
  setDeterministic(false)
  setThreads()
})

type Padding = Parameters<Tensor['conv']>[1]

/** The result and both gradients: the plain way, or by tiles of so many results along an axis. */
function run(x: Tensor, kernel: Tensor, options: Padding, tiles: 0 | 2 | 4): Tensor[] {
  plans.clear()
  limits.gain = tiles ? 1e-9 : Infinity
  limits.points = tiles ? [tiles === 2 ? 4 : 6] : points
  const { value, pullback } = vjp((a, b) => a.conv(b, options), x, kernel)
  return [value, ...pullback(new random.Generator(9).normal(value.shape).cast(x.dtype))]
}

const numbers = (x: Tensor): Float64Array => Float64Array.from(x.toTypedArray())

const rms = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)

const apart = (got: Tensor, wanted: Tensor): number => {
  const exact = numbers(wanted)
  return rms(numbers(got).map((value, i) => value - exact[i])) / rms(exact)
}

const length = fc.integer({ min: 5, max: 9 })
/** Up to three taps are one piece. */
const taps = fc.integer({ min: 1, max: 5 })
const windows = fc.oneof(fc.constantFrom([3, 3], [1, 3], [3, 1], [3]), fc.tuple(taps, taps), fc.tuple(taps))
const channels = fc.constantFrom(8, 16, 24, 40)
const pad = fc.tuple(fc.nat(3), fc.nat(3))

test('images of any size, padding and layout, on any number of threads', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }), length, length, channels, channels, fc.tuple(pad, pad), fc.boolean(), fc.constantFrom(1, 2, 3), fc.constantFrom(2, 4), windows, fc.constantFrom(...gradients), fc.integer({ min: 1, max: 3 }), fc.boolean(),
      (batch, height, width, inputs, filters, pads, turned, threads, outputs, window, way, step, dilated) => {
        limits.ways = [way]
        setThreads(threads)
        const draw = new random.Generator(1)
        const image = draw.normal(turned ? [batch, width, height, inputs] : [batch, height, width, inputs])
        const images = turned ? image.transpose([0, 2, 1, 3]) : image
        const around = way === 'turned' ? pads : pads.map(([, after]): [number, number] => [0, after])
        const [x, padding] = window.length === 2 ? [images, around] : [images.slice([], 1), around.slice(0, 1)]
        const kernel = draw.normal([...window, inputs, filters])
        // Now and then more than the window is long.
        const strides = way === 'turned' && !dilated ? step : 1
        const dilationRate = way === 'turned' && dilated && (Math.max(...window) - 1) * step < 5 ? step : 1
        const [got, wanted] = [outputs, 0 as const].map((tiles) => run(x, kernel, { padding, strides, dilationRate }, tiles))
        got.forEach((one, i) => expect(apart(one, wanted[i])).toBeLessThan(outputs === 2 ? 6e-7 : 2e-6))
      },
    ),
    runs(0.4),
  ) // prettier-ignore
})

const cases = ([2, 4] as const).flatMap((outputs) => gradients.map((way) => ({ outputs, way })))

test.each(cases)(
  'the same bits for every number of threads, and for each image of a batch: tiles of $outputs, $way',
  ({ outputs, way }) => {
    limits.ways = [way]
    const draw = new random.Generator(2)
    const [x, kernel] = [draw.normal([7, 19, 17, 32]), draw.normal([3, 3, 32, 40])]
    const bits = (batch: Tensor, threads: number): number[][] => {
      // More threads than parts: they share the filters.
      Object.assign(limits, { parts: 1, filters: 8 })
      setThreads(threads)
      return run(batch, kernel, { padding: paddings[way] }, outputs).map((one) => [...one.toTypedArray()])
    }
    const [value, slope, sum] = bits(x, 1)
    for (const threads of [2, 3]) expect(bits(x, threads)).toEqual([value, slope, sum])
    const first = bits(x.slice([0, 1]), 1)
    // What the gradient is given is drawn in order.
    for (const [i, all] of [value, slope].entries()) expect(first[i]).toEqual(all.slice(0, all.length / 7))
  },
)

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

/** How many times as large as those of the plain way errors may be, for tiles of 2 and of 4: sums are as long as there are channels. */
const times = { 16: [2, 3], 64: [2, 4], 256: [2, 6] } as const

const cubes = ([16, 64, 256] as const).flatMap((count) => gradients.map((way) => ({ count, way, window: 3, strides: 1 })))
const pieces = [[2, 1], [4, 1], [5, 1], [3, 2], [4, 2], [5, 2], [7, 3]].map(([window, strides]) => ({ count: 64, way: 'turned', window, strides } as const)) // prettier-ignore

test.each([...cubes, ...pieces])('errors against double precision: %o', ({ count, way, window, strides }) => {
  limits.ways = [way]
  const options = { padding: paddings[way], strides }
  const draw = new random.Generator(3)
  const [x, kernel] = [draw.normal([1, 12, 12, count]), draw.normal([window, window, count, 16])]
  const exact = run(x.cast('float64'), kernel.cast('float64'), options, 0)
  const plain = run(x, kernel, options, 0).map((one, i) => apart(one, exact[i]))
  for (const [size, outputs] of ([2, 4] as const).entries())
    run(x, kernel, options, outputs).forEach((one, i) => {
      const error = apart(one, exact[i])
      expect(error / plain[i]).toBeLessThan(times[count][size])
      const wanted = numbers(exact[i])
      expect(largest(numbers(one).map((value, j) => value - wanted[j])) / largest(wanted)).toBeLessThan([1e-6, 4e-6][size])
      // It is another way.
      expect(error).not.toBe(plain[i])
    })
})

test('in deterministic mode sums are taken in order', () => {
  setDeterministic(true)
  const draw = new random.Generator(4)
  const [x, kernel] = [draw.normal([1, 12, 12, 32]), draw.normal([3, 3, 32, 32])]
  const [tiles, plain] = ([4, 0] as const).map((way) => run(x, kernel, {}, way).map((one) => [...one.toTypedArray()]))
  expect(tiles).toEqual(plain)
})
