/**
 * What must hold for every op, dtype and backend, whatever the arrays: the layout of an operand does not show in the result, bit by
 * bit; nor does broadcasting; operands are left as they were; both backends agree on NaN and infinity.
 */
import { ShapeError, setBackend, type DType, type Tensor } from '@typegrad/tensor'
import { anyArray, arrayOf, broadcastable, build, dense, plainOf, type ArrayCase } from '@typegrad/tensor/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allDTypes, numbersFrom } from '../tensor/arrays.ts'
import { backends, onEveryBackend } from '../tensor/backends.ts'
import { runs } from '../tensor/properties.ts'
import { trustedOps, type TrustedOp } from './ops.ts'

/** Arrays that an op takes. */
const operandsOf = ({ operands, elementwise, rank = 0, nonempty }: TrustedOp): fc.Arbitrary<readonly ArrayCase[]> => {
  if (elementwise)
    return broadcastable(operands, 3).chain(({ operands: shapes }) => fc.tuple(...shapes.map((shape) => arrayOf(shape))))
  return anyArray(undefined, 3)
    .filter(({ shape }) => shape.length >= rank && !(nonempty && shape.includes(0)))
    .map((array) => [array])
}

/** The bits of a tensor, as far as they can be told: NaN is one number, 0 and -0 are two. */
const bits = (x: Tensor): string =>
  `${x.dtype} [${x.shape.join()}] ${Array.from(x.toTypedArray(), (v) => (Object.is(v, -0) ? '-0' : v)).join()}`

const isFloat = (x: Tensor): boolean => x.dtype.startsWith('float')

/** What is told about elements that may differ by rounding: which are NaN or infinite. */
const kinds = (x: Tensor): string =>
  `${x.dtype} [${x.shape.join()}] ${Array.from(x.toTypedArray(), (v) => (Number.isFinite(v) ? 'f' : v)).join()}`

const contiguous = (array: ArrayCase, dtype: DType): Tensor => dense(array.shape, plainOf(array, dtype).values, dtype)

/**
 * Elements of every pair that differ by more than rounding explains: where sums cancel, by more than `other` results do, of
 * arrays that differ from the first one's in their last bits.
 */
function apart(a: Tensor, b: Tensor, other: () => Tensor): number[] {
  const [x, y] = [a, b].map((t) => Array.from(t.toTypedArray()))
  if (!isFloat(a)) return x.filter((v, i) => Math.abs(v - y[i]) > 1)
  const size = x.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1e-30)
  const allowed = x.map((v) => 1e-4 * Math.max(Math.abs(v), size))
  const wrong = (): number[] => x.filter((v, i) => Number.isFinite(v) && !(Math.abs(v - y[i]) <= allowed[i]))
  for (let tries = 0; tries < 20 && wrong().length > 0; tries++)
    other()
      .toTypedArray()
      .forEach((v, i) => (allowed[i] = Math.max(allowed[i], 8 * Math.abs(v - x[i]))))
  return wrong()
}

/** The array with its numbers changed by some ulps. */
const nudged = (array: ArrayCase, dtype: DType, random: () => number): ArrayCase => ({
  ...array,
  values: array.values.map((v) => v * (1 + (random() - 0.5) * (dtype === 'float32' ? 2 ** -21 : 2 ** -50))),
})

onEveryBackend((backend) => {
  describe.each(trustedOps)('$name', (op) => {
    test.each(allDTypes.filter((dtype) => backend.dtypes.includes(dtype)))('%s', (dtype) => {
      fc.assert(
        fc.property(operandsOf(op), (arrays) => {
          const strided = arrays.map((array) => build(array, dtype))
          const before = strided.map(bits)
          const y = op.f(...strided)
          const flat = op.f(...arrays.map((array) => contiguous(array, dtype)))
          expect([y.shape, y.dtype]).toEqual([flat.shape, flat.dtype])
          const rounds = isFloat(y) ? op.sums : op.rounds
          const told = rounds ? kinds : bits
          const random = numbersFrom(1)
          const other = (): Tensor => op.f(...arrays.map((array) => build(nudged(array, dtype, random), dtype)))
          expect([told(y), rounds ? apart(y, flat, other) : []]).toEqual([told(flat), []])
          expect(strided.map(bits)).toEqual(before)
          expect(bits(op.f(...strided))).toBe(bits(y))
          if (!op.elementwise || arrays.length === 1) return
          const spread = op.f(...strided.map((x) => dense(y.shape, Array.from(x.broadcastTo(y.shape).toTypedArray()), dtype)))
          expect(bits(spread)).toBe(bits(y))
        }),
        runs(0.15),
      )
    })
  })
})

describe('the backends agree on NaN, infinity, shape and dtype', () => {
  const names = backends.map(({ name }) => name)
  const on = <T>(name: string, f: () => T): T => {
    const before = setBackend(name)
    try {
      return f()
    } finally {
      setBackend(before)
    }
  }
  test.each(trustedOps)('$name', (op) => {
    fc.assert(
      fc.property(operandsOf(op), fc.constantFrom(...allDTypes), (arrays, dtype) => {
        const results = names.map((name) => on(name, () => op.f(...arrays.map((array) => build(array, dtype)))))
        // Near the end of the range one overflows where the other, rounding less or in another order, does not.
        const tame = arrays.every(({ values }) =>
          values.every((v) => !Number.isFinite(v) || v === 0 || (Math.abs(v) < 1e9 && Math.abs(v) > 1e-9)),
        )
        fc.pre(tame || (dtype !== 'float32' && !(op.sums && dtype === 'float64')))
        const told = isFloat(results[0]) || op.rounds ? kinds : bits
        for (const y of results) {
          expect(told(y)).toBe(told(results[0]))
          expect(isFloat(y) ? [] : apart(results[0], y, () => y)).toEqual([])
        }
      }),
      runs(0.5),
    )
  })
})

describe('arrays without elements', () => {
  test.each(trustedOps.filter(({ nonempty }) => nonempty))('$name has no value: a typed error, no hang', ({ f }) => {
    expect(() => f(dense([0], [], 'float32'))).toThrow(Error)
  })
  test('the extremes of nothing are ShapeErrors', () => {
    for (const name of ['max', 'min', 'argmax', 'argmin'] as const)
      expect(() => dense([0], [], 'float32')[name]()).toThrow(ShapeError)
  })
})
