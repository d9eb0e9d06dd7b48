import {
  getDummies,
  LabelEncoder,
  padSequences,
  parseCsv,
  toCategorical,
  vectorizeSequences,
  type PadSequencesOptions,
} from '@typegrad/data'
import { DTypeError, IndexError, tensor, ValueError } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('toCategorical', () => {
  test('one-hot rows', () => {
    const y = toCategorical([0, 2, 1])
    expect(y.dtype).toBe('float32')
    expect(y.toArray()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
    ])
    expect(toCategorical(Int32Array.of(1), 4).toArray()).toEqual([[0, 1, 0, 0]])
    expect(toCategorical(Int32Array.of(1), { numClasses: 3 }).toArray()).toEqual([[0, 1, 0]])
  })

  test('shapes are Keras’', () => {
    expect(toCategorical([[0], [1]]).shape).toEqual([2, 2])
    expect(
      toCategorical([
        [0, 1],
        [2, 0],
      ]).shape,
    ).toEqual([2, 2, 3])
    expect(toCategorical(1, 3).toArray()).toEqual([0, 1, 0])
    expect(toCategorical([]).shape).toEqual([0, 0])
    expect(toCategorical([true, false]).toArray()).toEqual([
      [0, 1],
      [1, 0],
    ])
  })

  test('labels that are no class', () => {
    expect(() => toCategorical([0, 3], 3)).toThrow('toCategorical: label 3 at 1 is not an integer in [0, 3)')
    for (const labels of [[-1], [0.5], [NaN]]) expect(() => toCategorical(labels, 3)).toThrow(ValueError)
    for (const n of [0, -1, 1.5]) expect(() => toCategorical([0], n)).toThrow('numClasses must be a positive integer')
    expect(() => toCategorical([0.5])).toThrow(ValueError)
  })

  test('argmax undoes it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1 }), (labels) => {
        const y = toCategorical(labels)
        expect(y.argmax(-1).toArray()).toEqual(labels)
        expect(y.sum(-1).toArray()).toEqual(labels.map(() => 1))
      }),
    )
  })
})

describe('LabelEncoder', () => {
  test('numbers labels in ascending order', () => {
    const encoder = new LabelEncoder()
    const y = encoder.fitTransform(['b', 'a', 'c', 'a'])
    expect(y.dtype).toBe('int32')
    expect(y.toArray()).toEqual([1, 0, 2, 0])
    expect(encoder.classes).toEqual(['a', 'b', 'c'])
    expect(encoder.inverseTransform(y)).toEqual(['b', 'a', 'c', 'a'])
    expect(new LabelEncoder().fit([10, 9, -1, 100]).classes).toEqual([-1, 9, 10, 100])
    expect(new LabelEncoder().fitTransform(tensor([[3], [1]])).toArray()).toEqual([1, 0])
  })

  test('what it has not seen', () => {
    const encoder = new LabelEncoder()
    expect(() => encoder.transform(['a'])).toThrow('LabelEncoder: transform before fit')
    expect(() => encoder.classes).toThrow(ValueError)
    encoder.fit(['a', 'b'])
    expect(() => encoder.transform(['a', 'toString'])).toThrow('LabelEncoder: label "toString" at 1 was not seen by fit')
    for (const code of [2, -1, 0.5, NaN])
      expect(() => encoder.inverseTransform([code])).toThrow('is not the number of a label, expected 0 to 1')
    expect(() => encoder.fit(['a', 1])).toThrow('mix texts and numbers')
    expect(() => encoder.fit([NaN])).toThrow(ValueError)
    expect(() =>
      encoder.fit(
        tensor([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toThrow('expected one axis')
  })

  test('comes back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(fc.string(), { minLength: 1 }), fc.array(fc.integer(), { minLength: 1 })), (labels) => {
        const encoder = new LabelEncoder()
        expect(encoder.inverseTransform(encoder.fitTransform(labels))).toEqual(labels)
        expect(encoder.classes).toHaveLength(new Set<unknown>(labels).size)
      }),
    )
  })
})

describe('getDummies', () => {
  test('of labels', () => {
    const table = getDummies(['b', 'a', 'b'])
    expect(table.columns).toEqual(['a', 'b'])
    expect(table.toTensor().toArray()).toEqual([
      [0, 1],
      [1, 0],
      [0, 1],
    ])
    expect(getDummies(Float64Array.of(1, 0)).columns).toEqual(['0', '1'])
    expect(getDummies(['b', 'a', 'b'], { dropFirst: true }).columns).toEqual(['b'])
  })

  test('of a table', () => {
    const table = parseCsv('sex,age,city\nm,1,Oslo\nf,2,Rome\nf,3,Oslo')
    expect(getDummies(table).columns).toEqual(['age', 'sex_f', 'sex_m', 'city_Oslo', 'city_Rome'])
    expect(getDummies(table).toTensor().toArray()).toEqual([
      [1, 0, 1, 1, 0],
      [2, 1, 0, 0, 1],
      [3, 1, 0, 1, 0],
    ])
    expect(getDummies(table, { columns: ['age'], dropFirst: true }).columns).toEqual(['sex', 'city', 'age_2', 'age_3'])
  })
})

describe('vectorizeSequences', () => {
  test('multi-hot rows', () => {
    const x = vectorizeSequences([[0, 2, 2], Int32Array.of(3), []], 4)
    expect(x.dtype).toBe('float32')
    expect(x.toArray()).toEqual([
      [1, 0, 1, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ])
    expect(vectorizeSequences([[9999]]).shape).toEqual([1, 10000])
  })

  test('numbers outside', () => {
    expect(() => vectorizeSequences([[1], [2, 4]], 4)).toThrow(
      'vectorizeSequences: row 1 holds 4 at 1, expected an integer in [0, 4)',
    )
    for (const bad of [-1, 0.5, NaN]) expect(() => vectorizeSequences([[bad]], 4)).toThrow(IndexError)
    expect(() => vectorizeSequences([], 0)).toThrow(ValueError)
  })
})

describe('padSequences', () => {
  // The examples of Keras' documentation.
  test.each<[PadSequencesOptions, number[][]]>([
    [
      {},
      [
        [0, 0, 1],
        [0, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      { value: -1 },
      [
        [-1, -1, 1],
        [-1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      { padding: 'post' },
      [
        [1, 0, 0],
        [2, 3, 0],
        [4, 5, 6],
      ],
    ],
    [
      { maxlen: 2 },
      [
        [0, 1],
        [2, 3],
        [5, 6],
      ],
    ],
    [
      { maxlen: 2, truncating: 'post', padding: 'post' },
      [
        [1, 0],
        [2, 3],
        [4, 5],
      ],
    ],
  ])('%o', (options, rows) => {
    const x = padSequences([[1], [2, 3], [4, 5, 6]], options)
    expect(x.dtype).toBe('int32')
    expect(x.toArray()).toEqual(rows)
  })

  test('as a naive model', () => {
    const ends = fc.constantFrom<'pre' | 'post'>('pre', 'post')
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 9 }), { minLength: 1 }),
        fc.nat(10),
        ends,
        ends,
        (sequences, maxlen, padding, truncating) => {
          const model = sequences.map((s) => {
            let row = s
            while (row.length > maxlen) row = truncating === 'pre' ? row.slice(1) : row.slice(0, -1)
            while (row.length < maxlen) row = padding === 'pre' ? [7, ...row] : [...row, 7]
            return row
          })
          const x = padSequences(sequences, { maxlen, padding, truncating, value: 7 })
          expect(x.shape).toEqual([sequences.length, maxlen])
          expect(Array.from(x.toTypedArray())).toEqual(model.flat())
        },
      ),
    )
  })

  test('dtypes and errors', () => {
    expect(padSequences([[0.5]], { dtype: 'float32', maxlen: 2, value: 0.25 }).toArray()).toEqual([[0.25, 0.5]])
    expect(() => padSequences([[1], [0.5]])).toThrow('padSequences: row 1 is or holds 0.5, which int32 cannot hold')
    expect(() => padSequences([[1]], { value: 0.5 })).toThrow(DTypeError)
    expect(() => padSequences([[1]], { maxlen: -1 })).toThrow(ValueError)
    expect(() => padSequences([[1]], { padding: 'left' as 'pre' })).toThrow("padding must be 'pre' or 'post', got 'left'")
    expect(padSequences([]).shape).toEqual([0, 0])
  })
})
