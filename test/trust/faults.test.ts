/** What goes wrong in the middle of a step: every allocation of it, in turn; a worker thread. The library goes on, and nothing is half done. */
import { GradientTape } from '@typegrad/autograd'
import { Dense } from '@typegrad/layers'
import { losses } from '@typegrad/losses'
import { Sequential } from '@typegrad/model'
import { Adam } from '@typegrad/optim'
import {
  BackendError,
  internals,
  random,
  registerBackend,
  setBackend,
  setSeed,
  tensor,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import { afterEach, describe, expect, test } from 'vitest'
import { i32, ModuleBuilder } from '../../packages/tensor/src/backends/wasm/assembler/index.ts'
import { platform, type WorkerHandle } from '../../packages/tensor/src/backends/wasm/platform.node.ts'
import { ThreadPool } from '../../packages/tensor/src/backends/wasm/threads.ts'
import { numbersFrom } from '../tensor/arrays.ts'
import { backends } from '../tensor/backends.ts'

let left = Infinity

/** A backend whose allocation number `left` fails, as when memory runs out. */
function faulty(name: string): string {
  const backend = internals.backendNamed(name)
  registerBackend({
    ...backend,
    name: `faulty ${name}`,
    allocate(dtype, size) {
      if (left-- <= 0) throw new BackendError(`out of memory: ${size} elements of ${dtype} cannot be allocated`)
      return backend.allocate(dtype, size)
    },
  })
  return `faulty ${name}`
}

const bitsOf = (weights: readonly Variable[]): string => weights.map(({ value }) => value.toTypedArray().join()).join(';')

describe.each([...new Set(backends.map(({ name }) => name))])('out of memory on %s', (name) => {
  const [x, y] = [tensor([[1, 2], [3, -1], [0, 1]]), tensor([[1], [0], [2]])] // prettier-ignore

  function trained(): { model: Sequential; step: () => Tensor; weights: readonly Variable[] } {
    setSeed(1)
    const model = new Sequential([new Dense({ units: 4, inputDim: 2, activation: 'tanh' }), new Dense({ units: 1 })])
    model.apply(x)
    const [optimizer, loss] = [new Adam({ learningRate: 0.1 }), new losses.MeanSquaredError()]
    const weights = model.trainableWeights
    const step = (): Tensor => {
      const tape = new GradientTape()
      const cost = tape.run(() => loss.apply(y, model.apply(x, { training: true })))
      optimizer.apply(tape.gradient(cost, weights), weights)
      return cost
    }
    return { model, step, weights }
  }

  test('at allocation n of a step, for every n: a typed error; each weight is the old or the new one; the next step works', () => {
    const before = setBackend(faulty(name))
    try {
      left = Infinity
      const reference = trained()
      reference.step()
      const old = bitsOf(reference.weights).split(';')
      reference.step()
      const next = bitsOf(reference.weights).split(';')
      let failures = 0
      for (let n = 0; ; n++) {
        left = Infinity
        const { step, weights } = trained()
        step()
        left = n
        let error: unknown
        try {
          step()
        } catch (caught) {
          error = caught
        }
        const finished = left > 0 || error === undefined
        left = Infinity
        if (finished) break
        failures++
        expect(error).toBeInstanceOf(BackendError)
        bitsOf(weights).split(';').forEach((bits, i) => expect([old[i], next[i]]).toContain(bits)) // prettier-ignore
        expect(Number.isFinite(step().item())).toBe(true)
        expect(Number.isFinite(step().item())).toBe(true)
      }
      expect(failures).toBeGreaterThan(10)
      console.info(`survived: ${failures} allocations that failed on ${name}`)
    } finally {
      left = Infinity
      setBackend(before)
    }
  })

  test('fit rejects with the error, and goes on afterwards', async () => {
    const before = setBackend(faulty(name))
    try {
      for (const n of [0, 3, 10, 40]) {
        left = Infinity
        setSeed(1)
        const model = new Sequential([new Dense({ units: 4, inputDim: 2 }), new Dense({ units: 1 })]).compile({
          loss: 'mse',
          optimizer: 'adam',
        })
        left = n
        const outcome = await model.fit(x, y, { epochs: 3, verbose: 0 }).then(
          () => 'finished',
          (error: unknown) => error,
        )
        left = Infinity
        expect(outcome === 'finished' || outcome instanceof BackendError).toBe(true)
        const { history } = await model.fit(x, y, { epochs: 1, verbose: 0 })
        expect(Number.isFinite(history['loss'][0])).toBe(true)
      }
    } finally {
      left = Infinity
      setBackend(before)
    }
  })
})

describe('a worker that is killed', () => {
  const pools: ThreadPool[] = []
  afterEach(() => {
    for (const pool of pools.splice(0)) pool.close()
  })

  // 20 times, and as often as KILLS says by night.
  const kills = Number(process.env['KILLS'] ?? 20)
  test('at a random moment: the same bits or an error within the patience, and never a wrong result', async () => {
    const module = new ModuleBuilder({ memory: { shared: true } })
    const params = { job: 'i32', begin: 'i32', end: 'i32', scratch: 'i32' } as const
    module.export(
      module.func('run', { params }, (f, { job, begin, end }) =>
        f.for(begin, end, 1, (task) => {
          const x = f.let(i32.const(1))
          f.repeat(20_000, () => f.set(x, i32.mul(x, 3)))
          f.do(i32.store(i32.add(job, i32.mul(task, 4)), i32.add(i32.and(x, 1), task)))
        }),
      ),
    )
    const compiled = module.compile()
    const random = numbersFrom(3)
    let [right, refused] = [0, 0]
    for (let round = 0; round < kills; round++) {
      const handles: WorkerHandle[] = []
      const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true })
      const spy = {
        ...platform,
        startWorker: (): WorkerHandle => {
          const handle = platform.startWorker()
          handles.push(handle)
          return handle
        },
      }
      const pool = new ThreadPool(memory, spy, { patience: 500 })
      pools.push(pool)
      pool.setCount(3)
      const { run } = pool.add(compiled)
      const kill = 2 + Math.floor(random() * 12)
      for (let step = 0; step < 16; step++) {
        const words = new Int32Array(memory.buffer)
        words.fill(0)
        if (step === kill) handles[Math.floor(random() * handles.length)]?.terminate()
        if (step % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
        try {
          pool.run(run, 0x100, { tasks: 40, grain: 1 }, { address: 0x10000, bytes: 64 })
          expect(Array.from(words.subarray(0x40, 0x40 + 40))).toEqual(Array.from({ length: 40 }, (_, task) => task + 1))
          right++
        } catch (error) {
          if (!/worker/.test(String(error))) throw error
          refused++
        }
      }
    }
    expect(right + refused).toBe(16 * kills)
    expect(right).toBeGreaterThan(14 * kills)
    console.info(`survived: ${kills} workers killed, ${right} steps right, ${refused} refused`)
  }, 600_000)
})

test('an exception thrown by the user in the middle of a tape leaves no listener behind', () => {
  setSeed(1)
  const tape = new GradientTape()
  const fail = (): never => {
    throw new Error('stop')
  }
  expect(() => tape.run(() => { random.uniform([3]).exp(); fail() })).toThrow(/stop/) // prettier-ignore
  const x = tensor([1, 2])
  const next = new GradientTape()
  next.watch(x)
  const y = next.run(() => x.square().sum())
  expect(next.gradient(y, x)!.toArray()).toEqual([2, 4])
})
