/** Pooling and its gradients, against the elements of each window. */
import { checkGradients, grad, vjp } from '@typegrad/autograd'
import { ones, setBackend, tensor, zeros, type DType, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { build, dense, naiveOf, numbersFrom, randomLayout, read, type ArrayCase } from './arrays.ts'
import { needs, onEveryBackend } from './backends.ts'
import { expectClose } from './close.ts'
import { indices, Naive, product } from './naive.ts'
import { runs } from './properties.ts'
import { meetings, outputsOf, windowCases, type WindowCase } from './window-cases.ts'

const cases = windowCases({
  maxDilation: 1,
  paddings: ['valid', 'same', 'pairs', 'pairs'],
  // No window may lie wholly in the padding.
  pair: (span) => fc.tuple(fc.integer({ min: 0, max: span - 1 }), fc.constant(0)),
})

const optionsOf = ({ strides, padding }: WindowCase) => ({ strides, padding })

/** The indices of x in each window, by the index of the result. */
function windowsOf(one: WindowCase, batch: number, channels: number): { index: number[]; members: number[][] }[] {
  const byWindow = new Map<string, number[][]>()
  for (const { output, input } of meetings(one)) byWindow.set(output.join(), [...(byWindow.get(output.join()) ?? []), input])
  return indices([batch, ...outputsOf(one), channels]).map((index) => ({
    index,
    members: byWindow.get(index.slice(1, -1).join())!.map((input) => [index[0], ...input, index.at(-1)!]),
  }))
}

/** The first of the largest; the first NaN where there is one. */
function largest(values: readonly number[]): number {
  const nan = values.findIndex(Number.isNaN)
  return nan >= 0 ? nan : values.indexOf(Math.max(...values))
}

const kinds = ['maxPool', 'averagePool'] as const

onEveryBackend((backend) => {
  const floats = (['float32', 'float64'] as const).filter((type) => backend.dtypes.includes(type))
  const inputs = (['float32', 'float64', 'uint8', 'int32'] as const).filter((type) => backend.dtypes.includes(type))

  /** Numbers of which many are equal, in a random layout. */
  function draw(shape: readonly number[], seed: number, values: readonly number[]): ArrayCase {
    const random = numbersFrom(seed)
    const picked = indices(shape).map(() => values[Math.floor(random() * values.length)])
    return randomLayout(shape, picked, random, true)
  }

  test.each(kinds)('%s: any rank, stride, padding, layout, dtype', async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        fc.constantFrom(...inputs),
        async (one, batch, channels, seed, type) => {
          const shape = [batch, ...one.lengths, channels]
          // Often nothing but negative numbers, so that a 0 from the padding would win.
          const float = type === 'float32' || type === 'float64'
          const array = draw(
            shape,
            seed,
            float ? [-3, -2.5, -1, -1, -0.5, ...(seed % 3 === 0 ? [0, 2, NaN] : [])] : [0, 1, 2, 7, 200],
          )
          const x = naiveOf(array, type)
          const y = build(array, type)[kind](one.window, optionsOf(one))
          expect(y.dtype).toBe(kind === 'averagePool' && !float ? 'float32' : type)
          const values = windowsOf(one, batch, channels).map(({ members }) => {
            const list = members.map((at) => x.at(at))
            return kind === 'maxPool' ? list[largest(list)] : list.reduce((a, b) => a + b) / list.length
          })
          const wanted = new Naive([batch, ...outputsOf(one), channels], values)
          const exactly = kind === 'maxPool' ? { float32: 0, float64: 0 } : backend.sums
          expectClose(await read(y), wanted, y.dtype, { tolerance: exactly, scales: values.map(() => 3) })
        },
      ),
      runs(2),
    )
  })

  test.each(kinds)('the gradient of %s, where many elements are equal, for any layout of x and of the gradient', async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        fc.constantFrom<DType>(...floats),
        async (one, batch, channels, seed, type) => {
          const array = draw([batch, ...one.lengths, channels], seed, [-3, -2, -1, ...(seed % 3 === 0 ? [0, 2, NaN] : [])])
          const weights = draw([batch, ...outputsOf(one), channels], seed + 1, [-2, -0.5, 0.25, 1, 3])
          const [x, dy] = [naiveOf(array, type), naiveOf(weights, type)]
          const { pullback } = vjp((t) => t[kind](one.window, optionsOf(one)), build(array, type))
          const [dx] = pullback(build(weights, type))
          const sums = Array.from({ length: product(x.shape) }, () => 0)
          const add = (at: readonly number[], value: number): void => {
            sums[at.reduce((position, i, axis) => position * x.shape[axis] + i, 0)] += value
          }
          for (const { index, members } of windowsOf(one, batch, channels)) {
            if (kind === 'maxPool') add(members[largest(members.map((at) => x.at(at)))], dy.at(index))
            else for (const at of members) add(at, dy.at(index) / members.length)
          }
          expect(dx.dtype).toBe(type)
          expectClose(await read(dx), new Naive(x.shape, sums), type, { tolerance: backend.sums, scales: sums.map(() => 30) })
        },
      ),
      runs(2),
    )
  })

  test('gradients of gradients', (context) => {
    needs(context, backend, 'float64')
    fc.assert(
      fc.property(cases, fc.constantFrom(...kinds), fc.integer(), (one, kind, seed) => {
        fc.pre(product(one.lengths) <= 40)
        const random = numbersFrom(seed)
        const shape = [1, ...one.lengths, 2]
        // Numbers that differ by more than the steps of the differences.
        const values = indices(shape).map((_, i) => ({ value: 0.1 + i / 50, key: random() }))
        const shuffled = values.sort((a, b) => a.key - b.key).map(({ value }) => value)
        const f = (x: Tensor): Tensor => x[kind](one.window, optionsOf(one)).square()
        checkGradients(f, [dense(shape, shuffled, 'float64')], { second: true })
      }),
      runs(0.25),
    )
  })

  test('derivatives of every order are those of the largest element', async (context) => {
    needs(context, backend, 'float64')
    const x = tensor([1, 3, 2, 3], { shape: [1, 4, 1], dtype: 'float64' })
    const cube = (t: Tensor): Tensor => t.maxPool(4).pow(3).sum()
    const slope = grad(cube)
    const bend = grad((t) => slope(t).mul(t).sum())
    const third = grad((t) => bend(t).mul(t).sum())
    expect((await read(slope(x))).values).toEqual([0, 27, 0, 0])
    expect((await read(bend(x))).values).toEqual([0, 81, 0, 0])
    expect((await read(third(x))).values).toEqual([0, 243, 0, 0])
  })

  test('-∞ in every place of a window is a value like others', async () => {
    const x = tensor([-Infinity, -Infinity, 1, -Infinity], { shape: [1, 4, 1] })
    const { value, pullback } = vjp((t) => t.maxPool(2), x)
    expect((await read(value)).values).toEqual([-Infinity, 1])
    expect((await read(pullback(ones([1, 2, 1]))[0])).values).toEqual([1, 0, 1, 0])
  })

  test('integers that float32 cannot hold', async (context) => {
    needs(context, backend, 'int32')
    const x = tensor([16777217, 16777216, -16777217, -16777216], { shape: [1, 4, 1], dtype: 'int32' })
    expect((await read(x.maxPool(2))).values).toEqual([16777217, -16777216])
  })

  test('strides are the window by default, and a batch of none has no windows', () => {
    expect(zeros([2, 7, 6, 3]).maxPool([3, 2]).shape).toEqual([2, 2, 3, 3])
    expect(zeros([2, 7, 6, 3]).averagePool(2, { strides: null, padding: 'same' }).shape).toEqual([2, 4, 3, 3])
    const { value, pullback } = vjp((t) => t.maxPool(2), zeros([0, 4, 4, 3]))
    expect(value.shape).toEqual([0, 2, 2, 3])
    expect(pullback(value)[0].shape).toEqual([0, 4, 4, 3])
    expect(zeros([2, 4, 0]).averagePool(2).shape).toEqual([2, 2, 0])
  })
})

describe('errors', () => {
  setBackend('cpu')
  const x = zeros([2, 5, 6, 3])
  const wrong: readonly (readonly [string, () => unknown, string])[] = [
    ['a window wholly in the padding before', () => x.maxPool(2, { padding: [[2, 0], [0, 0]] }), 'maxPool: with padding [2, 0] a window of 2 lies wholly in the padding of spatial axis 0, of length 5'],
    ['a window wholly in the padding after', () => x.averagePool(2, { strides: 1, padding: [[0, 0], [0, 2]] }), 'averagePool: with padding [0, 2] a window of 2 lies wholly in the padding of spatial axis 1'],
    ['no room', () => x.maxPool([2, 7]), 'maxPool: a window of 7 does not fit into 6 elements with padding [0, 0] at spatial axis 1'],
    ['no elements', () => zeros([2, 0, 3]).maxPool(2), 'maxPool: a window of 2 does not fit into 0 elements'],
    ['rank', () => zeros([2, 3]).averagePool(2), 'averagePool: [2, 3], expected [batch, …spatial, channels]'],
    ['poolSize', () => x.maxPool([2, 0]), 'maxPool: poolSize must be a positive integer, or 2 of them, got [2,0]'],
    ['strides', () => x.maxPool(2, { strides: [1] }), 'maxPool: strides must be a positive integer, or 2 of them, got [1]'],
    ['padding', () => x.maxPool(2, { padding: 'none' as 'same' }), 'maxPool: padding must be one of'],
  ] // prettier-ignore
  test.each(wrong)('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
