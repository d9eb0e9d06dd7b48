/** Gradients that are given instead of derived, and the check that finds wrong ones. */
import { checkGradients, customGradient, grad } from '@typegrad/autograd'
import { GradientError, tensor, where, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const scalarAt = (value: number): Tensor => tensor(value, { dtype: 'float64' })

describe('customGradient', () => {
  test('uses the gradient that is given', () => {
    const straightThrough = customGradient((x) => ({ value: x.round(), gradient: (dy) => dy }))
    const x = tensor([0.4, 1.6])
    expect(straightThrough(x).toArray()).toEqual([0, 2])
    expect(grad((t) => straightThrough(t).mul([2, 3]).sum())(x).toArray()).toEqual([2, 3])
  })

  test('of several arguments, some of which may have none', () => {
    const f = customGradient((a, b) => ({ value: a.mul(b), gradient: (dy) => [dy.mul(10), undefined] }))
    expect(grad((a, b) => f(a, b), { argnums: [0, 1] })(2, 3).map((t) => t.item())).toEqual([10, 0])
  })

  test('one tensor is the gradient of the first argument', () => {
    const f = customGradient((a, b) => ({ value: a.mul(b), gradient: (dy) => dy.mul(7) }))
    expect(grad((a, b) => f(a, b), { argnums: [0, 1] })(2, 3).map((t) => t.item())).toEqual([7, 0])
  })

  test('may be differentiated again where it is made of its argument', () => {
    const square = customGradient((x) => ({ value: x.square(), gradient: (dy) => dy.mul(x).mul(2) }))
    expect(grad(grad((x) => square(x).mul(x)))(scalarAt(3)).item()).toBe(18)
    checkGradients(square, [[1, -2]], { second: true })
  })

  test('what runs inside is not differentiated', () => {
    const zero = customGradient((x) => ({ value: x.exp(), gradient: (dy) => dy.mul(0) }))
    expect(grad((x) => zero(x).add(x))(1).item()).toBe(1)
  })

  test('returning the argument itself gives a tensor of its own', () => {
    const reversed = customGradient((x) => ({ value: x, gradient: (dy) => dy.neg() }))
    expect(grad((x) => reversed(x).add(x.mul(3)))(1).item()).toBe(2)
  })

  test('each call has its own', () => {
    const scaled = (k: number) => customGradient((x) => ({ value: x, gradient: (dy) => dy.mul(k) }))
    expect(grad((x) => scaled(2)(x).add(scaled(5)(x)))(1).item()).toBe(7)
    const f = customGradient((x) => ({ value: x.square(), gradient: (dy) => dy.mul(x) }))
    expect(grad((x) => f(x).add(f(x.mul(10))))(scalarAt(1)).item()).toBe(1 + 100)
  })

  test('a gradient of another shape is an error', () => {
    const wrong = customGradient((x) => ({ value: x.sum(), gradient: (dy) => dy }))
    expect(() => grad((x) => wrong(x))([1, 2])).toThrow(
      'customGradient: the gradient of argument 0 has shape [], the argument [2]',
    )
  })
})

describe('checkGradients', () => {
  test('returns the worst error of a right gradient', () => {
    expect(checkGradients((x) => x.sin().mul(x.exp()), [[0.3, -1.2, 2]], { second: true })).toBeLessThan(1e-8)
    expect(checkGradients((a, b) => a.matmul(b), [[[1, 2]], [[3], [4]]], { second: true })).toBeLessThan(1e-8)
    expect(checkGradients((x) => x.sum(), [[]])).toBe(0)
  })

  const wrong: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    'a wrong factor': customGradient((x) => ({ value: x.square(), gradient: (dy) => dy.mul(x) })),
    'a wrong sign': customGradient((x) => ({ value: x.cos(), gradient: (dy) => dy.mul(x.sin()) })),
    'a factor that is off by one millionth': customGradient((x) => ({ value: x.mul(3), gradient: (dy) => dy.mul(3.00001) })),
    'a forgotten dy': customGradient((x) => ({ value: x.mul(3), gradient: (dy) => dy.onesLike().mul(3) })),
    'a gradient that is right in sum only': customGradient((x) => ({ value: x.mul(2), gradient: (dy) => dy.flip().mul(2) })),
    'a NaN': customGradient((x) => ({ value: x.abs(), gradient: (dy) => dy.mul(x).div(x.sub(x)) })),
    'nothing at all': (x) => x.stopGradient().square(),
  }

  test.each(Object.entries(wrong))('finds %s', (_, f) => {
    expect(() => checkGradients(f, [[0.5, 1.5, -2]])).toThrow(GradientError)
  })

  test('names the argument and the element', () => {
    const half = customGradient((a, b) => ({ value: a.add(b.square()), gradient: (dy) => [dy, dy.mul(b)] }))
    expect(() =>
      checkGradients(half, [
        [1, 2],
        [0, 3],
      ]),
    ).toThrow(
      // prettier-ignore
      /^checkGradients: argument 1, element 1 \(at 3\): the gradient is 3\.35\d+, differences give 6\.7\d+$/,
    )
  })

  test('finds a gradient that is right, but not differentiable', () => {
    const frozen = customGradient((x) => ({ value: x.pow(3), gradient: (dy) => dy.mul(x.stopGradient().square()).mul(3) }))
    expect(checkGradients(frozen, [[0.5, 2]])).toBeLessThan(1e-8)
    expect(() => checkGradients(frozen, [[0.5, 2]], { second: true })).toThrow(GradientError)
  })

  test('the tolerance is that of the caller', () => {
    const nearly = customGradient((x) => ({ value: x.mul(1), gradient: (dy) => dy.mul(1.001) }))
    expect(checkGradients(nearly, [[1]], { tolerance: 1e-2 })).toBeGreaterThan(1e-4)
    expect(() => checkGradients(nearly, [[1]])).toThrow(GradientError)
  })

  test('at a kink the differences disagree', () => {
    expect(() => checkGradients((x) => where(x.greater(0), x, 0), [[0]])).toThrow(GradientError)
  })
})
