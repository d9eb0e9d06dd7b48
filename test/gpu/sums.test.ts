import fc from 'fast-check'
import { compile, csr, internals, reductions, tensor, Tensor, zeros, type SparseTensor, type TypedArray } from '@typegrad/tensor'
import { grad } from '@typegrad/autograd'
import { gpuCounters } from '@typegrad/gpu'
import { describe, expect, test } from 'vitest'
import { selfTest } from '../../packages/gpu/src/self-test.ts'
import { engineForTests } from '../../packages/gpu/src/use-backend.ts'
import { numbers, shape, viewCase, viewOf } from './arrays.ts'
import { onEveryMode } from './modes.ts'
import { expectSame } from './same.ts'

const runs = { numRuns: 25 }
const sums = { relative: 1e-5 }
type Reduce = (axes?: number | number[] | null) => Tensor
/** The axis that a number stands for. */
const axisOf = (x: Tensor, n: number): number => n % x.rank

onEveryMode((mode) => {
  describe('reductions', () => {
    test.each(Object.keys(reductions))('%s over any axes of any view', async (name) => {
      await fc.assert(
        fc.asyncProperty(viewCase, fc.array(fc.nat(4), { maxLength: 3 }), async (view, picked) => {
          const x = viewOf(view)
          const axes = [...new Set(picked.filter((axis) => axis < x.rank))]
          await expectSame(() => (x as unknown as Record<string, Reduce>)[name](axes), sums)
        }),
        { numRuns: 10 },
      )
    })
    test.each(Object.keys(reductions))('%s of many elements, in two stages', async (name) => {
      const reduce = (x: Tensor, axes?: number | number[]): Tensor => (x as unknown as Record<string, Reduce>)[name](axes)
      const near = (x: Tensor): Tensor =>
        name === 'prod'
          ? tensor(
              x.toTypedArray().map((v) => 1 + v / 100),
              { shape: x.shape },
            )
          : name === 'all'
            ? x.add(3)
            : x
      await expectSame(
        () => [
          reduce(near(numbers([3001]))),
          reduce(near(numbers([2, 1100, 3])), [0, 1]),
          reduce(near(numbers([1500, 2])).transpose(), 1),
        ],
        sums,
      )
    })
    test('that do not start at the neutral element are not split', async () => {
      const x = numbers([3000])
      const sum = (name: string): Promise<TypedArray> => {
        const backend = internals.backendNamed(name)
        const { buffer, offset } = backend.allocate('float32', 1)
        const out = new Tensor(buffer, internals.contiguousLayout([], offset), 'float32')
        backend.reduce({ init: 1000, step: 'acc + x' }, x, [0], out)
        return out.data()
      }
      expect((await sum('gpu'))[0]).toBeCloseTo((await sum('cpu'))[0], 2)
    })
    test('of no elements', () => expectSame(() => [zeros([0, 3]).sum(0), zeros([2, 0]).prod(1), zeros([0]).any()]))
    test('NaN wins, infinities count', () =>
      expectSame(() =>
        [
          tensor([
            [1, NaN, NaN],
            [-Infinity, -Infinity, -Infinity],
            [1, Infinity, 2],
          ]),
        ].flatMap((x) => [x.max(1), x.min(1), x.sum(1), x.argmax(1), x.argmin(1)]),
      ))
    test('argmax and argmin along any axis, the first of equals', () =>
      fc.assert(
        fc.asyncProperty(viewCase, fc.nat(4), async (view, axis) => {
          const x = viewOf(view)
          if (x.rank > 0)
            await expectSame(() => [x.round().argmax(axisOf(x, axis)), x.round().argmin(axisOf(x, axis)), x.argmax()])
        }),
        runs,
      ))
  })

  describe('matmul', () => {
    test.each([
      [
        [3, 4],
        [4, 5],
      ],
      [
        [2, 3, 40],
        [40, 7],
      ],
    ])('with a bias, and its gradients, %s x %s', async (left, right) => {
      const [a, b, bias] = [numbers(left), numbers(right, 2), numbers([right[1]], 3)]
      const product = (x: Tensor, w: Tensor, c: Tensor): Tensor => x.matmul(w, { bias: c })
      const gradient = grad((x: Tensor, w: Tensor, c: Tensor) => product(x, w, c).square().sum(), { argnums: [0, 1, 2] })
      await expectSame(() => [product(a, b, bias), ...gradient(a, b, bias)], sums)
      await expectSame(() => product(a.cast('float64'), b.cast('float64'), bias.cast('float64')))
    })
    const length = fc.integer({ min: 1, max: 9 })
    test('of any batch, strides and transposes', () =>
      fc.assert(
        fc.asyncProperty(shape(2, 3), shape(1, 3), length, length, length, fc.nat(3), async (batch, other, m, k, n, order) => {
          const a = order & 1 ? numbers([...batch, k, m]).swapaxes(-1, -2) : numbers([...batch, m, k])
          const b = order & 2 ? numbers([...other.map(() => 1), n, k], 3).swapaxes(-1, -2) : numbers([k, n], 3)
          await expectSame(() => a.matmul(b), sums)
        }),
        runs,
      ))
    // Every kernel in tiles is seconds of work for the compiler of a software renderer: what has none is not repeated.
    test.skipIf(mode.options.mode !== 'webgpu')('in tiles, by the self-test of the start', async () => {
      expect(await selfTest(engineForTests().runtime, false)).toBe(undefined)
    })
    test('of sizes that are multiplied in tiles', async () => {
      for (const [m, k, n] of [
        [33, 17, 40],
        [100, 16, 70],
      ]) {
        await expectSame(
          () => [
            numbers([m, k]).matmul(numbers([k, n])),
            numbers([k, m])
              .transpose()
              .matmul(numbers([n, k]).transpose()),
          ],
          sums,
        )
      }
      await expectSame(() => numbers([3, 40, 20]).matmul(numbers([3, 50, 20], 2).swapaxes(1, 2)), sums)
    })
    test('of a sparse matrix, and the gradient by its transpose', async () => {
      const before = gpuCounters().hostOps
      const w = numbers([4, 6]).transpose()
      for (const values of [undefined, [1, -2, 3, 0.5, 4]]) {
        const parts = { shape: [3, 6], indptr: [0, 2, 2, 5], indices: [0, 3, 4, 1, 1] } as const
        const x = csr({ ...parts, ...(values && { values }) }).take([2, 0, 2, 1])
        const loss = (a: SparseTensor, v: Tensor): Tensor => a.matmul(v).square().sum()
        await expectSame(() => [x.matmul(w), grad((v) => loss(x, v))(w)], sums)
        // Of what is given to a program, the host does not know the columns.
        const step = compile((a: SparseTensor, v: Tensor) => grad((u) => loss(a, u))(v))
        await expectSame(() => step(x, w), sums)
      }
      expect(gpuCounters().hostOps).toBe(before)
    })
    test('of infinities beside the edge of a tile', () => {
      const a = numbers([40, 17]).toTypedArray()
      a[17] = Infinity
      return expectSame(
        () =>
          tensor(a, { shape: [40, 17] })
            .matmul(numbers([17, 40]))
            .slice([0, 1]),
        sums,
      )
    })
    test('of vectors, and with nothing to sum', () =>
      expectSame(() => [
        numbers([5]).matmul(numbers([5, 3])),
        numbers([3, 5]).matmul(numbers([5])),
        zeros([2, 0]).matmul(zeros([0, 3])),
      ]))
  })

  describe('softmax', () => {
    test.each([[[3, 5]], [[2, 3, 4]], [[4, 100]], [[1]]])('and its logarithm along every axis of %s', async (lengths) => {
      const x = numbers(lengths).mul(5)
      for (const axis of lengths.keys())
        await expectSame(() => [x.softmax(axis), x.logSoftmax(axis), x.transpose().softmax()], sums)
    })
    test('of -∞ and NaN', () =>
      expectSame(() =>
        [
          tensor([
            [-Infinity, -Infinity],
            [-Infinity, 0],
            [NaN, 1],
          ]),
        ].flatMap((x) => [x.softmax(), x.logSoftmax()]),
      ))
    test('of long lines of only -∞', () =>
      expectSame(() => [zeros([2, 70]).sub(Infinity).softmax(), zeros([2, 70]).sub(Infinity).logSoftmax()]))
    test('the gradient of softmax crossentropy', () => {
      const labels = tensor([0, 2, 1, 1]).oneHot(3)
      return expectSame(() => grad((x) => x.logSoftmax().mul(labels).sum().neg())(numbers([4, 3])), sums)
    })
  })

  test('the gradient for a large kernel, summed over parts of the batch that are not equal', () => {
    const kernel = numbers([1, 64, 600])
    return expectSame(() => grad((k) => numbers([3, 4, 64]).conv(k).square().sum())(kernel), sums)
  })
  test('the first NaN of a window is its largest element', () => {
    const x = tensor([1, NaN, 3, NaN, -1, 2, 0, 5], { shape: [1, 8, 1] })
    const first = (v: Tensor): Tensor => v.maxPool(4, { strides: 2 })
    return expectSame(() => [
      first(x),
      grad((v) =>
        first(v)
          .mul(tensor([[[1], [10], [100]]]))
          .sum(),
      )(x),
    ])
  })
  describe.each([1, 2, 3])('windows over %s axes', (rank) => {
    const spatial = [7, 6, 5].slice(0, rank)
    const window = [3, 2, 2].slice(0, rank)
    const x = numbers([2, ...spatial, 4])
    const cases = [
      { strides: 1, padding: 'same', dilationRate: 2, groups: 2 },
      { strides: 2, padding: 'same', dilationRate: 1, groups: 1 },
      { strides: 3, padding: 'valid', dilationRate: 1, groups: 4 },
    ] as const
    test.each(cases.slice(0, 4 - rank))(
      'conv and both its gradients, $strides $padding $dilationRate $groups',
      async (options) => {
        const kernel = numbers([...window, 4 / options.groups, 4], 5)
        const loss = (a: Tensor, b: Tensor): Tensor => a.conv(b, options).square().sum()
        await expectSame(() => [x.conv(kernel, options), ...grad(loss, { argnums: [0, 1] })(x, kernel)], sums)
      },
    )
    test.each(['maxPool', 'averagePool'] as const)('%s, its gradient and the gradient of that', async (name) => {
      for (const options of [{ strides: 2, padding: 'same' } as const, {}].slice(0, 3 - rank || 1)) {
        const pooled = (v: Tensor): Tensor => v[name](window, options)
        const first = grad((v) => pooled(v).square().sum())
        await expectSame(() => [pooled(x), pooled(x.round()), first(x.round()), grad((v) => first(v).square().sum())(x)], sums)
      }
    })
  })
})
