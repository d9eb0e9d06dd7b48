import fc from 'fast-check'
import { formulaOps, functions, tensor, where, zeros, type Tensor } from '@typegrad/tensor'
import { grad } from '@typegrad/autograd'
import { describe, expect, test } from 'vitest'
import { numbers, viewCase, viewOf } from './arrays.ts'
import { kernelOf, twoSteps } from './kernels.ts'
import { onEveryMode } from './modes.ts'
import { expectSame } from './same.ts'
import { onHost } from './sources.ts'

type Method = (this: Tensor, ...args: unknown[]) => Tensor
const call = (name: string, [x, ...rest]: readonly Tensor[]): Tensor =>
  (x as unknown as Record<string, Method>)[name].call(x, ...rest)

const special = [
  0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 1e-3, -1e-5, 0.1, -0.9, 0.99, 7.25, 20, -20, 88, -88, 100, -100, 1e4, -1e4, 12345.5,
]
const edges = [Infinity, -Infinity, NaN]

/** What single precision cannot do as the host's double precision does: the reason, and what is asked of it instead. */
const loose: Readonly<Record<string, number>> = {
  // e^(q log p) multiplies the error of the logarithm by q.
  pow: 1e-5,
}

onEveryMode(() => {
  describe.each(Object.keys(functions).filter((name) => !onHost.includes(name)))('the formula function %s', (name) => {
    const { value } = functions[name]
    const arity = name === 'select' ? 3 : value.length
    test('agrees with its value on numbers', async () => {
      const kernel = kernelOf(name, arity)
      // The remainder is as exact as a - b · ⌊a/b⌋ is in single precision: with integers.
      const from = name === 'mod' ? special.filter((v) => Number.isInteger(v)) : special
      const pairs = arity === 1 ? from.map((a) => [a, 0]) : from.flatMap((a) => from.map((b) => [a, b]))
      const rows = [...pairs, ...edges.flatMap((a) => [1, -1].flatMap((b) => (arity === 1 ? [[a, 0]] : [[a, b]])))]
      const columns = [0, 1].map((i) => tensor(Float32Array.from(rows, (row) => row[i])))
      const args = [...columns, columns[1].add(2)].slice(0, arity)
      const got = await kernel(args)
      const wrong = rows.flatMap((_, i) => {
        const numbers = args.map((arg) => arg.toTypedArray()[i]) as [number, number, number]
        const want = Math.fround(value(...numbers))
        const difference = Math.abs(got[i] - want)
        const near = difference <= (loose[name] ?? 3e-6) * Math.abs(want) || difference < 1e-7
        return near || Object.is(got[i], want) ? [] : [`${name}(${numbers.join()}) is ${got[i]}, expected ${want}`]
      })
      expect(wrong).toEqual([])
    })
  })

  const rowsAndOptions = Object.values(formulaOps).map((op) => ({
    op,
    tensors: op.args.filter((arg) => /^(x|a|b|low|high|condition)$/.test(arg)),
  }))
  test.each(rowsAndOptions.map(({ op, tensors }) => [op.name, tensors.length] as const))(
    '%s of strided and broadcast tensors',
    async (name, arity) => {
      const xs = [numbers([3, 5, 2], 1).transpose([1, 0, 2]), numbers([3, 1], 2), numbers([2], 3)].slice(
        0,
        name === 'squareplus' ? 1 : arity,
      )
      await expectSame(() => call(name, xs), { relative: 5e-6 })
    },
  )
  test.each(['relu', 'elu', 'gelu', 'geluTanh', 'selu', 'sigmoid', 'silu', 'mish', 'softplus', 'tanh', 'hardSilu', 'leakyRelu'])(
    'the gradient of %s',
    async (name) => {
      await expectSame(() => grad((x) => call(name, [x]).square().sum())(numbers([40])), { relative: 1e-5 })
    },
  )

  test('any two views, broadcast', async () => {
    await fc.assert(
      fc.asyncProperty(viewCase, fc.nat(4), async (view, axes) => {
        const x = viewOf(view)
        const y = numbers(
          x.shape.slice(Math.min(axes, x.rank)).map((n, i) => (i % 2 ? 1 : n)),
          7,
        )
        await expectSame(() => [x.mul(y).add(0.5), y.sub(x), where(x.greater(y), x, 3)])
      }),
      { numRuns: 40 },
    )
  })
  test('more axes, and longer ones, than a launch has', async () => {
    const x = numbers([2, 3, 2, 3, 2]).transpose([4, 2, 0, 3, 1])
    await expectSame(() =>
      x
        .add(numbers([3]))
        .transpose()
        .add(1),
    )
  })
  test.each(['int32', 'uint8', 'bool'] as const)('%s keeps its arithmetic', async (dtype) => {
    const x = numbers([30])
      .mul(dtype === 'bool' ? 1 : 20)
      .abs()
      .cast(dtype)
    const y = numbers([30], 2).mul(9).abs().add(1).cast(dtype)
    await expectSame(
      () => [x.add(y), x.mul(y), x.maximum(y), x.equal(y), x.div(y), x.cast('float32').mul(0.5), x.mul(100).cast('uint8')],
      { relative: 1e-6 },
    )
    if (dtype === 'int32') await expectSame(() => [x.sub(y).floorDivide(y), x.sub(y).mod(y), y.pow(3), x.neg().abs()])
  })
  test('float to integer drops the fraction, and NaN becomes 0', async () => {
    const x = tensor([2.7, -2.7, 255.5, 256.5, -1, NaN, Infinity])
    await expectSame(() => [x.cast('int32'), x.cast('uint8'), x.cast('bool')])
  })
  test('tensors without elements, and without axes', async () => {
    await expectSame(() => [
      zeros([0, 3]).add(1),
      zeros([0, 3]).mul(zeros([1, 3])),
      tensor(2).mul(3),
      zeros([2, 2]),
      zeros([2, 2]).add(1),
    ])
  })
  test('an update of several variables at once, and one whose inputs are not walked evenly', async () => {
    for (const g of [numbers([4, 6], 5), numbers([6, 4], 5).transpose()]) {
      const [got, want] = [await twoSteps('gpu', g), await twoSteps('cpu', g)]
      got.forEach((values, i) => values.forEach((v, k) => expect(v).toBeCloseTo(want[i][k], 5)))
    }
  })
})
