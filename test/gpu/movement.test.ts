import fc from 'fast-check'
import { concat, random, registerBackend, setBackend, tensor, type SliceArgument, type Tensor } from '@typegrad/tensor'
import { grad } from '@typegrad/autograd'
import { describe, expect, test, vi } from 'vitest'
import { gpuBackend } from '../../packages/gpu/src/backend.ts'
import { zeroCounters } from '../../packages/gpu/src/counters.ts'
import { Engine } from '../../packages/gpu/src/engine.ts'
import { loadGpuJs } from '../../packages/gpu/src/gpujs.ts'
import { planGrid } from '../../packages/gpu/src/grid.ts'
import { unlimited, type Limits } from '../../packages/gpu/src/limits.ts'
import { plainRuntime } from '../../packages/gpu/src/runtime/plain.ts'
import { numbers, viewCase, viewOf } from './arrays.ts'
import { onEveryMode } from './modes.ts'
import { expectSame } from './same.ts'

const runs = { numRuns: 25 }
const sums = { relative: 1e-5 }
const all = (x: Tensor, axis: number, range: SliceArgument): SliceArgument[] => x.shape.map((_, i) => (i === axis ? range : null))
/** The axis that a number stands for. */
const axisOf = (x: Tensor, n: number): number => n % x.rank

onEveryMode(() => {
  describe('movement', () => {
    test('any view is read, copied and put into another array', () =>
      fc.assert(
        fc.asyncProperty(viewCase, fc.nat(4), fc.constantFrom(1, 2, 3, -1, -2), async (view, axis, step) => {
          const x = viewOf(view)
          await expectSame(() => {
            const copied = x.mul(1)
            const flat = copied.transpose().reshape([x.size])
            if (x.rank === 0) return [copied, flat]
            const at = axisOf(x, axis)
            const padded = copied.pad(
              x.shape.map((_, i) => [i === at ? 1 : 0, 2]),
              7,
            )
            const placed = grad((v) =>
              v
                .slice(...all(v, at, [null, null, step]))
                .square()
                .sum(),
            )(copied)
            return [
              copied,
              flat,
              padded,
              placed,
              concat([copied, padded.slice(...x.shape.map((n): SliceArgument => [0, n]))], at),
              copied.tile([2, ...x.shape.map(() => 1)]),
            ]
          })
        }),
        { numRuns: 30 },
      ))
    test('bool, uint8 and int32 keep their dtype', () =>
      expectSame(() =>
        (['bool', 'uint8', 'int32'] as const).flatMap((dtype) => {
          const x = numbers([3, 2])
            .mul(dtype === 'bool' ? 1 : 90)
            .abs()
            .cast(dtype)
          return [concat([x, x.flip(1)], 1), x.transpose().reshape([6]), x.pad(1)]
        }),
      ))
  })

  describe('indexing', () => {
    test('take and its gradient along any axis, from indices on the host and on the device', () =>
      fc.assert(
        fc.asyncProperty(
          viewCase,
          fc.nat(4),
          fc.array(fc.nat(20), { minLength: 1, maxLength: 90 }),
          fc.boolean(),
          async (view, n, picked, there) => {
            const x = viewOf(view)
            if (x.rank === 0) return
            const axis = axisOf(x, n)
            const list = tensor(
              Int32Array.from(picked, (i) => i % x.shape[axis]),
              { shape: picked.length % 2 ? [picked.length] : [2, picked.length / 2] },
            )
            await expectSame(() => {
              const indices = there ? list.add(0) : list
              return [x.take(indices, axis), grad((v) => v.take(indices, axis).square().sum())(x)]
            }, sums)
          },
        ),
        runs,
      ))
    test('negative indices that lie on the device, unchecked, count from the end', () =>
      expectSame(() => numbers([3, 4]).take(tensor([-1, 0, -4], { dtype: 'int32' }).add(0), 1)))
    test('the gradient of take for many indices, listed by their index first', () => {
      const indices = Int32Array.from({ length: 200 }, (_, i) => (i * 7) % 23)
      return expectSame(() => [0, 1].map((axis) => grad((v) => v.take(indices, axis).square().sum())(numbers([23, 23]))), sums)
    })
    test('takeAlongAxis and oneHot', () =>
      expectSame(() =>
        [numbers([3, 4])].flatMap((x) => [
          x.takeAlongAxis(x.argsort(0), 0),
          x.argmax(1).oneHot(4),
          grad((v) => v.sort().mul(v).sum())(x),
        ]),
      ))
  })

  describe('order', () => {
    test('cumsum and cumprod of any view', () =>
      fc.assert(
        fc.asyncProperty(viewCase, fc.nat(4), fc.boolean(), fc.boolean(), async (view, n, exclusive, reverse) => {
          const x = viewOf(view)
          if (x.rank > 0)
            await expectSame(
              () => [x.cumsum(axisOf(x, n), { exclusive, reverse }), x.cumprod(axisOf(x, n), { exclusive, reverse })],
              sums,
            )
        }),
        runs,
      ))
    test('of lines that take several passes', () =>
      expectSame(() => [numbers([37]).cumsum(), numbers([2, 100, 3]).cumsum(1, { reverse: true })], sums))
    test('argsort, stable, NaN as the largest', () =>
      fc.assert(
        fc.asyncProperty(viewCase, fc.nat(4), fc.boolean(), async (view, n, descending) => {
          const x = viewOf(view)
          if (x.rank > 0) await expectSame(() => [x.round().argsort(axisOf(x, n), { descending }), x.topk(1).values])
        }),
        runs,
      ))
    test('of NaN', () =>
      expectSame(() => [false, true].map((descending) => tensor([1, NaN, -1, NaN, 0, 1]).argsort(-1, { descending }))))
  })

  describe('random numbers', () => {
    test('are those of the host, bit for bit', async () => {
      for (const seed of [0, 1, -5, 2 ** 40 + 12345]) {
        const draws = (): Tensor[] => {
          const generator = new random.Generator(seed)
          generator.state = [...generator.state.slice(0, 2), 70_000] as unknown as [number, number, number]
          return [generator.uniform([70_001]), generator.uniform([2, 3])]
        }
        await expectSame(draws, { relative: 0 })
      }
    })
    test('of other distributions', () =>
      expectSame(() =>
        [new random.Generator(3)].flatMap((g) => [
          g.normal([100]),
          g.truncatedNormal([50]),
          g.bernoulli([50]),
          g.integers([50], { high: 9 }),
          g.permutation(20),
        ]),
      ))
  })
})

describe('a device with small limits', () => {
  async function limited(limits: Partial<Limits>): Promise<void> {
    const counters = zeroCounters()
    registerBackend(gpuBackend(new Engine(plainRuntime(await loadGpuJs(), 'cpu', counters, limits), counters)))
  }
  test('has axes folded, or put into layers', async () => {
    expect(planGrid([40, 5], [[7, 1]], { ...unlimited, x: 4 })).toMatchObject({ kind: 'f2', dims: [200], sizes: [5] })
    expect(planGrid([20, 5], [[7, 1]], { ...unlimited, y: 8 })).toMatchObject({
      kind: '3',
      dims: [5, 8, 3],
      strides: [[56, 7, 1]],
    })
    await limited({ x: 4, y: 4, z: 2 })
    const x = numbers([3, 10, 6])
    const image = numbers([2, 5, 5, 2])
    const kernel = numbers([2, 2, 2, 3])
    await expectSame(
      () => [
        x.transpose().add(numbers([3])),
        numbers([9, 3])
          .transpose()
          .add(numbers([9, 1]).transpose()),
        x.softmax(1),
        x.sum(1),
        x.argmax(0),
      ],
      sums,
    )
    await expectSame(
      () => [x.matmul(numbers([3, 6, 5])), numbers([9, 3]).matmul(numbers([3, 4])), x.cumsum(1), x.argsort(1), x.take([2, 0], 1)],
      sums,
    )
    await expectSame(() => grad((v) => v.take([2, 0, 2], 1).square().sum())(x), sums)
    await expectSame(
      () => [image.conv(kernel), ...grad((v: Tensor, k: Tensor) => v.conv(k).square().sum(), { argnums: [0, 1] })(image, kernel)],
      sums,
    )
    await expectSame(() => [image.maxPool(2), grad((v) => v.maxPool(2).square().sum())(image)], sums)
  })
  test('has kernels of too many arrays run by the host, with a warning', async () => {
    await limited({ arrays: 1 })
    const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
    await expectSame(() =>
      numbers([3])
        .add(numbers([3], 2))
        .mul(2),
    )
    expect(said.mock.calls).toEqual([[expect.stringMatching(/more than 1 arrays .*runs on the host/)]])
    said.mockRestore()
  })
  test('says what is too large', async () => {
    await limited({ bytes: 1000 })
    setBackend('gpu')
    expect(() => numbers([300]).add(1)).toThrow(/1200 bytes, the device allows 1000/)
    setBackend('cpu')
  })
})
