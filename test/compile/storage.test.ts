/** Where programs put their values: what is still to be read is never written over, and what nobody reads any more makes room. */
import { compile, currentBackend, random, setDeterministic, setThreads, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { prepare } from '../../packages/tensor/src/backends/wasm/program/program.ts'
import { planStorage, readBy, writtenBy, type Plan } from '../../packages/tensor/src/backends/wasm/program/storage.ts'
import type { Item } from '../../packages/tensor/src/compile/fuse.ts'
import { isWhole, trace, valueOf, type Graph, type Value } from '../../packages/tensor/src/compile/trace.ts'
import { runs } from '../tensor/properties.ts'

const numbers = (x: Tensor): number[] => [...x.toTypedArray()]

/** Of matrices whose rows are no whole vectors: what reads in order, turned, from behind, row by row, and what is no loop. */
const ops: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a, b) => a.matmul(b).tanh(),
  (a, b) => a.mul(b).add(0.5),
  (a, b) => a.sub(b.transpose()),
  (a, b) => a.add(b.flip(1)),
  (a, b) => a.sub(b.slice([1, 2])),
  (a) => a.sub(a.mean(0)).tanh(),
  (a) => a.softmax(),
  (a) => a.greater(0).cast('float32').add(a),
  (a, b) =>
    a
      .reshape([25])
      .add(b.reshape([25]).flip(0))
      .reshape([5, 5]),
]

const steps = fc.array(fc.record({ op: fc.nat(ops.length - 1), a: fc.nat(3), b: fc.nat(3) }), { minLength: 2, maxLength: 12 })

type Steps = readonly { readonly op: number; readonly a: number; readonly b: number }[]

/** The last result alone is returned: the others are dead sooner or later. */
function run(program: Steps, x: Tensor): Tensor {
  const made = [x]
  for (const { op, a, b } of program)
    made.push(ops[op](made[Math.max(0, made.length - 1 - a)], made[Math.max(0, made.length - 1 - b)]))
  return made.at(-1)!
}

describe.runIf(currentBackend().name === 'wasm')('the arena', () => {
  const planOf = (f: (x: Tensor) => Tensor, shape: readonly number[]): { graph: Graph; items: readonly Item[]; plan: Plan } => {
    const traced = trace([{ shape, dtype: 'float32' }], ([x]) => f(x), (y) => [y]) // prettier-ignore
    const { graph, items } = prepare(traced.graph, currentBackend(), true)
    return { graph, items, plan: planStorage(graph, items) }
  }

  afterEach(() => {
    setDeterministic(false)
    setThreads()
  })

  test('of two values that share memory one is dead before the other is written, or dies in the loop that writes over it in order', () => {
    let shared = 0
    fc.assert(
      fc.property(steps, (program) => {
        const { graph, items, plan } = planOf((x) => run(program, x), [5, 5])
        const uses = (value: Value, of: typeof readBy): number[] =>
          items.flatMap((item, i) => (of(item).some((x) => valueOf(x) === value) ? [i] : []))
        const lives = [...plan.offsets].map(([value, at]) => {
          const isLasting = value.origin.kind !== 'computed'
          const [written, read] = [uses(value, writtenBy), uses(value, readBy)]
          const isResult = graph.outputs.some((x) => valueOf(x) === value)
          const begin = isLasting ? -1 : written[0]
          const end = isLasting || isResult ? items.length : Math.max(...read, ...written)
          return { value, at, bytes: value.bytes, begin, end }
        })
        for (const a of lives)
          for (const b of lives) {
            if (a === b || a.at >= b.at + b.bytes || b.at >= a.at + a.bytes || a.end < b.begin || b.end < a.begin) continue
            const [first, second] = a.begin < b.begin ? [a, b] : [b, a]
            const item = items[second.begin]
            const read = readBy(item).filter((x) => valueOf(x) === first.value)
            expect({ at: first.at, bytes: first.bytes, end: first.end }).toEqual({
              at: second.at,
              bytes: second.bytes,
              end: second.begin,
            })
            expect(item.kind === 'loop' && read.length > 0 && read.every(isWhole)).toBe(true)
            shared++
          }
      }),
      runs(1),
    )
    expect(shared).toBeGreaterThan(0)
  })

  test.each([1, 2])('random programs whose values die on the way, bit by bit, on %i threads', (count) => {
    setDeterministic(true)
    setThreads(count)
    const x = new random.Generator(1).normal([5, 5])
    fc.assert(
      fc.property(steps, (program) => {
        expect(numbers(compile((y: Tensor) => run(program, y))(x))).toEqual(numbers(run(program, x)))
      }),
      runs(0.6),
    )
  })

  test('a chain of loops and products takes the memory of two values, however long it is', () => {
    const bytes = [2, 9].map(
      (layers) =>
        planOf((x) => Array.from({ length: layers }).reduce<Tensor>((y) => y.matmul(x).tanh().square(), x), [64, 64]).plan.bytes,
    )
    expect(bytes[0]).toBe(bytes[1])
    // The input, and two matrices, each with what vectors may touch behind it.
    expect(bytes[1]).toBeLessThan(3 * (64 * 64 * 4 + 128) + 256)
  })
})
