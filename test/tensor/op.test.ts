/** The one interception point: who hears which op. */
import {
  apply,
  broadcastAll,
  formulaOps,
  listen,
  tensor,
  type Tensor,
  unheard,
  Variable,
  without,
  zeros,
  type Listener,
  type Op,
} from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'

/** Runs f, and gives the names of the ops that were heard. */
function heard(f: (listener: Listener) => unknown): string[] {
  const names: string[] = []
  const listener: Listener = (op) => names.push(op.name)
  listen(listener, () => f(listener))
  return names
}

const x = tensor([[1, 2], [3, 4]]) // prettier-ignore

describe('a listener', () => {
  test('hears every op, by name, in order', () => {
    expect(heard(() => x.add(1).relu().transpose().matmul(x).sum())).toEqual(['add', 'relu', 'transpose', 'matmul', 'sum'])
  })

  test('is told of the inputs, the attributes and the output', () => {
    const told: unknown[] = []
    const record: Listener = (op, inputs, attributes, output) => told.push([op.name, inputs, attributes, output])
    const y = listen(record, () => x.sum(1))
    expect(told).toEqual([['sum', [x], { axes: [1], keepdims: false }, y]])
  })

  test('hears the outermost op only', () => {
    const inner: Op<undefined> = {
      name: 'inner',
      infer: ([t]) => ({ shape: t.shape, dtype: t.dtype }),
      run: ([t]) => t.add(1),
    }
    const outer: Op<undefined> = { ...inner, name: 'outer', run: ([t]) => apply(inner, [t.mul(2)], undefined) }
    expect(heard(() => apply(outer, [x], undefined))).toEqual(['outer'])
  })

  test('hears nothing when it is gone, however it went', () => {
    const names = heard(() => x.neg())
    x.abs()
    expect(names).toEqual(['neg'])
    const failing: Listener = () => {
      throw new Error('stop')
    }
    expect(() => listen(failing, () => x.neg())).toThrow('stop')
    expect(() => listen(() => {}, () => x.add(zeros([5])))).toThrow('do not broadcast') // prettier-ignore
    expect(() => x.neg()).not.toThrow()
  })

  test('is not told of an op that fails', () => {
    const names = heard(() => {
      expect(() => x.add(zeros([5]))).toThrow('do not broadcast')
      return x.neg()
    })
    expect(names).toEqual(['neg'])
  })
})

describe('listeners in listeners', () => {
  test('all of them hear', () => {
    let inner: string[] = []
    const outer = heard(() => {
      x.neg()
      inner = heard(() => x.abs())
    })
    expect([outer, inner]).toEqual([['neg', 'abs'], ['abs']])
  })

  test('unheard: none of them', () => {
    expect(heard(() => unheard(() => x.neg()).abs())).toEqual(['abs'])
  })

  test('without: all but one', () => {
    let inner: string[] = []
    const outer = heard(() => {
      inner = heard((listener) => without(listener, () => x.neg()).abs())
    })
    expect([outer, inner]).toEqual([['neg', 'abs'], ['abs']])
  })
})

test('a variable among the inputs stands for its value', () => {
  const v = new Variable(x)
  const told: Tensor[] = []
  const record: Listener = (_, inputs) => told.push(...inputs)
  listen(record, () => v.add(x))
  expect(told).toEqual([v.value, x])
  expect(v.value).not.toBeInstanceOf(Variable)
  expect(v.value.variable).toBe(v)
  expect(v.value).toBe(v.value)
})

test('ops look like their methods', () => {
  expect(apply(formulaOps['add'], [x, x], undefined).toArray()).toEqual(x.add(x).toArray())
})

test('broadcastAll stretches all to one shape', () => {
  const views = broadcastAll([tensor(1), tensor([1, 2]), zeros([3, 1])])
  expect(views.map((t) => t.shape)).toEqual([[3, 2], [3, 2], [3, 2]]) // prettier-ignore
})
