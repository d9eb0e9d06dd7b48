import {
  add,
  Add,
  Average,
  average,
  concatenate,
  Concatenate,
  Dense,
  dot,
  Dot,
  Input,
  Maximum,
  maximum,
  Minimum,
  minimum,
  Multiply,
  multiply,
  Subtract,
  subtract,
  SymbolicTensor,
} from '@typegrad/layers'
import { tensor, zeros } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { conformance, golden, moreOf } from '../conformance.ts'
import { layerConformance, runKerasCase, type KerasCase } from './keras-case.ts'
import { testLayers } from './table.ts'

layerConformance('merging')
conformance('layers: merging, masks and ranks', moreOf(golden<KerasCase>('layers-merging')), runKerasCase)

describe('merging', () => {
  const [a, b] = [tensor([[1, 5], [3, 2]]), tensor([[4, 2], [3, 1]])] // prettier-ignore

  it('functions do what the layers do', () => {
    expect(add([a, b]).toArray()).toEqual([[5, 7], [6, 3]]) // prettier-ignore
    expect(subtract([a, b]).toArray()).toEqual([[-3, 3], [0, 1]]) // prettier-ignore
    expect(multiply([a, b]).toArray()).toEqual([[4, 10], [9, 2]]) // prettier-ignore
    expect(average([a, b]).toArray()).toEqual([[2.5, 3.5], [3, 1.5]]) // prettier-ignore
    expect(maximum([a, b]).toArray()).toEqual([[4, 5], [3, 2]]) // prettier-ignore
    expect(minimum([a, b]).toArray()).toEqual([[1, 2], [3, 1]]) // prettier-ignore
    expect(concatenate([a, b], { axis: 0 }).shape).toEqual([4, 2])
    expect(concatenate([a, b]).shape).toEqual([2, 4])
    expect(dot([a, b]).toArray()).toEqual([[14], [11]])
    expect(dot([a, a], { normalize: true }).toArray()).toEqual([[expect.closeTo(1, 6)], [expect.closeTo(1, 6)]])
    // Arrays of numbers are taken where tensors are.
    expect(add([[[1, 2]], [[3, 4]]]).toArray()).toEqual([[4, 6]])
  })

  it('functions make nodes of a model', () => {
    const x = Input({ shape: [null, 4] })
    const y = new Dense({ units: 4 }).apply(x)
    const sum = add([x, y], { name: 'residual' })
    expect(sum).toBeInstanceOf(SymbolicTensor)
    expect([sum.shape, sum.node!.layer.name, sum.node!.list]).toEqual([[null, null, 4], 'residual', true])
    expect(concatenate([x, y]).shape).toEqual([null, null, 8])
    expect(concatenate([x, y], { axis: 1 }).shape).toEqual([null, null, 4])
  })

  it('infers shapes with unknown lengths', () => {
    const shape = (...shapes: (number | null)[][]): unknown => new Add().computeOutputShape(shapes)
    expect(shape([null, 3, 4], [null, 1, 4])).toEqual([null, 3, 4])
    expect(shape([null, null, 4], [8, 1, 1])).toEqual([8, null, 4])
    expect(shape([null, null, 4], [null, 3, 4])).toEqual([null, null, 4])
    expect(shape([null, 3, 4], [null, 4])).toEqual([null, 3, 4])
    expect(new Dot({ axes: [2, 1] }).computeOutputShape([[null, 7, null], [null, 3, 5]])).toEqual([null, 7, 5]) // prettier-ignore
    expect(new Dot({ axes: 1 }).computeOutputShape([[null, 3], [4, 3]])).toEqual([4, 1]) // prettier-ignore
  })

  it('takes one input, one sample and none', () => {
    expect(new Add().apply([a]).toArray()).toEqual(a.toArray())
    expect(new Concatenate().apply([a]).toArray()).toEqual(a.toArray())
    expect(add([zeros([0, 2]), zeros([0, 2])]).shape).toEqual([0, 2])
    expect(dot([zeros([0, 3, 2]), zeros([0, 4, 2])]).shape).toEqual([0, 3, 4])
    expect(dot([tensor([[1, 2]]), tensor([[3, 4]])]).toArray()).toEqual([[11]])
  })

  it('the cosine with zeros is 0, and its gradient finite', () => {
    expect(dot([zeros([1, 3]), a.slice([0, 1]).pad([[0, 0], [0, 1]])], { normalize: true }).toArray()).toEqual([[0]]) // prettier-ignore
  })

  it('says what does not fit', () => {
    expect(() => new Add().apply([a, zeros([2, 3])])).toThrow('Add: inputs [null, 2] and [null, 3] do not fit at axis 1')
    expect(() => new Add().apply([a, zeros([1, 2])])).toThrow('Add: inputs [2, 2] and [1, 2] do not fit at axis 0')
    expect(() => new Multiply().apply([a, zeros([3, 2])])).toThrow('Multiply: inputs [2, 2] and [3, 2] do not fit at axis 0')
    expect(() => new Add().apply(a)).toThrow('Add: called on one input, expected a list of inputs')
    expect(() => new Subtract().apply([a, b, a])).toThrow('Subtract: called on 3 inputs, expected a list of 2 inputs')
    expect(() => new Concatenate({ axis: 1 }).apply([a, zeros([3, 2])])).toThrow(
      'Concatenate: inputs [2, 2] and [3, 2] must agree everywhere but at axis 1',
    )
    expect(() => new Dot({ axes: 1 }).apply([a, zeros([2, 3])])).toThrow(
      'Dot: inputs [null, 2] and [null, 3], lengths 2 at axis 1 and 3 at axis 1 differ',
    )
    expect(() => new Dot({ axes: 0 }).apply([a, b])).toThrow('Dot: axes 0 name the batch')
    expect(() => new Dot({ axes: [1] as unknown as number })).toThrow('Dot: axes must be an integer or two, got [1]')
  })
})

const two = [
  [3, 4],
  [3, 4],
]

testLayers([
  { name: 'Add', make: (o) => new Add(o), input: two, mask: 'passed', heedsMask: true },
  {
    name: 'Add that broadcasts',
    make: (o) => new Add(o),
    input: [
      [3, 4],
      [1, 4],
    ],
    mask: 'passed',
  },
  { name: 'Subtract', make: (o) => new Subtract(o), input: two, mask: 'passed', heedsMask: true },
  { name: 'Multiply', make: (o) => new Multiply(o), input: [...two, [3, 4]], mask: 'passed', heedsMask: true },
  { name: 'Average', make: (o) => new Average(o), input: two, mask: 'passed', heedsMask: true },
  { name: 'Maximum', make: (o) => new Maximum(o), input: two, mask: 'passed', heedsMask: true },
  { name: 'Minimum', make: (o) => new Minimum(o), input: two, mask: 'passed', heedsMask: true },
  { name: 'Concatenate', make: (o) => new Concatenate(o), input: two, mask: 'passed', heedsMask: true },
  { name: 'Concatenate of steps', make: (o) => new Concatenate({ axis: 1, ...o }), input: two, mask: 'made' },
  { name: 'Dot', make: (o) => new Dot({ axes: 2, ...o }), input: two },
  {
    name: 'Dot of unit vectors',
    make: (o) => new Dot({ axes: [1, 2], normalize: true, ...o }),
    input: [
      [3, 4],
      [2, 3],
    ],
  },
])
