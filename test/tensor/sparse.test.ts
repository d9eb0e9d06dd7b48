/** Sparse matrices against the dense ones that they stand for. */
import { grad } from '@typegrad/autograd'
import {
  compile,
  csr,
  DTypeError,
  IndexError,
  random,
  ShapeError,
  tensor,
  ValueError,
  type SparseTensor,
  type Tensor,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { onEveryBackend, withPrograms } from './backends.ts'
import { runs } from './properties.ts'

/** Rows of [column, value], values none for ones; what to pick of them; the width of the other matrix. */
const cases = fc.integer({ min: 1, max: 12 }).chain((columns) =>
  fc.record({
    columns: fc.constant(columns),
    entries: fc.array(fc.array(fc.nat(columns - 1), { maxLength: 6 }), { maxLength: 6 }),
    weighted: fc.boolean(),
    picked: fc.option(fc.array(fc.nat(100), { maxLength: 7 })),
    width: fc.constantFrom(1, 2, 3, 4, 5, 16, 31, 32, 33, 70),
    seed: fc.nat(1000),
  }),
)

interface Made {
  readonly sparse: SparseTensor
  readonly dense: readonly (readonly number[])[]
  readonly b: Tensor
  readonly c: Tensor
}

function make({ columns, entries, weighted, picked, width, seed }: typeof cases extends fc.Arbitrary<infer C> ? C : never): Made {
  const draw = new random.Generator(seed)
  const indptr = entries.reduce((starts, row) => [...starts, starts.at(-1)! + row.length], [0])
  const values = weighted ? [...draw.normal([indptr.at(-1)!]).toTypedArray()] : undefined
  const whole = csr({ shape: [entries.length, columns], indptr, indices: entries.flat(), ...(values && { values }) })
  const all = entries.map((row, i) => {
    const line = Array.from({ length: columns }, () => 0)
    row.forEach((column, k) => (line[column] += values ? values[indptr[i] + k] : 1))
    return line
  })
  const rows = entries.length > 0 ? picked?.map((n) => n % entries.length) : undefined
  const dense = rows ? rows.map((i) => all[i]) : all
  return {
    sparse: rows ? whole.take(tensor(rows, { dtype: 'int32' })) : whole,
    dense,
    b: draw.normal([columns, width]),
    c: draw.normal([dense.length, width]),
  }
}

const close = (got: Tensor, expected: readonly number[], limit: number): void => {
  const numbers = got.toTypedArray()
  expect(numbers).toHaveLength(expected.length)
  expected.forEach((value, i) => expect(Math.abs(numbers[i] - value)).toBeLessThan(limit * (1 + Math.abs(value))))
}

/** `[m, k] · [k, n]` by three loops, flat. */
const product = (a: readonly (readonly number[])[], b: readonly (readonly number[])[], width: number): number[] =>
  a.flatMap((row) => Array.from({ length: width }, (_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)))

onEveryBackend(
  () =>
    test.each(['float32', 'float64'] as const)('times a dense matrix, and the gradient of that; %s', (dtype) => {
      fc.assert(
        fc.property(cases, (one) => {
          const { sparse, dense, b, c } = make(one)
          const limit = dtype === 'float32' ? 2e-6 : 1e-6
          const [x, right, weights] = [sparse.cast(dtype), b.cast(dtype), c.cast(dtype)]
          const y = x.matmul(right)
          expect([y.shape, y.dtype]).toEqual([[dense.length, one.width], dtype])
          close(y, product(dense, b.toArray(), one.width), limit)
          close(x.toDense(), dense.flat(), limit)
          const turned = b.toArray().map((_: unknown, k: number) => dense.map((row) => row[k]))
          const dy = grad((w: Tensor) => x.matmul(w).mul(weights).sum())(right)
          close(dy, product(turned, c.toArray(), one.width), limit)
        }),
        runs(0.25),
      )
    }),
  withPrograms,
)

describe('sparse matrices', () => {
  const x = csr({ shape: [3, 4], indptr: [0, 2, 2, 3], indices: [0, 3, 1], values: [1, 2, 3] })
  const dense = [[1, 0, 0, 2], [0, 0, 0, 0], [0, 3, 0, 0]] // prettier-ignore

  test('are read, cut and picked from by rows; made of dense ones', () => {
    expect(x.toArray()).toEqual(dense)
    expect(x.slice([1, null]).toArray()).toEqual(dense.slice(1))
    expect(x.slice([null, null, -1]).take([0, 0]).toArray()).toEqual([dense[2], dense[2]])
    expect(x.slice([1, 3]).compact(true).toArray()).toEqual(dense.slice(1))
    expect(csr(tensor(dense)).toArray()).toEqual(dense)
    expect(csr(tensor([], { shape: [2, 0] })).toDense().shape).toEqual([2, 0])
    expect(x.cast('float64').dtype).toBe('float64')
    expect([x.shape, x.nnz, x.rank, x.slice([0, 1]).shape]).toEqual([[3, 4], 3, 2, [1, 4]])
  })

  test('are arguments and results of compiled functions', () => {
    const f = compile((a: SparseTensor, b: Tensor) => ({ y: a.matmul(b).sum(0), a: a.slice([0, 2]) }))
    const { y, a } = f(x, tensor([[1], [1], [1], [1]])) // prettier-ignore
    expect([y.toArray(), a.toArray()]).toEqual([[6], dense.slice(0, 2)])
    f(x.take([2, 2, 0]), tensor([[1], [1], [1], [1]])) // prettier-ignore
    expect(f.traces).toBeLessThanOrEqual(1)
  })

  test('say what is wrong', () => {
    const parts = { shape: [1, 2], indptr: [0, 1], indices: [0] }
    expect(() => csr({ ...parts, indices: [2] })).toThrow(IndexError)
    expect(() => csr({ ...parts, indices: [2] })).toThrow('csr: index 2 (element 0 of the indices) is outside axis 1 of length 2')
    for (const wrong of [[0], [0, 2], [1, 1], [0, -1], [0, 1, 1]])
      expect(() => csr({ ...parts, indptr: wrong })).toThrow(/indptr has .*, expected 2 that go up from 0 to 1/)
    expect(() => csr({ ...parts, indices: [0.5] })).toThrow('csr: indices has 0.5 at 0, expected 32-bit integers')
    expect(() => csr({ ...parts, values: [1, 2] })).toThrow('csr: 2 values for 1 indices')
    expect(() => csr({ ...parts, shape: [1, 1, 2] })).toThrow('csr: shape [1, 1, 2], expected [rows, columns]')
    expect(() => csr(tensor([1, 2]))).toThrow(ShapeError)
    expect(() => x.add(1)).toThrow(ValueError)
    expect(() => x.add(1)).toThrow('a sparse tensor [3, 4] meets an op for dense ones')
    expect(() => x.matmul([[1]])).toThrow('matmul: sparse [3, 4] x [1, 1], expected [4, n] on the right')
    expect(() => tensor([[1, 2, 3]]).matmul(x)).toThrow(ValueError)
    expect(() => x.slice(0)).toThrow('slice: [0] of sparse [3, 4], expected a range of rows')
    expect(() => x.take([0], 1)).toThrow('take: indices [1] along axis 1 of sparse [3, 4], expected a list of rows')
    expect(() => x.take([3])).toThrow(IndexError)
    expect(() => x.cast('int32')).toThrow(DTypeError)
  })
})
