/**
 * Gradients where there is no derivative: at kinks, holes, ties and infinities. A documented number, and never a NaN that
 * spreads from an element that does not count.
 */
import { grad } from '@typegrad/autograd'
import { concat, tensor, where, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { onEveryBackend } from '../tensor/backends.ts'

type Row = readonly [name: string, f: (x: Tensor) => Tensor, at: readonly number[], gradient: readonly number[]]

/** The gradient of the sum of f at a vector. */
const slopes = (f: (x: Tensor) => Tensor, at: readonly number[], dtype: 'float32' | 'float64' = 'float64'): number[] =>
  grad((x) => f(x).sum())(tensor([...at], { dtype })).toArray() as number[]

const mask = tensor([true, false, true])
const { SQRT1_2 } = Math

const tables: Readonly<Record<string, readonly Row[]>> = {
  kinks: [
    ['abs at 0: 0', (x) => x.abs(), [0, -0, 2, -2], [0, -0, 1, -1]],
    ['relu at 0: 0', (x) => x.relu(), [0, -0, 1, -1], [0, 0, 1, 0]],
    ['relu6 at 0 and 6: 0', (x) => x.relu6(), [0, 6, 3, 7], [0, 0, 1, 0]],
    ['leakyRelu at 0: the slope of the left side', (x) => x.leakyRelu({ negativeSlope: 0.1 }), [0, 1], [0.1, 1]],
    ['elu at 0: alpha', (x) => x.elu({ alpha: 2 }), [0], [2]],
    ['celu at 0: 1', (x) => x.celu({ alpha: 2 }), [0], [1]],
    ['hardTanh at ±1: 0', (x) => x.hardTanh(), [-1, 1, 0.5], [0, 0, 1]],
    ['hardSigmoid at ±3: 0', (x) => x.hardSigmoid(), [-3, 3], [0, 0]],
    ['hardSilu at -3: 0, at 3: 1', (x) => x.hardSilu(), [-3, 3], [0, 1]],
    ['hardShrink at ±threshold: 0', (x) => x.hardShrink(), [-0.5, 0.5, 1], [0, 0, 1]],
    ['softShrink at ±threshold: 0', (x) => x.softShrink(), [-0.5, 0.5, 1], [0, 0, 1]],
    ['threshold at the threshold: 0', (x) => x.threshold({ threshold: 1, value: 5 }), [1, 2], [0, 1]],
    ['clip at the bounds: 1', (x) => x.clip(-1, 1), [-1, 1, 2, -2], [1, 1, 0, 0]],
    ['sign and floor: 0', (x) => x.sign().add(x.floor()), [0, 0.5, 1], [0, 0, 0]],
    ['softsign at 0: 1', (x) => x.softsign(), [0], [1]],
  ],
  'holes of sqrt, norm and std': [
    ['sqrt at 0: 0', (x) => x.sqrt(), [0, -0, 4], [0, 0, 0.25]],
    ['norm of zeros: 0', (x) => x.norm(), [0, 0, 0], [0, 0, 0]],
    ['norm of 1e-19, 1e-30, 1e-150: x / |x|', (x) => x.reshape([-1, 1]).norm(1), [1e-19, -1e-30, 1e-150], [1, -1, 1]],
    ['std of constants: 0', (x) => x.std(), [3, 3, 3], [0, 0, 0]],
    ['std of one number: 0', (x) => x.std(), [7], [0]],
    ['variance of constants: 0', (x) => x.variance(), [1e8, 1e8], [0, 0]],
    ['a vector over its norm, guarded, at 0', (x) => where(x.norm().greater(0), x.div(x.norm()), 0), [0, 0], [0, 0]],
  ],
  'the side of where that is not taken': [
    ['sqrt', (x) => where(x.greater(0), x.sqrt(), x), [-1, 0, 4], [1, 1, 0.25]],
    ['log', (x) => where(x.greater(0), x.log(), 0), [-1, 0, 2], [0, 0, 0.5]],
    ['log1p', (x) => where(x.greater(-1), x.log1p(), 0), [-1, 1], [0, 0.5]],
    ['1 / x', (x) => where(x.equal(0), 0, x.reciprocal()), [0, 2], [0, -0.25]],
    ['division', (x) => where(x.equal(0), 1, x.sin().div(x)), [0], [0]],
    ['rsqrt', (x) => where(x.greater(0), x.rsqrt(), 0), [0, 4], [0, -1 / 16]],
    ['pow', (x) => where(x.greater(0), x.pow(-0.5), 0), [0, 4], [0, -1 / 16]],
    ['arcsin', (x) => where(x.abs().less(1), x.arcsin(), 0), [1, 0], [0, 1]],
    ['norm', (x) => where(x.abs().sum().greater(0), x.norm(), 0), [0, 0], [0, 0]],
    ['NaN under a mask', (x) => where(mask, x, 0), [1, NaN, 2], [1, 0, 1]],
    ['the logarithm of a masked NaN', (x) => where(mask, x, 1).log(), [1, NaN, 2], [1, 0, 0.5]],
  ],
  powers: [
    ['x⁰: 0', (x) => x.pow(0), [0, 3, -3], [0, 0, 0]],
    ['x¹: 1', (x) => x.pow(1), [0, -2], [1, 1]],
    ['x²: 2x', (x) => x.pow(2), [0, -3], [0, -6]],
    ['x³: 3x²', (x) => x.pow(3), [0, -2], [0, 12]],
    ['x⁻¹: -x⁻²', (x) => x.pow(-1), [2, -2], [-0.25, -0.25]],
    ['x^½: infinite at 0, as it is', (x) => x.pow(0.5), [0, 4], [Infinity, 0.25]],
    ['0^b: 0 by b', (x) => tensor(0, { dtype: 'float64' }).pow(x), [0, 1, 2], [0, 0, 0]],
    ['the second derivative of x² by pow: 2', (x) => grad((t) => t.pow(2).sum())(x), [0, -3], [2, 2]],
    ['the second derivative of x³ by pow: 6x', (x) => grad((t) => t.pow(3).sum())(x), [0, -3], [0, -18]],
    ['the second derivative of x¹ by pow: 0', (x) => grad((t) => t.pow(1).sum())(x), [0, 5], [0, 0]],
    ['a · log b at a = 0: nothing flows to b', (x) => tensor(0, { dtype: 'float64' }).xlogy(x), [0, 1], [0, 0]],
    ['the angle of the point (0, 0): 0', (x) => x.arctan2(x), [0], [0]],
  ],
  'products with zeros': [
    ['one zero', (x) => x.prod(), [2, 0, 3, 4], [0, 24, 0, 0]],
    ['two zeros', (x) => x.prod(), [2, 0, 0, 3], [0, 0, 0, 0]],
    ['one factor', (x) => x.prod(), [0], [1]],
    ['one infinite factor', (x) => x.prod(), [Infinity], [1]],
    ['running, the first zero', (x) => x.cumprod(), [0, 2, 3], [9, 0, 0]],
    ['running, a zero inside', (x) => x.cumprod(), [2, 0, 3], [1, 8, 0]],
    ['running, exclusive', (x) => x.cumprod(0, { exclusive: true }), [0, 2, 3], [3, 0, 0]],
    ['running, one element, exclusive', (x) => x.cumprod(0, { exclusive: true }), [Infinity], [0]],
  ],
  ties: [
    ['max shares among those that attain it', (x) => x.max(), [3, 1, 3, 3], [1 / 3, 0, 1 / 3, 1 / 3]],
    ['min too', (x) => x.min(), [0, 1, -0], [0.5, 0, 0.5]],
    ['maximum: a half each', (x) => x.maximum(1), [1, 2, 0], [0.5, 1, 0]],
    ['minimum: a half each', (x) => x.minimum(1), [1, 2, 0], [0.5, 0, 1]],
    ['sort keeps the order of ties', (x) => x.sort().mul([1, 2, 3]), [5, 5, 1], [2, 3, 1]],
    ['topk takes the first of ties', (x) => x.topk(1).values, [5, 5, 1], [1, 0, 0]],
    ['maximum of a tensor with itself', (x) => x.maximum(x), [1, -1], [1, 1]],
  ],
  saturation: [
    ['sigmoid', (x) => x.sigmoid(), [-Infinity, -1e4, 1e4, Infinity], [0, 0, 0, 0]],
    ['logSigmoid', (x) => x.logSigmoid(), [-Infinity, -1e4, 1e4, Infinity], [1, 1, 0, 0]],
    ['softplus', (x) => x.softplus(), [-Infinity, -1e4, 1e4, Infinity], [0, 0, 1, 1]],
    ['tanh', (x) => x.tanh(), [-Infinity, -1e4, 1e4, Infinity], [0, 0, 0, 0]],
    ['silu', (x) => x.silu(), [-1e4, 1e4], [-0, 1]],
    ['gelu', (x) => x.gelu(), [-1e4, 1e4], [0, 1]],
    ['geluTanh', (x) => x.geluTanh(), [-1e4, 1e4], [0, 1]],
    ['mish', (x) => x.mish(), [-1e4, 1e4], [0, 1]],
    ['erf', (x) => x.erf(), [-Infinity, 1e4], [0, 0]],
    ['logaddexp of equal infinities: a half', (x) => x.logaddexp(-Infinity), [-Infinity, 0], [0.5, 1]],
  ],
  'softmax and its relatives': [
    ['a line of only -∞ has the gradient 0', (x) => x.softmax().mul([1, 2]), [-Infinity, -Infinity], [0, 0]],
    ['a masked score of 1e30 does not reach the gradient', (x) => where(mask, x, -Infinity).softmax().slice(0), [0, 1e30, 0], [0.25, 0, -0.25]],
    ['logsumexp of huge numbers', (x) => x.logsumexp(), [1e300, 1e300], [0.5, 0.5]],
    ['logsumexp of -∞ and a number', (x) => x.logsumexp(), [-Infinity, 0], [0, 1]],
    ['logsumexp of only -∞: 0', (x) => x.logsumexp(), [-Infinity, -Infinity], [0, 0]],
    ['logSoftmax of a far-off score', (x) => x.logSoftmax().slice(0), [0, -1e5], [0, -0]],
  ],
} // prettier-ignore

onEveryBackend(() => {
  describe.each(Object.entries(tables))('%s', (_, rows) => {
    test.each(rows)('%s', (__, f, at, gradient) => {
      // 0 and -0 are one gradient.
      expect(slopes(f, at).map((x) => x + 0)).toEqual(gradient.map((x) => expect.closeTo(x + 0, 12)))
    })
  })

  test('float32: tiny numbers do not make the gradient of a norm or of a root infinite', () => {
    const x = [1e-19, 1e-30, 1e-40, 2 ** -149]
    expect(slopes((t) => t.reshape([-1, 1]).norm(1), x, 'float32')).toEqual([1, 1, 1, 1])
    expect(slopes((t) => t.sqrt(), x, 'float32').every(Number.isFinite)).toBe(true)
    expect(slopes((t) => concat([t, t]).norm(), [1e-19], 'float32')[0]).toBeCloseTo(2 * SQRT1_2, 5)
  })
})
