/** grad, valueAndGrad and vjp: derivatives as functions. */
import { grad, valueAndGrad, vjp } from '@typegrad/autograd'
import { arange, concat, GradientError, ShapeError, tensor, Variable, where, zeros, type Tensor } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const vector = (...values: number[]): Tensor => tensor(values, { dtype: 'float64' })
const scalarAt = (value: number): Tensor => tensor(value, { dtype: 'float64' })

describe('grad', () => {
  test('is the derivative of a scalar function, as a function', () => {
    const slope = grad((w) => w.square().mul(3).sum())
    expect(slope(tensor([1, 2, 3])).toArray()).toEqual([6, 12, 18])
  })

  test('takes whatever a tensor is made of', () => {
    expect(grad((x) => x.square())(3).item()).toBe(6)
    expect(grad((x) => x.square().sum())([[1, 2]]).toArray()).toEqual([[2, 4]])
    expect(grad((x) => x.square().sum())(Float64Array.of(0.1)).toArray()).toEqual([0.2])
  })

  test('with respect to the first argument, another, or several', () => {
    const f = (a: Tensor, b: Tensor): Tensor => a.mul(b).mul(b).sum()
    const [a, b] = [vector(2), vector(5)]
    expect(grad(f)(a, b).toArray()).toEqual([25])
    expect(grad(f, { argnums: 1 })(a, b).toArray()).toEqual([20])
    expect(grad(f, { argnums: [1, 0, 1] })(a, b).map((t) => t.toArray())).toEqual([[20], [25], [20]])
  })

  test('the gradient has the shape and dtype of the argument', () => {
    const dx = grad((x) => x.cast('float64').mul(vector(1, 2)).sum())(tensor([[1], [1], [1]]))
    expect([dx.shape, dx.dtype]).toEqual([[3, 1], 'float32'])
    expect(dx.toArray()).toEqual([[3], [3], [3]])
  })

  test.each<[string, (a: Tensor, b: Tensor) => Tensor]>([
    ['add', (a, b) => a.add(b)],
    ['mul', (a, b) => a.mul(b)],
    ['pow', (a, b) => a.pow(b)],
    ['maximum', (a, b) => a.maximum(b)],
    ['where', (a, b) => where(tensor([[true], [false]]), a, b)],
    ['matmul', (a, b) => a.matmul(b)],
    ['concat', (a, b) => concat([a, b])],
  ])('of operands of two dtypes each has a gradient of its own dtype: %s', (_, f) => {
    const [a, b] = [tensor([[1, 2], [3, 4]]), tensor([[4, 3], [2, 1]], { dtype: 'float64' })] // prettier-ignore
    const grads = grad((x, y) => f(x, y).square().sum(), { argnums: [0, 1] })(a, b)
    expect(grads.map((t) => t.dtype)).toEqual(['float32', 'float64'])
  })

  test('an argument that is not used, or that nothing flows to, has the gradient 0', () => {
    expect(grad((a) => a.sum(), { argnums: [0, 1] })(vector(1, 2), vector(3)).map((t) => t.toArray())).toEqual([[1, 1], [0]])
    expect(grad((x) => x.round().sum())(vector(1.2, 3)).toArray()).toEqual([0, 0])
    expect(grad((x) => x.greater(0).cast('float64').sum())(vector(1)).toArray()).toEqual([0])
    expect(grad(() => tensor(1))(vector(1, 2)).toArray()).toEqual([0, 0])
  })

  test('an argument that is the result', () => {
    expect(grad((x) => x)(5).item()).toBe(1)
  })

  test('an argument that is used several times', () => {
    expect(grad((x) => x.mul(x))(scalarAt(3)).item()).toBe(6)
    expect(grad((x) => x.mul(x).mul(x).add(x))(scalarAt(3)).item()).toBe(28)
    expect(grad((x) => x.matmul(x.transpose()).sum())([[1, 2], [3, 4]]).toArray()).toEqual([[8, 12], [8, 12]]) // prettier-ignore
    expect(grad((x) => concat([x, x, x.mul(2)]).sum())([1]).toArray()).toEqual([4])
    expect(grad((x) => x.where(x, x).sum())(vector(2, -2)).toArray()).toEqual([1, 1])
  })

  test('the same tensor as two arguments: each has its own gradient', () => {
    const x = vector(3)
    const grads = grad((a, b) => a.mul(b).mul(b).sum(), { argnums: [0, 1] })(x, x)
    expect(grads.map((t) => t.toArray())).toEqual([[9], [18]])
  })

  test('views of the argument', () => {
    const f = (x: Tensor): Tensor =>
      x
        .slice([null, null, -1])
        .mul(vector(1, 2, 3))
        .add(x.flip())
        .slice([0, 2])
        .sum()
    expect(grad(f)(vector(5, 6, 7)).toArray()).toEqual([0, 3, 2])
  })

  test('integers choose, and have no gradient', () => {
    const f = (x: Tensor, i: Tensor): Tensor => x.take(i).square().sum()
    const index = tensor([2, 0, 2], { dtype: 'int32' })
    expect(grad(f)(vector(1, 2, 3), index).toArray()).toEqual([2, 0, 12])
    expect(() => grad(f, { argnums: 1 })(vector(1, 2, 3), index)).toThrow(
      new GradientError('grad: argument 1 is int32, only float32 and float64 have gradients', { argument: 1, dtype: 'int32' }),
    )
  })

  test('stopGradient makes a constant', () => {
    expect(grad((x) => x.stopGradient().mul(x))(scalarAt(3)).item()).toBe(3)
    expect(grad((x) => x.square().stopGradient().add(x))(scalarAt(3)).item()).toBe(1)
    expect(grad((x) => x.stopGradient())(scalarAt(3)).item()).toBe(0)
  })

  test('ordinary control flow: what ran is what is differentiated', () => {
    const power = (x: Tensor, n: number): Tensor => (n === 0 ? x.onesLike() : x.mul(power(x, n - 1)))
    expect(grad((x) => power(x, 5))(scalarAt(2)).item()).toBe(80)
    const f = grad((x) => (x.item() > 0 ? x.square() : x.neg()))
    expect([f(3).item(), f(-3).item()]).toEqual([6, -1])
  })

  test('a long chain does not overflow the stack', () => {
    const f = (x: Tensor): Tensor => {
      let y = x
      for (let i = 0; i < 5000; i++) y = y.add(1)
      return y
    }
    expect(grad(f)(1).item()).toBe(1)
  })

  test.each<[string, () => unknown, new (message: string) => Error]>([
    ['grad needs a scalar, got shape [32]: reduce it with sum() or mean()', () => grad((x) => x)(zeros([32])), ShapeError],
    [
      'valueAndGrad needs a scalar, got shape [2]: reduce it with sum() or mean()',
      () => valueAndGrad((x) => x)(zeros([2])),
      ShapeError,
    ],
    [
      'grad: the value is int32, only float32 and float64 have gradients',
      () => grad((x) => x.argmax())(zeros([3])),
      GradientError,
    ],
    ['grad: the function must return a tensor, got number', () => grad(() => 3 as unknown as Tensor)(1), GradientError],
    ['grad: the gradient of argument 2 is asked for, but the call has 1', () => grad((x) => x, { argnums: 2 })(1), GradientError],
    ['vjp: the pullback got shape [2], the value has [3]', () => vjp((x) => x, zeros([3])).pullback(zeros([2])), ShapeError],
  ])('%s', (message, call, error) => {
    expect(call).toThrow(message)
    expect(call).toThrow(error)
  })

  test('after an error inside of the function, nothing listens any more', () => {
    const seen: Tensor[] = []
    expect(() =>
      grad((x) => {
        seen.push(x)
        throw new Error('stop')
      })(1),
    ).toThrow('stop')
    expect(grad((x) => x.add(seen[0]))(2).item()).toBe(1)
  })
})

describe('derivatives of derivatives', () => {
  test('of x⁴: 4x³, 12x², 24x, 24, 0', () => {
    let f = (x: Tensor): Tensor => x.square().square()
    const values: number[] = []
    for (let order = 0; order < 5; order++) {
      f = grad(f)
      values.push(f(scalarAt(2)).item())
    }
    expect(values).toEqual([32, 48, 48, 24, 0])
  })

  test('of sin: cos, -sin, -cos, sin', () => {
    let f = (x: Tensor): Tensor => x.sin()
    const values: number[] = []
    for (let order = 0; order < 4; order++) {
      f = grad(f)
      values.push(f(scalarAt(0.5)).item())
    }
    const [s, c] = [Math.sin(0.5), Math.cos(0.5)]
    expect(values).toEqual([c, -s, -c, s].map((x) => expect.closeTo(x, 14)))
  })

  test('the closure of an outer variable is not confused with the inner one', () => {
    // d/dx [x · d/dy (x + y)] = 1, and not 2 (Siskind and Pearlmutter, "Perturbation confusion", 2005).
    expect(grad((x) => x.mul(grad((y) => x.add(y))(1)))(1).item()).toBe(1)
    // d/dx [x · d/dy (x · y²)] at y = 3 is d/dx [x · 6x] = 12x.
    expect(grad((x) => x.mul(grad((y) => x.mul(y).mul(y))(3)))(scalarAt(2)).item()).toBe(24)
    // The same tensor inside and outside.
    const x = scalarAt(2)
    expect(grad((a) => a.mul(grad((b) => a.mul(b))(x)))(x).item()).toBe(4)
  })

  test('three levels', () => {
    // f = x·y·z², by z, then y, then x, at (2, 3, 5): 2z = 10.
    const byZ = (x: Tensor, y: Tensor): Tensor => grad((z) => x.mul(y).mul(z).mul(z))(scalarAt(5))
    const byY = (x: Tensor): Tensor => grad((y) => byZ(x, y))(scalarAt(3))
    expect(grad(byY)(scalarAt(2)).item()).toBe(10)
  })

  test('a Hessian, row by row', () => {
    const f = (x: Tensor): Tensor => x.slice(0).square().mul(x.slice(1)).add(x.slice(1).pow(3))
    const row = (i: number): unknown => grad((x) => grad(f)(x).slice(i))(vector(2, 3)).toArray()
    expect([row(0), row(1)]).toEqual([[6, 4], [4, 18]]) // prettier-ignore
  })

  test('a gradient penalty: the norm of a gradient is differentiated by other weights', () => {
    const penalty = (w: Tensor): Tensor =>
      grad((x) => x.mul(w).square().sum())(vector(1, 2))
        .square()
        .sum()
    // The gradient is 2w²x, so that the penalty is Σ 4w⁴x², and its derivative 16w³x².
    expect(grad(penalty)(vector(1, 3)).toArray()).toEqual([16, 16 * 27 * 4])
  })

  test('the gradient of a gradient that does not depend on the argument is 0', () => {
    expect(grad((x) => grad((y) => y.mul(3))(x))(scalarAt(2)).item()).toBe(0)
  })
})

describe('valueAndGrad', () => {
  test('gives the value and the gradients of all arguments', () => {
    const { value, grads } = valueAndGrad((a, b) => a.mul(b).sum())(vector(1, 2), vector(3, 4))
    expect(value.item()).toBe(11)
    expect(grads.map((t) => t.toArray())).toEqual([[3, 4], [1, 2]]) // prettier-ignore
  })

  test('or of variables that the function reads', () => {
    const [w, b, unused] = [new Variable(vector(2)), new Variable(vector(1)), new Variable(vector(9, 9))]
    const { value, grads } = valueAndGrad(() => w.square().add(b).sum(), [w, b, unused])
    expect(value.item()).toBe(5)
    expect(grads.map((t) => t.toArray())).toEqual([[4], [1], [0, 0]])
  })

  test('variables that are not asked for are constants, and frozen ones may be asked for', () => {
    const [w, v] = [new Variable(vector(2)), new Variable(vector(3), { trainable: false })]
    expect(valueAndGrad(() => w.mul(v).sum(), [v]).grads.map((t) => t.toArray())).toEqual([[2]])
  })

  test('the loss may be a reduction to [1, 1]', () => {
    expect(valueAndGrad((x) => x.sum(null, { keepdims: true }))([[1, 2]]).grads[0].toArray()).toEqual([[1, 1]])
  })

  test('integers among the arguments have zeros', () => {
    const { grads } = valueAndGrad((x, i) => x.take(i).sum())(vector(1, 2), tensor([1], { dtype: 'int32' }))
    expect(grads.map((t) => t.toArray())).toEqual([[0, 1], [0]])
  })
})

describe('vjp', () => {
  test('the value, and the pullback of gradients of it', () => {
    const { value, pullback } = vjp((a, b) => a.matmul(b), [[1, 2]], [[3], [4]])
    expect(value.toArray()).toEqual([[11]])
    expect(pullback([[10]]).map((t) => t.toArray())).toEqual([[[30, 40]], [[10], [20]]])
    expect(pullback([[1]]).map((t) => t.toArray())).toEqual([[[3, 4]], [[1], [2]]])
  })

  test('the rows of a Jacobian', () => {
    const { pullback } = vjp((x) => x.cumsum(), vector(1, 2, 3))
    expect([0, 1, 2].map((i) => pullback(arange(3, { dtype: 'float64' }).equal(i).cast('float64'))[0].toArray())).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ])
  })

  test('the pullback is differentiable', () => {
    const f = grad((x) =>
      vjp((y) => y.pow(3), x)
        .pullback(1)[0]
        .sum(),
    )
    expect(f(scalarAt(2)).item()).toBe(12)
  })
})
