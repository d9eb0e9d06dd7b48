/** Every row of the table of reductions, and the composites of them, against the obvious loops. */
import { checkGradients } from '@typegrad/autograd'
import { full, reductions, ShapeError, tensor, zeros, type DType, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyArray,
  arrayOf,
  build,
  calmValue,
  dtype,
  floatDType,
  naiveOf,
  read,
  store,
  tameValue,
  unitValue,
  type ArrayCase,
} from './arrays.ts'
import { isPlain, needs, onEveryBackend, withPrograms } from './backends.ts'
import { expectClose } from './close.ts'
import { groups, Naive } from './naive.ts'
import { runs } from './properties.ts'
import { reductionReference } from './reference.ts'

type Reduce = (axes?: number | readonly number[] | null, options?: { keepdims?: boolean; ddof?: number }) => Tensor
const method = (x: Tensor, name: string): Reduce => (x as unknown as Record<string, Reduce>)[name].bind(x)

/** Axes as a user may give them: none, one, several, negative ones too. */
const axesOf = (rank: number): fc.Arbitrary<number | number[] | null | undefined> =>
  rank === 0
    ? fc.constantFrom(undefined, null, [])
    : fc.oneof(
        fc.constantFrom(undefined, null),
        fc.integer({ min: -rank, max: rank - 1 }),
        fc
          .shuffledSubarray([...Array.from({ length: rank }).keys()])
          .map((axes) => axes.map((axis, i) => (i % 2 ? axis - rank : axis))),
      )

const listAxes = (axes: number | readonly number[] | null | undefined, rank: number): number[] =>
  (axes === undefined || axes === null ? [...Array.from({ length: rank }).keys()] : [axes].flat()).map(
    (axis) => (axis + rank) % rank,
  )

const reductionCase = (value: fc.Arbitrary<number> = calmValue, maxRank = 4) =>
  anyArray(value, maxRank).chain((array) =>
    fc.record({ array: fc.constant(array), axes: axesOf(array.shape.length), keepdims: fc.boolean() }),
  )

/** The naive result: `f` of the elements that each element is made of. */
function reduceNaive(x: Naive, axes: readonly number[], keepdims: boolean, f: (list: readonly number[]) => number): Naive {
  const shape = x.shape.flatMap((length, axis) => (axes.includes(axis) ? (keepdims ? [1] : []) : [length]))
  return new Naive(
    shape,
    groups(x, axes).map(({ members }) => f(members)),
  )
}

const resultDType: Readonly<Record<string, (type: DType) => DType>> = {
  sum: (type) => (type === 'bool' || type === 'uint8' ? 'int32' : type),
  same: (type) => type,
  float: (type) => (type.startsWith('float') ? type : 'float32'),
  bool: () => 'bool',
}

/** f of absolute values: what rounding errors of a sum are relative to. */
const sizes = (x: Naive, axes: readonly number[], f: (list: readonly number[]) => number): number[] =>
  groups(x, axes).map(({ members }) => f(members.filter(Number.isFinite).map(Math.abs)))

/** Whether a product is the same in any order: an infinity times one that underflows may be NaN or not. */
const ordered = (list: readonly number[], type: DType): boolean =>
  list.every(Number.isFinite) || list.includes(0) || list.filter(Number.isFinite).reduce((a, b) => store(a * b, type), 1) !== 0

onEveryBackend((backend) => {
  describe.each(Object.entries(reductions))('%s', (name, row: (typeof reductions)[keyof typeof reductions]) => {
    const nonempty = 'nonempty' in row
    const isEmpty = (array: ArrayCase, axes: readonly number[]): boolean => axes.some((axis) => array.shape[axis] === 0)

    test('values: all dtypes, shapes, layouts and axes', async () => {
      await fc.assert(
        fc.asyncProperty(reductionCase(), dtype, async ({ array, axes, keepdims }, type) => {
          fc.pre(backend.dtypes.includes(type))
          const over = listAxes(axes, array.shape.length)
          fc.pre(!(nonempty && isEmpty(array, over)))
          const y = method(build(array, type), name)(axes, { keepdims })
          expect(y.dtype).toBe(resultDType[row.result](type))
          const f = reductionReference(name, y.dtype === 'int32')
          const x = naiveOf(array, type)
          fc.pre(name !== 'prod' || groups(x, over).every(({ members }) => ordered(members, y.dtype)))
          const wanted = reduceNaive(x, over, keepdims, (list) => store(f(list), y.dtype))
          const scales = sizes(x, over, (list) => (list.length === 0 ? 0 : f(list)))
          expectClose(await read(y), wanted, y.dtype, { tolerance: backend.sums, scales })
        }),
        runs(2),
      )
    })

    test('gradients of both orders', (context) => {
      needs(context, backend, 'float64')
      fc.assert(
        fc.property(reductionCase(unitValue, 3), ({ array, axes, keepdims }) => {
          fc.pre(!isEmpty(array, listAxes(axes, array.shape.length)))
          // Still axes have ties, where a maximum has no derivative.
          const x = build(
            { ...array, values: array.values.map((value, i) => value + i * 1e-2), still: array.still.map(() => false) },
            'float64',
          )
          checkGradients((t) => method(t, name)(axes, { keepdims }), [x.add(0.005)], { second: isPlain(backend) })
        }),
        runs(0.2),
      )
    })
  })

  describe.each(['argmax', 'argmin'] as const)('%s', (name) => {
    const first = (list: readonly number[]): number => {
      const nan = list.findIndex((x) => Number.isNaN(x))
      return nan >= 0 ? nan : list.indexOf(name === 'argmax' ? Math.max(...list) : Math.min(...list))
    }

    test('the first position of the extreme along an axis, or of the flattened array; NaN wins', async () => {
      const withAxis = anyArray(calmValue).chain((array) =>
        fc.record({
          array: fc.constant(array),
          axis:
            array.shape.length === 0
              ? fc.constant(null)
              : fc.option(fc.integer({ min: -array.shape.length, max: array.shape.length - 1 })),
          keepdims: fc.boolean(),
        }),
      )
      await fc.assert(
        fc.asyncProperty(withAxis, dtype, async ({ array, axis, keepdims }, type) => {
          const over = listAxes(axis, array.shape.length)
          const x = build(array, type)
          fc.pre(over.every((i) => array.shape[i] > 0))
          const y = x[name](axis, { keepdims })
          expect(y.dtype).toBe('int32')
          expect(await read(y)).toEqual(reduceNaive(naiveOf(array, type), over, keepdims, first))
        }),
      )
    })

    test.each(Array.from({ length: 20 }, (_, i) => i))(
      'NaN is found at every position (length 20, position %i)',
      async (position) => {
        const x = tensor(Float32Array.from({ length: 20 }, (_, i) => (i === position ? NaN : i % 7)))
        expect((await read(x[name]())).values).toEqual([position])
        expect((await read(x[name === 'argmax' ? 'max' : 'min']())).values).toEqual([NaN])
      },
    )
  })

  describe('variance, std and logsumexp', () => {
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
    const degrees = (name: string, ddof: number): { ddof?: number } => (name === 'logsumexp' ? {} : { ddof })
    const variance = (list: readonly number[], ddof: number): number => {
      const m = mean(list)
      return list.length === 0 ? NaN : list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - ddof)
    }
    const functions = {
      variance: (list: readonly number[], ddof: number) => variance(list, ddof),
      std: (list: readonly number[], ddof: number) => Math.sqrt(variance(list, ddof)),
      logsumexp: (list: readonly number[]) => {
        const top = Math.max(...list)
        return list.length === 0 || top === -Infinity
          ? -Infinity
          : top + Math.log(list.reduce((sum, x) => sum + Math.exp(x - top), 0))
      },
    }

    test.each(Object.keys(functions) as (keyof typeof functions)[])('%s', async (name) => {
      await fc.assert(
        fc.asyncProperty(
          reductionCase(tameValue),
          floatDType,
          fc.constantFrom(0, 1),
          async ({ array, axes, keepdims }, type, ddof) => {
            fc.pre(backend.dtypes.includes(type))
            const over = listAxes(axes, array.shape.length)
            const wanted = reduceNaive(naiveOf(array, type), over, keepdims, (list) => store(functions[name](list, ddof), type))
            const got = await read(method(build(array, type), name)(axes, { keepdims, ...degrees(name, ddof) }))
            // The mean is rounded to the dtype before it is subtracted.
            expectClose(got, wanted, type, { tolerance: { float32: 1e-6, float64: 1e-13 }, scales: wanted.values.map(() => 1) })
          },
        ),
      )
    })

    const shapesAndAxes = fc.constantFrom<{ shape: number[]; axes: number | number[] }>(
      { shape: [3], axes: 0 },
      { shape: [2, 3], axes: 1 },
      { shape: [2, 3], axes: [0, 1] },
      { shape: [2, 2, 2], axes: [-1, 0] },
    )
    const differentiable = shapesAndAxes.chain(({ shape, axes }) =>
      fc.record({ axes: fc.constant(axes), array: arrayOf(shape, unitValue) }),
    )
    test.for(['variance', 'std', 'logsumexp'])('gradients of %s', (name, context) => {
      needs(context, backend, 'float64')
      fc.assert(
        fc.property(differentiable, fc.boolean(), ({ array, axes }, keepdims) => {
          // Spread out, because std has no derivative at equal elements.
          const values = array.values.map((value, i) => value + i * 2)
          const x = build({ ...array, values, still: array.still.map(() => false) }, 'float64')
          checkGradients((t) => method(t, name)(axes, { keepdims, ...degrees(name, 1) }), [x], { second: isPlain(backend) })
        }),
        runs(0.2),
      )
    })

    test('logsumexp does not overflow, and has a value for lines of ±∞', async () => {
      const x = tensor([
        [1e4, 1e4],
        [-1e4, -1e4],
        [Infinity, 0],
        [-Infinity, 0],
        [-Infinity, -Infinity],
        [NaN, 0],
      ])
      const wanted = [1e4 + Math.LN2, -1e4 + Math.LN2, Infinity, 0, -Infinity, NaN].map((value) => store(value, 'float32'))
      expectClose(await read(x.logsumexp(1)), new Naive([6], wanted), 'float32', { tolerance: backend.elementwise })
    })
  })

  describe('long sums keep their digits on every axis and layout', () => {
    const n = 4100 // 4100² > 2^24, where a float32 stops counting.

    test('of ones', async () => {
      const ones = full([n, n], 1)
      expect((await read(ones.sum())).values).toEqual([n * n])
      expect(
        (
          await read(
            ones
              .transpose()
              .reshape([n * n])
              .sum(0),
          )
        ).values,
      ).toEqual([n * n])
      expect((await read(ones.mean())).values).toEqual([1])
    })

    test('of numbers from 250 to 320, by row and by column', async () => {
      const line = Float32Array.from({ length: n }, (_, i) => 250 + ((i * 0.618033988749895) % 1) * 70)
      const exact = line.reduce((a, b) => a + b, 0) * n
      const x = tensor(line).broadcastTo([n, n])
      for (const view of [x, x.transpose(), x.flip()]) {
        const [sum] = (await read(view.sum())).values
        expect(Math.abs(sum / exact - 1)).toBeLessThan(1e-6)
      }
      // What the test is about: adding in float32 is not good enough.
      let naive = 0
      for (let i = 0; i < n * n; i++) naive = Math.fround(naive + line[i % n])
      expect(Math.abs(naive / exact - 1)).toBeGreaterThan(1e-6)
    })

    test('the variance of equal numbers is 0', async () => {
      for (const value of [1e4, -1e8, 3e-6, -11]) expect((await read(full([1000], value).variance())).values).toEqual([0])
    })
  })

  test.each(['max', 'min', 'argmax', 'argmin'] as const)('%s of no elements is an error, of no lines is not', (name) => {
    expect(() => zeros([2, 0])[name](1)).toThrow(ShapeError)
    expect(() => zeros([0])[name]()).toThrow(ShapeError)
    expect(zeros([0, 2])[name](1).shape).toEqual([0])
  })

  test('reductions over no elements: sum 0, product 1, any false, all true, mean NaN, norm 0', async () => {
    const empty = zeros([2, 0])
    const results = await Promise.all(
      (['sum', 'prod', 'any', 'all', 'mean', 'norm'] as const).map(async (name) => (await read(empty[name](1))).values[0]),
    )
    expect(results).toEqual([0, 1, 0, 1, NaN, 0])
  })
}, withPrograms)
