/** Modules are cached by keys: equal keys must mean equal modules. */
import { vjp } from '@typegrad/autograd'
import { formulaOps, applyFormula, random, setBackend, setDeterministic, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limits } from '../../../packages/tensor/src/backends/wasm/limits.ts'
import { runtime } from '../../../packages/tensor/src/backends/wasm/start.ts'
import { runs } from '../properties.ts'

const modules = new Map<string, string>()
const collisions: string[] = []
const before = { ...limits }

beforeEach(() => {
  setBackend('wasm')
  Object.assign(limits, { light: 0, reduce: 0, argReduce: 0, gather: 0, rowsReused: Infinity })
  const kernel = runtime!.kernel.bind(runtime)
  vi.spyOn(runtime!, 'kernel').mockImplementation((key, build) => {
    const bytes = Buffer.from(build()).toString('base64')
    const known = modules.get(key)
    if (known === undefined) modules.set(key, bytes)
    else if (known !== bytes) collisions.push(key)
    return kernel(key, build)
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  Object.assign(limits, before)
  setDeterministic(false)
})

const size = fc.integer({ min: 1, max: 9 })
const job = fc.record({
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  deterministic: fc.boolean(),
  rank: fc.integer({ min: 1, max: 3 }),
  sizes: fc.tuple(size, size, size),
  channels: fc.integer({ min: 1, max: 6 }),
  groups: fc.integer({ min: 1, max: 3 }),
  window: fc.integer({ min: 1, max: 3 }),
  strides: fc.integer({ min: 1, max: 3 }),
  padding: fc.constantFrom('valid' as const, 'same' as const),
  axes: fc.subarray([0, 1, 2, 3, 4]),
  op: fc.constantFrom(...Object.keys(formulaOps)),
})

test('random work of every kind asks for no two modules by one key', () => {
  const generator = new random.Generator(1)
  fc.assert(
    fc.property(job, ({ dtype, deterministic, rank, sizes, channels, groups, window, strides, padding, axes, op }) => {
      setDeterministic(deterministic)
      const lengths = sizes.slice(0, rank).map((length) => length + 2)
      const draw = (shape: readonly number[]): Tensor => generator.uniform([...shape], { dtype })
      const x = draw([2, ...lengths, channels * groups])
      const kernel = draw([...lengths.map(() => window), channels, 2 * groups])
      const { value, pullback } = vjp((a, b) => a.conv(b, { strides, padding, groups }), x, kernel)
      pullback(value)
      for (const pool of ['maxPool', 'averagePool'] as const) {
        const pooled = vjp((t) => t[pool](window, { strides: Math.min(strides, window), padding }), x)
        pooled.pullback(pooled.value)
      }
      const over = axes.filter((axis) => axis < x.rank)
      for (const name of ['sum', 'mean', 'max', 'min', 'norm', 'any', 'all'] as const) x[name](over)
      x.argmax(over[0] ?? 0)
      x.argsort()
      const taken = vjp((t) => t.take([0, 1, 0]), x)
      taken.pullback(taken.value)
      x.softmax()
      x.logSoftmax(0)
      x.matmul(x.swapaxes(-1, -2))
      const row = formulaOps[op]
      const operands = row.args.map((_, i) => (i % 2 ? draw([channels * groups]) : x))
      applyFormula(row, operands)
    }),
    runs(0.5),
  )
  expect(collisions).toEqual([])
  expect(modules.size).toBeGreaterThan(40)
})
