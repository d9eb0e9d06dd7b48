/** The arithmetic of shapes and layouts, on its own. */
import { normalizeAxes, normalizeAxis, ShapeError, sizeOf } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collapse, contiguousLayout, makeLayout, sliceLayout } from '../../packages/tensor/src/layout.ts'
import { broadcastShapes, inferReshape, reducedShape } from '../../packages/tensor/src/shape.ts'
import { broadcastShape, indices } from './naive.ts'

const shape = fc.array(fc.constantFrom(0, 1, 1, 2, 3), { maxLength: 4 })

describe('broadcasting', () => {
  test('is the rule of the manual, for any number of shapes, or an error', () => {
    fc.assert(
      fc.property(fc.array(shape, { minLength: 1, maxLength: 4 }), (shapes) => {
        const wanted = broadcastShape(...shapes)
        const got = (): readonly number[] => broadcastShapes('add', shapes)
        return wanted ? JSON.stringify(got()) === JSON.stringify(wanted) : throws(got)
      }),
    )
  })

  test.each([
    [[[2, 3], [3]], [2, 3]],
    [[[0], [1]], [0]],
    [[[2, 1], [1, 3], []], [2, 3]],
  ])('%j gives %j', (shapes, result) => {
    expect(broadcastShapes('add', shapes)).toEqual(result)
  }) // prettier-ignore
})

function throws(f: () => unknown): boolean {
  try {
    f()
  } catch (error) {
    return error instanceof ShapeError
  }
  return false
}

describe('axes', () => {
  test('count from the end when they are negative', () => {
    expect([0, 2, -1, -3].map((axis) => normalizeAxis(axis, 3, 'sum'))).toEqual([0, 2, 2, 0])
  })

  test('come out sorted; none given is all of them', () => {
    expect(normalizeAxes([2, -3], 3, 'sum')).toEqual([0, 2])
    expect(normalizeAxes(-1, 3, 'sum')).toEqual([2])
    expect(normalizeAxes([], 3, 'sum')).toEqual([])
    expect([normalizeAxes(undefined, 2, 'sum'), normalizeAxes(null, 2, 'sum')]).toEqual([[0, 1], [0, 1]]) // prettier-ignore
  })

  test('may be given once only, wherever they stand', () => {
    expect(() => normalizeAxes([0, 2, -3], 3, 'sum')).toThrow('sum: axis 0 is given twice')
  })
})

test.each([
  [[2, 6], [3, -1], [3, 4]],
  [[2, 6], [-1], [12]],
  [[], [-1], [1]],
  [[0, 3], [-1, 3], [0, 3]],
  [[1], [], []],
])('%j reshaped to %j is %j', (from, to, result) => {
  expect(inferReshape(from, to)).toEqual(result)
}) // prettier-ignore

describe('layouts', () => {
  test('are contiguous, or not, by an example', () => {
    expect(makeLayout([2, 3], [3, 1], 4).contiguous).toBe(true)
    expect(makeLayout([2, 1, 3], [3, 9, 1], 0).contiguous).toBe(true)
    expect(makeLayout([2, 3], [1, 2], 0).contiguous).toBe(false)
    expect(makeLayout([2, 0], [5, 5], 0).contiguous).toBe(true)
  })

  test('of a slice without elements start where the array does: within its memory', () => {
    const none = { start: 3, length: 0, step: 1 }
    expect(sliceLayout(contiguousLayout([3, 3], 2), [none, none]).offset).toBe(2)
    expect(
      sliceLayout(contiguousLayout([3, 3], 2), [
        { start: 2, length: 2, step: -1 },
        { ...none, length: 1 },
      ]).offset,
    ).toBe(11)
  })

  test('are contiguous when their elements lie in order without gaps, whatever the strides of axes of length 1', () => {
    fc.assert(
      fc.property(shape, fc.array(fc.constantFrom(0, 1, 2, 3, 6, -1), { minLength: 4, maxLength: 4 }), (lengths, some) => {
        const strides = lengths.map((_, axis) => some[axis])
        const positions = indices(lengths).map((index) => index.reduce((at, i, axis) => at + i * strides[axis], 0))
        const layout = makeLayout(lengths, strides, 0)
        expect(layout.contiguous).toBe(positions.every((at, i) => at === i))
        expect(layout.size).toBe(sizeOf(lengths))
      }),
    )
  })

  test('collapse to fewer axes that walk the same positions in the same order', () => {
    const strides = fc.array(fc.constantFrom(0, 1, 2, 3, 6, -1, -2), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(shape, strides, strides, (lengths, first, second) => {
        const own = [first, second].map((list) => lengths.map((_, axis) => list[axis]))
        const merged = collapse(lengths, own)
        const walk = (over: readonly number[], list: readonly number[]): number[] =>
          indices(over).map((index) => index.reduce((at, i, axis) => at + i * list[axis], 0))
        expect(merged.shape.includes(1)).toBe(false)
        expect(merged.shape.length).toBeLessThanOrEqual(lengths.length)
        for (const [k, list] of own.entries()) expect(walk(merged.shape, merged.strides[k])).toEqual(walk(lengths, list))
      }),
    )
    expect(collapse([2, 3, 4], [[12, 4, 1], [1, 2, 6]])).toEqual({ shape: [2, 3, 4], strides: [[12, 4, 1], [1, 2, 6]] }) // prettier-ignore
    expect(collapse([2, 3, 4], [[12, 4, 1], [24, 8, 2]])).toEqual({ shape: [24], strides: [[1], [2]] }) // prettier-ignore
  })
})

describe('reduction', () => {
  test('leaves axes out, or keeps them with length 1', () => {
    expect(reducedShape([2, 3, 4], [0, 2], false)).toEqual([3])
    expect(reducedShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1])
    expect([reducedShape([2, 3], [], false), reducedShape([2, 3], [], true)]).toEqual([[2, 3], [2, 3]]) // prettier-ignore
  })

  test('a target that is no array is an error', () => {
    expect(() => inferReshape([2], 2 as unknown as number[])).toThrow(
      'reshape: shape must be an array of integers, as [2], got 2',
    )
  })
})
