/** The ops with a structure of their own, against the obvious loops. */
import { concat, IndexError, random, stack, tensor, type DType, type Tensor } from '@typegrad/tensor'
import { vjp } from '@typegrad/autograd'
import fc, { type Arbitrary } from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  anyArray,
  arrayOf,
  broadcastable,
  build,
  calmValue,
  dtype,
  floatDType,
  naiveOf,
  numbersFrom,
  randomLayout,
  read,
  shapes,
  store,
  tameValue,
  type ArrayCase,
} from './arrays.ts'
import { needs, onEveryBackend, withPrograms } from './backends.ts'
import { expectClose } from './close.ts'
import { broadcastShape, Naive } from './naive.ts'
import { runs } from './properties.ts'

const promotion: readonly DType[] = ['bool', 'uint8', 'int32', 'float32', 'float64']
const promoted = (...types: readonly DType[]): DType => promotion[Math.max(...types.map((type) => promotion.indexOf(type)))]

/** An array with at least one axis, and one of its axes counted from the front or from the end. */
const withAxis = (value: Arbitrary<number> = calmValue): Arbitrary<{ array: ArrayCase; axis: number }> =>
  anyArray(value)
    .filter(({ shape }) => shape.length > 0)
    .chain((array) =>
      fc.record({ array: fc.constant(array), axis: fc.integer({ min: -array.shape.length, max: array.shape.length - 1 }) }),
    )

/** x with every line along an axis replaced by `f` of it, which may have another length. */
function alongAxis(x: Naive, axis: number, f: (line: readonly number[]) => readonly number[]): Naive {
  const at = (axis + x.shape.length) % x.shape.length
  const length = f(Array.from({ length: x.shape[at] }, () => 0)).length
  const lines = new Map<string, readonly number[]>()
  return Naive.from(x.shape.with(at, length), (index) => {
    const key = index.with(at, 0).join()
    if (!lines.has(key)) lines.set(key, f(Array.from({ length: x.shape[at] }, (_, i) => x.at(index.with(at, i)))))
    return lines.get(key)![index[at]]
  })
}

/** Ascending; NaN counts as the largest; equal elements keep their order. */
const order = (line: readonly number[], descending: boolean): number[] => {
  const key = (x: number): number => (Number.isNaN(x) ? 1e308 : Math.max(-1e307, Math.min(1e307, x)))
  return [...line.keys()].sort((i, j) => (descending ? key(line[j]) - key(line[i]) : key(line[i]) - key(line[j])) || i - j)
}

onEveryBackend((backend) => {
  const exactly = { tolerance: { float32: 0, float64: 0 } }
  const supported = (...types: readonly DType[]): void => fc.pre(types.every((type) => backend.dtypes.includes(type)))

  describe('matmul', () => {
    /** Shapes of two operands that fit: batches that broadcast, or vectors. */
    const operands = fc
      .record({
        batches: broadcastable(2, 2),
        m: fc.integer({ min: 0, max: 4 }),
        k: fc.integer({ min: 0, max: 5 }),
        n: fc.integer({ min: 0, max: 4 }),
        vectors: fc.constantFrom('', '', '', 'a', 'b', 'ab'),
      })
      .chain(({ batches, m, k, n, vectors }) => {
        const a = vectors.includes('a') ? [k] : [...batches.operands[0], m, k]
        const b = vectors.includes('b') ? [k] : [...batches.operands[1], k, n]
        return fc.tuple(arrayOf(a, calmValue), arrayOf(b, calmValue))
      })

    function naiveMatmul(a: Naive, b: Naive, integers: boolean): { y: Naive; sizes: number[] } {
      const [left, right] = [a.shape.length === 1 ? [1, ...a.shape] : a.shape, b.shape.length === 1 ? [...b.shape, 1] : b.shape]
      const [p, q] = [new Naive(left, a.values), new Naive(right, b.values)]
      const batch = broadcastShape([...left.slice(0, -2), 1], [...right.slice(0, -2), 1])!.slice(0, -1)
      const cut = (x: Naive, index: readonly number[], last: readonly number[]): number =>
        x.at([...index.slice(index.length - x.shape.length + 2).map((i, axis) => (x.shape[axis] === 1 ? 0 : i)), ...last])
      const sizes: number[] = []
      const y = Naive.from([...batch, left.at(-2)!, right.at(-1)!], (index) => {
        const [i, j] = index.slice(-2)
        const pairs = Array.from({ length: left.at(-1)! }, (_, k) => [
          cut(p, index.slice(0, -2), [i, k]),
          cut(q, index.slice(0, -2), [k, j]),
        ])
        sizes.push(pairs.reduce((sum, [u, v]) => sum + Math.abs(u * v), 0))
        if (integers)
          return Number(
            BigInt.asIntN(
              32,
              pairs.reduce((sum, [u, v]) => sum + BigInt(u) * BigInt(v), 0n),
            ),
          )
        return pairs.reduce((sum, [u, v]) => sum + u * v, 0)
      })
      const shape = [...batch, ...(a.shape.length === 1 ? [] : [left.at(-2)!]), ...(b.shape.length === 1 ? [] : [right.at(-1)!])]
      return { y: new Naive(shape, y.values), sizes }
    }

    test('values: all ranks, layouts, dtypes; batches broadcast; sizes 0', async () => {
      await fc.assert(
        fc.asyncProperty(operands, dtype, dtype, async ([a, b], first, second) => {
          supported(first, second)
          const y = build(a, first).matmul(build(b, second))
          expect(y.dtype).toBe(first === 'bool' && second === 'bool' ? 'int32' : promoted(first, second))
          const { y: wanted, sizes } = naiveMatmul(naiveOf(a, first), naiveOf(b, second), !y.dtype.startsWith('float'))
          const scales = sizes.map((size) => (Number.isFinite(size) ? size : 0))
          expectClose(
            await read(y),
            wanted.map((x) => store(x, y.dtype)),
            y.dtype,
            { tolerance: backend.sums, scales },
          )
        }),
        runs(4),
      )
    })

    test('a bias: the bits of the product and the sum, one after the other', async () => {
      const { integers } = random
      const some = (shape: readonly number[]): Tensor => integers(shape, { low: -9, high: 9 }).cast('float32').div(8)
      for (const [m, k, n] of [
        [1, 3, 1],
        [5, 300, 9],
        [4, 7, 1],
        [33, 16, 24],
        [2, 0, 3],
        [0, 2, 3],
      ]) {
        for (const lead of [[], [3]]) {
          const [a, b] = [some([...lead, m, k]), some([n, k]).transpose()]
          for (const bias of [some([n]), some([n, 2]).slice(null, 1), some([1]), some([m, 1]), some([n]).cast('float64')]) {
            if (!backend.dtypes.includes(bias.dtype)) continue
            const [together, apart] = [a.matmul(b, { bias }), a.matmul(b).add(bias)]
            expect([together.dtype, await read(together)]).toEqual([apart.dtype, await read(apart)])
          }
        }
      }
    })

    test.each([
      [64, 64, 64],
      [33, 65, 17],
      [1, 200, 1],
      [130, 3, 70],
    ])('values of a larger product, %i × %i × %i, of transposed operands', async (m, k, n) => {
      const random = numbersFrom(m)
      const [a, b] = [
        Naive.from([k, m], () => store(random() - 0.5, 'float32')),
        Naive.from([n, k], () => store(random() - 0.5, 'float32')),
      ]
      const y = build(randomLayout(a.shape, a.values, random), 'float32')
        .transpose()
        .matmul(build(randomLayout(b.shape, b.values, random), 'float32').transpose())
      const flip = ({ shape: [r, c], values }: Naive): Naive => Naive.from([c, r], ([i, j]) => values[j * c + i])
      const { y: wanted, sizes } = naiveMatmul(flip(a), flip(b), false)
      expectClose(await read(y), wanted.map(Math.fround), 'float32', { tolerance: backend.sums, scales: sizes })
    })
  })

  describe('softmax', () => {
    const softmax = (line: readonly number[]): number[] => {
      const top = Math.max(...line)
      const powers = line.map((x) => Math.exp(x - top))
      const sum = powers.reduce((a, b) => a + b, 0)
      return top === -Infinity ? line.map(() => 0) : powers.map((x) => x / sum)
    }
    const logSoftmax = (line: readonly number[]): number[] => {
      const top = Math.max(...line)
      const log = Math.log(line.reduce((sum, x) => sum + Math.exp(x - top), 0))
      return line.map((x) => (top === -Infinity ? -Infinity : x - top - log))
    }

    test.each(Object.entries({ softmax, logSoftmax }))('%s along any axis', async (name, f) => {
      const value = fc.oneof(
        { weight: 5, arbitrary: tameValue },
        { weight: 1, arbitrary: fc.constantFrom(-Infinity, Infinity, NaN, 1e30, -1e30, 700) },
      )
      await fc.assert(
        fc.asyncProperty(withAxis(value), floatDType, async ({ array, axis }, type) => {
          supported(type)
          const x = naiveOf(array, type)
          const wanted = alongAxis(x, axis, f).map((y) => store(y, type))
          const scales = wanted.values.map(() => (name === 'logSoftmax' ? 1 : 0))
          const got = build(array, type)[name as 'softmax'](axis)
          expect(got.dtype).toBe(type)
          expectClose(await read(got), wanted, type, { tolerance: backend.elementwise, scales })
        }),
        runs(2),
      )
    })

    test('a line of only -∞ is zeros, and its logarithm -∞', async () => {
      const x = tensor([[-Infinity, -Infinity]])
      expect((await read(x.softmax())).values).toEqual([0, 0])
      expect((await read(x.logSoftmax())).values).toEqual([-Infinity, -Infinity])
    })

    test.each([[[NaN, NaN]], [[NaN, -Infinity]], [[-Infinity, 3, NaN]]])('%j is NaN throughout', async (line) => {
      const x = tensor([Array.from({ length: 7 }, () => line).flat()])
      for (const y of [x.softmax(), x.logSoftmax()]) expect((await read(y)).values.every(Number.isNaN)).toBe(true)
    })

    test('integers become float32', async () => {
      expect(tensor([[1, 2]], { dtype: 'int32' }).softmax().dtype).toBe('float32')
    })
  })

  describe('joining and cutting', () => {
    const several = (lengths: Arbitrary<number[]>): Arbitrary<{ arrays: ArrayCase[]; axis: number }> =>
      fc.record({ shape: shapes(3).filter((shape) => shape.length > 0), lengths }).chain(({ shape, lengths: list }) =>
        fc.nat({ max: shape.length - 1 }).chain((axis) =>
          fc.record({
            arrays: fc.tuple(...list.map((length) => arrayOf(shape.with(axis, length), calmValue))),
            axis: fc.constantFrom(axis, axis - shape.length),
          }),
        ),
      )

    test('concat joins along an axis', async () => {
      const cases = several(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 }))
      await fc.assert(
        fc.asyncProperty(cases, fc.array(dtype, { minLength: 4, maxLength: 4 }), async ({ arrays, axis }, types) => {
          const used = types.slice(0, arrays.length)
          supported(...used)
          const y = concat(
            arrays.map((array, i) => build(array, types[i])),
            axis,
          )
          expect(y.dtype).toBe(promoted(...used))
          const parts = arrays.map((array, i) => naiveOf(array, types[i]).map((x) => store(x, y.dtype)))
          const at = (axis + arrays[0].shape.length) % arrays[0].shape.length
          const owner = parts.flatMap((part) => Array.from({ length: part.shape[at] }, (_, i) => ({ part, i })))
          const wanted = Naive.from(parts[0].shape.with(at, owner.length), (index) => {
            const { part, i } = owner[index[at]]
            return part.at(index.with(at, i))
          })
          expectClose(await read(y), wanted, y.dtype, exactly)
        }),
      )
    })

    test('stack joins along a new axis', async () => {
      const cases = shapes(3).chain((shape) =>
        fc.record({
          arrays: fc.array(arrayOf(shape, calmValue), { minLength: 1, maxLength: 3 }),
          axis: fc.integer({ min: -shape.length - 1, max: shape.length }),
        }),
      )
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ arrays, axis }, type) => {
          supported(type)
          const { shape } = arrays[0]
          const at = (axis + shape.length + 1) % (shape.length + 1)
          const parts = arrays.map((array) => naiveOf(array, type))
          const wanted = Naive.from(shape.toSpliced(at, 0, arrays.length), (index) => parts[index[at]].at(index.toSpliced(at, 1)))
          expectClose(
            await read(
              stack(
                arrays.map((array) => build(array, type)),
                axis,
              ),
            ),
            wanted,
            type,
            exactly,
          )
        }),
      )
    })

    test('split cuts into equal parts or given lengths; concat puts them together again', async () => {
      const cases = fc
        .array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 })
        .chain((lengths) =>
          fc.record({ lengths: fc.constant(lengths), parts: several(fc.constant([lengths.reduce((a, b) => a + b, 0)])) }),
        )
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ lengths, parts: { arrays, axis } }, type) => {
          supported(type)
          const x = build(arrays[0], type)
          const cut = x.split(lengths, axis)
          expect(cut.map((part) => part.shape.at(axis))).toEqual(lengths)
          expect(await read(concat(cut, axis))).toEqual(await read(x))
          expect(cut.every((part) => part.buffer === x.buffer)).toBe(true)
        }),
      )
      const halves = tensor([1, 2, 3, 4]).split(2)
      expect(await Promise.all(halves.map(async (half) => (await read(half)).values))).toEqual([
        [1, 2],
        [3, 4],
      ])
    })

    test('pad surrounds with a value', async () => {
      const cases = anyArray(calmValue, 3).chain((array) =>
        fc.record({
          array: fc.constant(array),
          widths: fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })), {
            minLength: array.shape.length,
            maxLength: array.shape.length,
          }),
          value: fc.constantFrom(0, 1, -3),
        }),
      )
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ array, widths, value }, type) => {
          supported(type)
          const x = naiveOf(array, type)
          const wanted = Naive.from(
            x.shape.map((length, axis) => length + widths[axis][0] + widths[axis][1]),
            (index) => {
              const inner = index.map((i, axis) => i - widths[axis][0])
              return inner.every((i, axis) => i >= 0 && i < x.shape[axis]) ? x.at(inner) : store(value, type)
            },
          )
          expectClose(await read(build(array, type).pad(widths, value)), wanted, type, exactly)
        }),
      )
      const x = tensor([[5]])
      expect((await read(x.pad(1))).values).toEqual([0, 0, 0, 0, 5, 0, 0, 0, 0])
      expect((await read(x.pad([0, 1], 7))).values).toEqual([5, 7, 7, 7])
    })

    test('tile repeats', async () => {
      const cases = fc.record({ array: anyArray(calmValue, 3), repeats: fc.array(fc.nat({ max: 3 }), { maxLength: 4 }) })
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ array, repeats }, type) => {
          supported(type)
          const rank = Math.max(array.shape.length, repeats.length)
          const own = [...Array.from({ length: rank - array.shape.length }, () => 1), ...array.shape]
          const times = [...Array.from({ length: rank - repeats.length }, () => 1), ...repeats]
          const x = new Naive(own, naiveOf(array, type).values)
          const wanted = Naive.from(
            own.map((length, axis) => length * times[axis]),
            (index) => x.at(index.map((i, axis) => i % own[axis])),
          )
          expectClose(await read(build(array, type).tile(repeats)), wanted, type, exactly)
        }),
      )
    })
  })

  describe('picking', () => {
    test('take picks slices by index arrays of any rank; negative indices count from the end', async () => {
      const cases = withAxis()
        .filter(({ array, axis }) => array.shape.at(axis)! > 0)
        .chain(({ array, axis }) => {
          const length = array.shape.at(axis)!
          return fc.record({
            array: fc.constant(array),
            axis: fc.constant(axis),
            indices: shapes(2).chain((shape) => arrayOf(shape, fc.integer({ min: -length, max: length - 1 }))),
          })
        })
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ array, axis, indices: picked }, type) => {
          supported(type)
          const [x, i] = [naiveOf(array, type), naiveOf(picked, 'int32')]
          const at = (axis + x.shape.length) % x.shape.length
          const wanted = Naive.from([...x.shape.slice(0, at), ...i.shape, ...x.shape.slice(at + 1)], (index) => {
            const position = i.at(index.slice(at, at + i.shape.length))
            return x.at([...index.slice(0, at), (position + x.shape[at]) % x.shape[at], ...index.slice(at + i.shape.length)])
          })
          expectClose(await read(build(array, type).take(build(picked, 'int32'), axis)), wanted, type, exactly)
        }),
        runs(2),
      )
    })

    test.each([
      [[9, 5], 0, 4],
      [[3, 7, 6], 1, 40],
      [[4, 3, 5], 2, 5],
      // Pieces of what goes through memory.
      [[50, 67], 0, 500],
    ])('the gradient of take adds up what was taken twice: %j along %i', async (shape, axis, count) => {
      const next = numbersFrom(7)
      const picks = Int32Array.from({ length: count }, () => Math.trunc(next() * shape[axis]))
      for (const type of (['float32', 'float64'] as const).filter((one) => backend.dtypes.includes(one))) {
        const { value, pullback } = vjp((x) => x.take(picks, axis), tensor(0, { dtype: type }).broadcastTo(shape))
        const dy = tensor(
          Float64Array.from({ length: value.size }, () => Math.trunc(next() * 64)),
          { shape: value.shape, dtype: type },
        )
        const [given, wanted] = [await read(dy), new Map<string, number>()]
        Naive.from(value.shape, (index) => {
          const at = String(index.with(axis, picks[index[axis]]))
          wanted.set(at, (wanted.get(at) ?? 0) + given.at(index))
          return 0
        })
        expect(await read(pullback(dy)[0])).toEqual(Naive.from(shape, (index) => wanted.get(String(index)) ?? 0))
      }
    })

    test('takeAlongAxis picks elements', async () => {
      const cases = withAxis()
        .filter(({ array, axis }) => array.shape.at(axis)! > 0)
        .chain(({ array, axis }) => {
          const length = array.shape.at(axis)!
          const at = (axis + array.shape.length) % array.shape.length
          return fc.record({
            array: fc.constant(array),
            axis: fc.constant(axis),
            picked: fc
              .nat({ max: 3 })
              .chain((count) => arrayOf(array.shape.with(at, count), fc.integer({ min: -length, max: length - 1 }))),
          })
        })
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ array, axis, picked }, type) => {
          supported(type)
          const [x, i] = [naiveOf(array, type), naiveOf(picked, 'int32')]
          const at = (axis + x.shape.length) % x.shape.length
          const wanted = Naive.from(i.shape, (index) => x.at(index.with(at, (i.at(index) + x.shape[at]) % x.shape[at])))
          expectClose(await read(build(array, type).takeAlongAxis(build(picked, 'int32'), axis)), wanted, type, exactly)
        }),
      )
    })

    test('indices: arrays of numbers are exact, uint8 reaches beyond 127, none is read from outside', async () => {
      const x = tensor(Float64Array.from({ length: 300 }, (_, i) => i))
      expect((await read(x.take([299, -300, 17]))).values).toEqual([299, 0, 17])
      expect((await read(x.take(tensor(Uint8Array.of(200, 255))))).values).toEqual([200, 255])
      expect((await read(x.take(5))).shape).toEqual([])
      for (const index of [300, -301, 2 ** 31, 2 ** 32 + 1]) expect(() => x.take([index])).toThrow(IndexError)
    })

    test('oneHot puts a 1 at the position of each integer, and nothing for one outside', async () => {
      await fc.assert(
        fc.asyncProperty(
          shapes(2).chain((shape) => arrayOf(shape, fc.integer({ min: -1, max: 4 }))),
          fc.nat({ max: 4 }),
          async (array, depth) => {
            const x = naiveOf(array, 'int32')
            const wanted = Naive.from([...x.shape, depth], (index) => Number(x.at(index.slice(0, -1)) === index.at(-1)))
            const y = build(array, 'int32').oneHot(depth)
            expect(y.dtype).toBe('float32')
            expect(await read(y)).toEqual(wanted)
          },
        ),
      )
      const wide = tensor(Uint8Array.of(0)).oneHot(300)
      expect((await read(wide.sum())).values).toEqual([1])
    })
  })

  describe('order', () => {
    test.each([false, true])('argsort and sort, descending: %s; stable; NaN counts as the largest', async (descending) => {
      await fc.assert(
        fc.asyncProperty(withAxis(fc.oneof(calmValue, fc.integer({ min: 0, max: 2 }))), dtype, async ({ array, axis }, type) => {
          supported(type)
          const x = naiveOf(array, type)
          const t = build(array, type)
          const positions = t.argsort(axis, { descending })
          expect(positions.dtype).toBe('int32')
          expect(await read(positions)).toEqual(alongAxis(x, axis, (line) => order(line, descending)))
          const wanted = alongAxis(x, axis, (line) => order(line, descending).map((i) => line[i]))
          expectClose(await read(t.sort(axis, { descending })), wanted, type, {
            ...exactly,
            signedZeros: backend.signedZeros,
          })
        }),
      )
    })

    test.for(['float32', 'float64', 'int32', 'uint8', 'bool'] as const)('of long lines: %s', async (type, context) => {
      needs(context, backend, type)
      const next = numbersFrom(5)
      const special = [0, -0, NaN, Infinity, -Infinity, 1e-40, -1e-40, 2 ** 31 - 1, -(2 ** 31), 1]
      const draws = [
        (): number => (next() - 0.5) * 2 ** 32,
        () => (next() < 0.5 ? Math.round(next() * 4) : special[Math.floor(next() * 10)]),
        (i: number) => -i,
      ]
      // Of the last one the records are too many for the scratch of a thread.
      for (const [length, count] of [[41, 3], [300, 3], [8193, 2], ...(type === 'float64' ? [[35_000, 1]] : [])]) {
        const lines = draws.slice(0, count).map((draw) => Float64Array.from({ length }, (_, i) => draw(i)))
        const x = stack(lines.map((line) => tensor(line))).cast(type)
        const kept = lines.map((_, i) => [...x.slice(i).toTypedArray()])
        for (const descending of [false, true]) {
          const wanted = kept.map((line) => order(line, descending))
          expect(x.argsort(-1, { descending }).toArray()).toEqual(wanted)
        }
        for (const k of [7, 40]) expect(x.topk(k).indices.toArray()).toEqual(kept.map((line) => order(line, true).slice(0, k)))
      }
    })

    test('topk gives the largest along the last axis, and where they stood', async () => {
      const cases = withAxis().chain(({ array }) =>
        fc.record({ array: fc.constant(array), k: fc.nat({ max: array.shape.at(-1)! }) }),
      )
      await fc.assert(
        fc.asyncProperty(cases, dtype, async ({ array, k }, type) => {
          supported(type)
          const x = naiveOf(array, type)
          const { values, indices: positions } = build(array, type).topk(k)
          expect(await read(positions)).toEqual(alongAxis(x, -1, (line) => order(line, true).slice(0, k)))
          const wanted = alongAxis(x, -1, (line) =>
            order(line, true)
              .slice(0, k)
              .map((i) => line[i]),
          )
          expectClose(await read(values), wanted, type, exactly)
        }),
      )
    })
  })

  describe('running sums and products', () => {
    test.each(['cumsum', 'cumprod'] as const)('%s: all axes, exclusive, from the end', async (name) => {
      await fc.assert(
        fc.asyncProperty(withAxis(), dtype, fc.boolean(), fc.boolean(), async ({ array, axis }, type, exclusive, reverse) => {
          supported(type)
          const result = type === 'bool' || type === 'uint8' ? 'int32' : type
          const combine = (a: number, b: number): number =>
            name === 'cumsum' ? a + b : result === 'int32' ? Math.imul(a, b) : a * b
          const scan = (line: readonly number[]): number[] => {
            let total = name === 'cumsum' ? 0 : 1
            return line.map((x) => {
              const before = total
              total = combine(total, x)
              return exclusive ? before : total
            })
          }
          const x = naiveOf(array, type)
          const both = (line: readonly number[]): number[] => (reverse ? scan(line.toReversed()).toReversed() : scan(line))
          const wanted = alongAxis(x, axis, both).map((value) => store(value, result))
          const sums = alongAxis(x.map(Math.abs), axis, both).values
          const scales = sums.map((size) => (Number.isFinite(size) ? size : 0))
          const y = build(array, type)[name](axis, { exclusive, reverse })
          expect(y.dtype).toBe(result)
          expectClose(await read(y), wanted, result, { tolerance: backend.sums, scales })
        }),
        runs(2),
      )
    })
  })

  describe('conversion of dtype', () => {
    test('cast drops fractions, wraps integers, and makes true of everything but 0', async () => {
      await fc.assert(
        fc.asyncProperty(anyArray(), dtype, dtype, async (array, from, to) => {
          supported(from, to)
          const wanted = naiveOf(array, from).map((x) => store(x, to))
          expectClose(await read(build(array, from).cast(to)), wanted, to, { ...exactly, signedZeros: true })
        }),
        runs(2),
      )
    })
  })
}, withPrograms)
