/** GradientTape, as in Keras lessons. */
import { GradientTape, Tape } from '@typegrad/autograd'
import {
  formulaOp,
  GradientError,
  parse,
  apply,
  ShapeError,
  tensor,
  update,
  updateKernel,
  Variable,
  type Tensor,
} from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

const variable = (value: number | number[], options = {}): Variable => new Variable(tensor(value, { dtype: 'float64' }), options)
const arrays = (list: readonly (Tensor | undefined)[]): unknown[] => list.map((t) => t?.toArray())

describe('a tape', () => {
  test('watches trainable variables by itself', () => {
    const [w, b] = [variable([1, 2]), variable(3)]
    const tape = new GradientTape()
    const cost = tape.run(() => w.square().sum().add(b.mul(2)))
    expect(arrays(tape.gradient(cost, [w, b]))).toEqual([[2, 4], 2])
  })

  test('gives one gradient for one source', () => {
    const w = variable(3)
    const tape = new GradientTape()
    const y = tape.run(() => w.square())
    expect(tape.gradient(y, w)?.item()).toBe(6)
  })

  test('gives undefined for what the target does not depend on', () => {
    const [w, other, frozen] = [variable(1), variable(2), variable(3, { trainable: false })]
    const tape = new GradientTape()
    const y = tape.run(() => w.mul(frozen))
    expect(arrays(tape.gradient(y, [w, other, frozen]))).toEqual([3, undefined, undefined])
  })

  test('gives zeros instead, if it is told to', () => {
    const [w, other] = [variable(1), variable([2, 3])]
    const tape = new GradientTape({ persistent: true })
    const y = tape.run(() => w.mul(3))
    const [dw, none] = tape.gradient(y, [w, other], { unconnectedGradients: 'zero' })
    expect([dw.item(), none.toArray()]).toEqual([3, [0, 0]])
    expect(tape.gradient(y, other, { unconnectedGradients: 'zero' }).toArray()).toEqual([0, 0])
    expect(() => tape.gradient(y, w, { unconnectedGradients: 'ones' as 'zero' })).toThrow("'ones', expected 'none' or 'zero'")
  })

  test('watches tensors and frozen variables when it is told to', () => {
    const x = tensor([1, 2])
    const frozen = variable(3, { trainable: false })
    const tape = new GradientTape()
    tape.watch(x)
    tape.watch(frozen)
    const y = tape.run(() => x.square().sum().cast('float64').mul(frozen))
    expect(arrays(tape.gradient(y, [x, frozen]))).toEqual([[6, 12], 5])
  })

  test('watches nothing but what it is told to, if asked', () => {
    const [w, v] = [variable(2), variable(5)]
    const tape = new GradientTape({ watchAccessedVariables: false })
    tape.watch(v)
    const y = tape.run(() => w.mul(v))
    expect(arrays(tape.gradient(y, [w, v]))).toEqual([undefined, 2])
  })

  test('does not record what runs outside of it', () => {
    const w = variable(2)
    const tape = new GradientTape()
    const outside = w.square()
    const y = tape.run(() => outside.mul(w))
    expect(tape.gradient(y, w)?.item()).toBe(4)
  })

  test('records several runs as one', () => {
    const w = variable(2)
    const tape = new GradientTape()
    const a = tape.run(() => w.square())
    const y = tape.run(() => a.mul(3))
    expect(tape.gradient(y, w)?.item()).toBe(12)
  })

  test('the target is summed, or weighted by outputGradients', () => {
    const w = variable([1, 2, 3])
    const tape = new GradientTape({ persistent: true })
    const y = tape.run(() => w.square())
    expect(tape.gradient(y, w)?.toArray()).toEqual([2, 4, 6])
    const outputGradients = tensor([1, 0, -1], { dtype: 'float64' })
    expect(tape.gradient(y, w, { outputGradients })?.toArray()).toEqual([2, 0, -6])
    expect(() => tape.gradient(y, w, { outputGradients: tensor([1]) })).toThrow(ShapeError)
    expect(() => tape.gradient(y, w, { outputGradients: tensor([1]) })).toThrow(
      'GradientTape: outputGradients have shape [1], the target has [3]',
    )
  })

  test('gives gradients of intermediate tensors', () => {
    const w = variable(3)
    const tape = new GradientTape()
    let middle: Tensor | undefined
    const y = tape.run(() => {
      middle = w.square()
      return middle.mul(5)
    })
    expect(arrays(tape.gradient(y, [middle!, w, y]))).toEqual([5, 30, 1])
  })

  test('gives gradients once, and more often if it is persistent', () => {
    const w = variable(3)
    const record = (options: object): (() => unknown) => {
      const tape = new GradientTape(options)
      const y = tape.run(() => w.square())
      return () => tape.gradient(y, w)?.item()
    }
    const [once, often] = [record({}), record({ persistent: true })]
    expect([once(), often(), often()]).toEqual([6, 6, 6])
    expect(once).toThrow(GradientError)
    expect(once).toThrow('gradient() was called already; make the tape with { persistent: true } to call it again')
  })

  test('does not watch integers', () => {
    expect(() => new GradientTape().watch(tensor([1], { dtype: 'int32' }))).toThrow(
      'watch: dtype is int32, only float32 and float64 have gradients',
    )
  })

  test('several targets of one recording', () => {
    const w = variable(2)
    const tape = new GradientTape({ persistent: true })
    const [a, b] = tape.run(() => [w.square(), w.pow(3)])
    expect([tape.gradient(a, w)?.item(), tape.gradient(b, w)?.item()]).toEqual([4, 12])
  })

  test('a source that is given twice', () => {
    const w = variable(2)
    const tape = new GradientTape()
    expect(arrays(tape.gradient(tape.run(() => w.square()), [w, w]))).toEqual([4, 4]) // prettier-ignore
  })
})

describe('variables that are assigned', () => {
  test('between forward and backward: the gradient is that of the old value', () => {
    const w = variable(3)
    const tape = new GradientTape()
    const y = tape.run(() => w.square())
    w.assign(tensor(100, { dtype: 'float64' }))
    expect(tape.gradient(y, w)?.item()).toBe(6)
  })

  test('by an optimizer update too, and views of the old value stay', () => {
    const w = variable([1, 2])
    const tape = new GradientTape()
    const y = tape.run(() => w.reshape([2]).mul(w.flip()).sum())
    update(updateKernel(['w'], [], { w: '0 * w' }), { w }, {})
    expect(tape.gradient(y, w)?.toArray()).toEqual([4, 2])
  })

  test('while the tape records: the gradients by all values are summed', () => {
    const w = variable(3)
    const tape = new GradientTape()
    const y = tape.run(() => {
      const a = w.square()
      w.assign(tensor(5, { dtype: 'float64' }))
      return a.add(w.square())
    })
    expect(tape.gradient(y, w)?.item()).toBe(6 + 10)
  })
})

describe('tapes in tapes', () => {
  test('the outer one differentiates what the inner one computes', () => {
    const w = variable(2)
    const outer = new GradientTape()
    const slope = outer.run(() => {
      const inner = new GradientTape()
      const y = inner.run(() => w.pow(3))
      return inner.gradient(y, w)!
    })
    expect([slope.item(), outer.gradient(slope, w)?.item()]).toEqual([12, 12])
  })

  test('two that lie side by side do not hear each other', () => {
    const w = variable(2)
    const [a, b] = [new GradientTape(), new GradientTape()]
    const x = a.run(() => w.square())
    const y = b.run(() => x.mul(w))
    expect([b.gradient(y, w)?.item(), a.gradient(x, w)?.item()]).toEqual([4, 4])
  })
})

describe('a training loop, as in a lesson', () => {
  test('least squares by gradient descent', () => {
    const x = tensor([0, 1, 2, 3])
    const y = x.mul(2).add(1)
    const [w, b] = [new Variable(tensor(0)), new Variable(tensor(0))]
    const descend = updateKernel(['w'], ['g'], { w: 'w - 0.1 * g' })
    for (let step = 0; step < 300; step++) {
      const tape = new GradientTape()
      const cost = tape.run(() => x.mul(w).add(b).sub(y).square().mean())
      const grads = tape.gradient(cost, [w, b])
      ;[w, b].forEach((v, i) => update(descend, { w: v }, { g: grads[i]! }))
    }
    expect([w.item(), b.item()]).toEqual([expect.closeTo(2, 3), expect.closeTo(1, 3)])
  })
})

test('the engine is blind to ops: a new op with a formula is differentiated at once', () => {
  const cube = formulaOp('cube', ['x'], parse('x * x * x'), 'float', undefined)
  const x = tensor(2, { dtype: 'float64' })
  const tape = new Tape()
  tape.watch(x)
  const y = tape.run(() => apply(cube, [x], undefined))
  expect(tape.depends(y)).toBe(true)
  expect(tape.backward(y, tensor(1, { dtype: 'float64' }), [x])[0]?.item()).toBe(12)
})
