/** Compiled functions on the gpu: the numbers of the host, fewer launches, nothing left behind. */
import { compile, hostNumber, random, scope, setBackend, stack, tensor, Variable, zeros, type Tensor } from '@typegrad/tensor'
import { valueAndGrad } from '@typegrad/autograd'
import { gpuCounters, useBackend } from '@typegrad/gpu'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { engineForTests, gpuSettled } from '../../packages/gpu/src/use-backend.ts'
import { numbers } from './arrays.ts'
import { onEveryMode } from './modes.ts'
import { violations } from './rules.ts'

onEveryMode((mode) => {
  beforeEach(async () => {
    await useBackend('gpu', mode.options)
  })
  afterEach(() => {
    setBackend('cpu')
  })

  /** Runs `f` op by op on the host and compiled on the gpu, three times. */
  async function expectSame(f: (...xs: Tensor[]) => Tensor | Tensor[], ...xs: Tensor[]): Promise<void> {
    setBackend('cpu')
    random.setSeed(3)
    const want = [0, 1, 2].map(() => [f(...xs)].flat().map((x) => x.toArray()))
    setBackend('gpu')
    random.setSeed(3)
    const compiled = compile(f)
    for (const one of want) {
      const got = await Promise.all([compiled(...xs)].flat().map((x) => x.to('cpu')))
      expect(got.map((x) => x.toArray())).toEqual(one.map(near))
    }
    expect(compiled.traces).toBe(1)
  }

  test('a chain becomes one kernel, whatever is broadcast', async () => {
    const x = await tensor(numbers([3, 4])).to('gpu')
    const f = compile((v: Tensor, row: Tensor) => v.mul(row).add(1).sigmoid().mul(v).sub(row))
    const row = numbers([4], 2)
    scope(() => f(x, row))
    const before = gpuCounters().launches
    scope(() => f(x, row))
    expect(gpuCounters().launches).toBe(before + 1)
    await expectSame((v, r) => v.mul(r).add(1).sigmoid().mul(v).sub(r), numbers([3, 4]), row)
  })
  test('a chain of more arrays than a kernel may read becomes several', () => {
    const xs = Array.from({ length: 12 }, (_, i) => numbers([5], i + 1))
    return expectSame((...v) => v.slice(1).reduce((sum, x) => sum.mul(0.5).add(x), v[0]), ...xs)
  })
  test.each([
    ['small', [3, 4], [4, 5]],
    ['in batches', [2, 34, 20], [20, 33]],
    ['of columns', [7, 3], [3, 1]],
  ] as const)('a product with bias and activation is one kernel, %s', async (_, left, right) => {
    const [x, w, bias, scale] = [numbers(left), numbers(right, 2), numbers([right[1]], 3), numbers([left.at(-2)!, 1], 4)]
    const dense = (...[a, b, c, d]: Tensor[]): Tensor => a.matmul(b).add(c).gelu().mul(0.5).sub(d)
    const there = await Promise.all([x, w, bias, scale].map((v) => v.to('gpu')))
    const f = compile(dense)
    scope(() => f(...there))
    const before = gpuCounters().launches
    scope(() => f(...there))
    expect(gpuCounters().launches).toBe(before + 1)
    await expectSame(dense, x, w, bias, scale)
  })
  test.each([
    ['an image', [2, 5, 4, 3], [3, 2, 3, 4], { padding: 'same', strides: 2 }],
    ['groups of a line', [2, 9, 4], [3, 2, 6], { groups: 2 }],
  ] as const)('a convolution with bias and activation is one kernel, of %s', async (_, shape, window, options) => {
    const [x, w, bias] = [numbers(shape), numbers(window, 2), numbers([window.at(-1)!], 3)]
    const layer = (...[a, b, c]: Tensor[]): Tensor => a.conv(b, options).add(c).silu().mul(0.5)
    const there = await Promise.all([x, w, bias].map((v) => v.to('gpu')))
    const f = compile(layer)
    scope(() => f(...there))
    const before = gpuCounters().launches
    scope(() => f(...there))
    expect(gpuCounters().launches).toBe(before + 1)
    await expectSame(layer, x, w, bias)
  })
  test.each([
    ['of one axis', [6], [6]],
    ['of rows', [4, 5], [4, 1]],
    ['of four axes', [2, 3, 2, 5], [3, 1, 5]],
  ] as const)('several results are one launch, %s', async (_, shape, part) => {
    const f = (...[a, b]: Tensor[]): Tensor[] => {
      const product = a.mul(b)
      return [product, product.square().add(b)]
    }
    const xs = [numbers(shape), numbers(part, 2)]
    const there = await Promise.all(xs.map((v) => v.to('gpu')))
    const compiled = compile(f)
    scope(() => compiled(...there))
    const before = gpuCounters().launches
    scope(() => compiled(...there))
    expect(gpuCounters().launches).toBe(before + 1)
    await expectSame(f, ...xs)
  })
  test.each<[string, number, readonly number[], (x: Tensor, y: Tensor) => Tensor]>([
    ['a mean of squares', 1, [4, 5], (x, y) => x.sub(y).square().mean()],
    ['along one axis', 1, [3, 4, 5], (x, y) => x.mul(y).tanh().sum(1)],
    ['of how many are larger', 1, [7, 5], (x, y) => x.greater(y).mean(0)],
    ['but for one that is read in another order', 2, [4, 5], (x, y) => x.add(y).transpose().max(1)],
    ['in two stages', 2, [900, 5], (x, y) => x.mul(y).add(1).sum()],
  ])('a reduction of a formula is stored nowhere: %s', async (_, launches, shape, f) => {
    const xs = [numbers(shape), numbers([5], 2)]
    const [x, y] = await Promise.all(xs.map((v) => v.to('gpu')))
    const compiled = compile(f)
    scope(() => compiled(x, y))
    const before = gpuCounters().launches
    scope(() => compiled(x, y))
    expect(gpuCounters().launches).toBe(before + launches)
    setBackend('cpu')
    const want = f(xs[0], xs[1]).toTypedArray()
    const got = await compiled(x, y).data()
    want.forEach((value, i) => expect(Math.abs(got[i] - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value))))
  })
  test('sums and products of integers are one kernel; what has fractions is stored between', async () => {
    const whole = (x: Tensor): Tensor =>
      x
        .mul(10)
        .add(tensor([1, 2, 3], { dtype: 'int32' }))
        .neg()
    const x = tensor([4, -5, 6], { dtype: 'int32' })
    const there = await x.to('gpu')
    const f = compile(whole)
    scope(() => f(there))
    const before = gpuCounters().launches
    scope(() => f(there))
    expect(gpuCounters().launches).toBe(before + 1)
    await expectSame(whole, x)
    await expectSame((v) => v.div(4).cast('int32').mul(3), x)
  })
  test('products that are read elsewhere too, or by another order, stay products', () =>
    expectSame(
      (x, w) => {
        const product = x.matmul(w)
        return [product.add(1).tanh(), product.transpose().mul(2), x.matmul(w.neg()).transpose().add(1), x.matmul(w.add(1))]
      },
      numbers([3, 4]),
      numbers([4, 3], 2),
    ))
  test('two products in one sum, as a recurrent cell has them', () =>
    expectSame(
      (x, w, h, u, b) => x.matmul(w).add(h.matmul(u)).add(b).sigmoid(),
      numbers([3, 4]),
      numbers([4, 5], 2),
      numbers([3, 2], 3),
      numbers([2, 5], 4),
      numbers([5], 5),
    ))
  test('views go in and come out', () =>
    expectSame((x) => [x.transpose().slice(null, [1, 3]), x.flip(1), stack([x.sum(1), x.max(1)])], numbers([4, 6]).transpose()))
  test('what does not change is computed once, and captured tensors stay where they are', async () => {
    const there = await numbers([3, 2], 5).to('gpu')
    const f = compile((x: Tensor) => x.matmul(there).add(tensor([1, 2]).exp()))
    const x = numbers([4, 3])
    const got = [await f(x).data(), await f(x).data()]
    setBackend('cpu')
    const want = x
      .matmul(numbers([3, 2], 5))
      .add(tensor([1, 2]).exp())
      .toArray()
      .flat()
    for (const one of got) expect([...one]).toEqual(want.map((v: number) => expect.closeTo(v, 4)))
  })
  test('numbers of the host and random numbers are new in every run', () => {
    let count = 0
    const f = (x: Tensor): Tensor[] => {
      const rate = hostNumber(() => (count = (count % 3) + 1))
      return [x.mul(rate), rate.reshape([1]).matmul(tensor([[2, 3]])), random.uniform([5])]
    }
    return expectSame(f, numbers([2, 2]))
  })
  test('variables change in place of their old values, and swap', async () => {
    const run = async (backend: string): Promise<unknown[]> => {
      setBackend('cpu')
      const [w, m, old] = [numbers([3, 2]), zeros([3, 2]), zeros([3, 2])].map((value) => new Variable(value))
      const x = numbers([4, 3], 7)
      setBackend(backend)
      const step = compile(() => {
        const { value, grads } = valueAndGrad(() => x.matmul(w).square().mean(), [w])
        old.assign(w.value)
        m.assign(m.value.mul(0.9).add(grads[0]))
        w.assign(w.value.sub(m.value.mul(0.1)))
        return value
      })
      const losses: number[] = []
      for (let i = 0; i < 4; i++) losses.push((await step().data())[0])
      return [losses, ...(await Promise.all([w, m, old].map(async (variable) => [...(await variable.data())])))]
    }
    const want = await run('cpu')
    expect(await run('gpu')).toEqual(near(want))
  })
  test('what the host does a part of runs op by op', async () => {
    const f = compile((x: Tensor) => x.cast('float64').div(3).cast('float32').add(x))
    expect([...(await f(tensor([3, 6])).data())]).toEqual([4, 8])
    expect(f.explain()).toMatch(/op by op/)
  })
  test('many runs in one job leave buffers and bytes as they were', async () => {
    const w = new Variable(numbers([4, 4]))
    const step = compile((x: Tensor) => void w.assign(w.value.add(x.matmul(w).tanh().mul(0.01))))
    const x = await numbers([4, 4], 3).to('gpu')
    const run = (times: number): void => {
      for (let i = 0; i < times; i++) scope(() => step(x))
    }
    run(20)
    await gpuSettled()
    const { buffers, bytes, pooledBuffers, pooledBytes } = gpuCounters()
    run(mode.name === 'webgpu' ? 1500 : 150)
    await gpuSettled()
    expect(gpuCounters()).toMatchObject({ buffers, bytes, pooledBuffers, pooledBytes })
    expect((await w.data()).every(Number.isFinite)).toBe(true)
  })
  test('kernels serve arrays of any size', async () => {
    const work = async (n: number, m: number): Promise<void> => {
      const [x, w, image] = [numbers([n, m]), numbers([m, n + 1]), numbers([2, n + 2, m + 2, 2])]
      const made = [x.matmul(w).relu(), x.sum(0), x.softmax(), x.transpose().add(1), x.take([1, 0], 1), x.cumsum(1)]
      await Promise.all([...made, image.conv(numbers([2, 3, 2, 4])), image.maxPool(2)].map((result) => result.data()))
    }
    await work(4, 5)
    const { kernels } = gpuCounters()
    await work(7, 6)
    await work(11, 3)
    expect(gpuCounters().kernels).toBe(kernels)
  })
  test('all kernels of the above keep the rules', () => {
    for (const [key, { source, functions }] of engineForTests().sources) {
      const bodies = functions.map((fn) => /\{[\s\S]*\}$/.exec(fn.source)![0])
      expect([key, ...[source, ...bodies].flatMap(violations)]).toEqual([key])
    }
  })
  test('a program of a backend that has ended is made anew', async () => {
    const f = compile((x: Tensor) => x.mul(2).add(1))
    expect([...(await f(tensor([1, 2])).data())]).toEqual([3, 5])
    await useBackend('gpu', { mode: mode.name === 'gpu.js cpu' ? 'webasm' : 'cpu' })
    expect([...(await f(tensor([1, 2])).data())]).toEqual([3, 5])
    expect(f.traces).toBe(2)
  })
})

/** The same with every number near enough. */
const near = (value: unknown): unknown =>
  typeof value === 'number' ? expect.closeTo(value, 5) : Array.isArray(value) ? value.map(near) : value
