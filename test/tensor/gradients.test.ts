/**
 * Gradients of both orders of the ops with a structure of their own: the full Jacobian against central differences in float64, at
 * random points in random layouts, with strided gradients coming in.
 */
import { checkGradients } from '@typegrad/autograd'
import { fft, linalg, Tensor, tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { build, numbersFrom, randomLayout } from './arrays.ts'
import { needs, onEveryBackend, plainBackends } from './backends.ts'
import { gradientRows } from './gradient-rows.ts'
import { product } from './naive.ts'
import { runs } from './properties.ts'
import { rowNames } from './reference.ts'

onEveryBackend((backend) => {
  test.for(gradientRows)('%s', ([, f, ...shapes], context) => {
    needs(context, backend, 'float64')
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = numbersFrom(seed)
        // Elements that are at least 0.05 apart, so that an order of them is the same a step further.
        const points = shapes.map((shape, k) => {
          const places = Array.from({ length: product(shape) }, (_, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key)
          const values = places.map(({ i }) => (i - Math.floor(product(shape) / 2)) * 0.3 + 0.15 * k + 0.1 + random() * 0.1)
          return build(randomLayout(shape, values, random), 'float64')
        })
        // Seen through a flip and a transpose, the gradient of the output comes in with strides.
        checkGradients(
          (...xs) =>
            f(...xs)
              .flip()
              .transpose(),
          points,
          { second: true },
        )
      }),
      runs(0.03),
    )
  })
}, plainBackends)

describe('the table is complete', () => {
  /** Methods and functions without a gradient: they count, compare, look up or convert, or their result is made of integers. */
  const none = [
    'constructor', 'data', 'to', 'toTypedArray', 'toArray', 'item', 'toString', 'toJSON', 'ndarray', 'stopGradient', 'zerosLike', 'onesLike',
    'argmax', 'argmin', 'argsort', 'any', 'all', 'nonzero', 'searchsorted', 'oneHot', 'digitize', 'isin', 'isclose', 'countNonzero',
    'shape', 'rank', 'size', 'value', 'array',
    'linalg.matrixRank', 'fft.fftfreq', 'fft.rfftfreq',
  ] // prettier-ignore
  /** Checked under the name of another. */
  const within: Readonly<Record<string, string>> = {
    'fft.fftn': 'fft.fft2', 'fft.ifftn': 'fft.ifft2', 'fft.ifftshift': 'fft.fftshift',
  } // prettier-ignore
  const names = [
    ...Object.getOwnPropertyNames(Tensor.prototype),
    ...Object.keys(linalg).map((name) => `linalg.${name}`),
    ...Object.keys(fft).map((name) => `fft.${name}`),
  ].filter((name) => !rowNames.includes(name) && !none.includes(name))

  test.each(names)('%s', (name) => {
    const words = gradientRows.flatMap(([title]) => title.split(/[ ,]+/))
    expect(words).toContain(within[name] ?? name)
  })

  test('what is said to have no gradient has none', () => {
    expect(tensor([1, 2]).argsort().dtype).toBe('int32')
    expect(none.filter((name) => rowNames.includes(name))).toEqual([])
  })
})
