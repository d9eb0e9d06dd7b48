import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type FunctionBuilder,
  i32,
  type Local,
  ModuleBuilder,
  v128,
} from '../../../packages/tensor/src/backends/wasm/assembler/index.ts'
import { Background } from '../../../packages/tensor/src/backends/wasm/background.ts'
import { detectFeatures } from '../../../packages/tensor/src/backends/wasm/features.ts'
import { buildGemm, gemmScratchBytes, limits, writeGemmJob } from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'
import { type Platform, platform, type WorkerHandle } from '../../../packages/tensor/src/backends/wasm/platform.node.ts'
import { ThreadPool } from '../../../packages/tensor/src/backends/wasm/threads.ts'
import { BackendError } from '../../../packages/tensor/src/errors.ts'

const scratch = { address: 0x10000, bytes: 64 }
const job = 0x100

type Words = Record<'job' | 'begin' | 'end' | 'scratch', Local<'i32'>>

/** A kernel module: `write` is the body for one task. */
function kernel(write: (f: FunctionBuilder, words: Words, task: Local<'i32'>) => void): WebAssembly.Module {
  const module = new ModuleBuilder({ memory: { shared: true } })
  const params = { job: 'i32', begin: 'i32', end: 'i32', scratch: 'i32' } as const
  module.export(module.func('run', { params }, (f, p) => f.for(p.begin, p.end, 1, (task) => write(f, p, task))))
  return module.compile()
}

/** Counts in one word for each task, and writes the thread's scratch address into the word after it. */
const counting = kernel((f, { job, scratch }, task) => {
  const at = f.let(i32.add(job, i32.mul(task, 8)))
  f.do(i32.store(at, i32.add(i32.load(at), 1)), i32.store(at, scratch, 4))
})
/** The same after some work, so that workers have time to take part. */
const slow = kernel((f, { job, scratch }, task) => {
  const at = f.let(i32.add(job, i32.mul(task, 8)))
  const x = f.let(i32.const(1))
  f.repeat(1_000_000, () => f.set(x, i32.mul(x, 3)))
  f.do(i32.store(at, i32.add(i32.load(at), i32.and(x, 1))), i32.store(at, scratch, 4))
})

type Started = ReturnType<typeof start>

const pools: ThreadPool[] = []
function start(count: number, options: { patience?: number; platform?: Platform; memory?: WebAssembly.Memory } = {}) {
  const memory = options.memory ?? new WebAssembly.Memory({ initial: 256, maximum: 256, shared: true })
  const pool = new ThreadPool(memory, options.platform ?? platform, options)
  pools.push(pool)
  pool.setCount(count)
  return { pool, memory, words: new Int32Array(memory.buffer) }
}
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close()
})

/** Runs a job until three threads, or all, have taken part. */
function warm({ pool, words }: Started, run: number): void {
  const wanted = Math.min(3, pool.state().count)
  const seen = new Set<number>()
  for (const deadline = Date.now() + 30_000; seen.size < wanted && Date.now() < deadline;) {
    pool.run(run, job, { tasks: 64, grain: 1 }, scratch)
    for (let task = 0; task < 64; task++) seen.add(words[job / 4 + 2 * task + 1])
  }
  words.fill(0)
  expect(seen.size).toBeGreaterThanOrEqual(wanted)
}

test('every task runs once, whatever the threads', () => {
  for (const count of [1, 2, 4]) {
    const started = start(count)
    const { pool, words } = started
    const { run } = pool.add(counting)
    warm(started, pool.add(slow).run)
    let rounds = 0
    for (const tasks of [0, 1, 2, 3, 7, 64, 1000]) {
      for (const grain of [1, 2, 5, 1000]) {
        pool.run(run, job, { tasks, grain }, scratch)
        rounds++
        const counts = Array.from({ length: 1001 }, (_, task) => words[job / 4 + 2 * task])
        expect(counts.every((x, task) => x === (task < tasks ? 1 : 0))).toBe(true)
        words.fill(0)
      }
    }
    expect(rounds).toBe(28)
    // More chunks than there are numbers for.
    pool.run(run, job, { tasks: 200_000, grain: 1 }, scratch)
    expect(Array.from({ length: 200_000 }, (_, task) => words[job / 4 + 2 * task]).every((x) => x === 1)).toBe(true)
    pool.close()
  }
})

test('tasks are taken in order, each once, when they are done, whatever the threads', () => {
  for (const count of [1, 2, 4]) {
    const started = start(count)
    const { pool, words } = started
    const runs = [pool.add(counting).run, pool.add(slow).run]
    warm(started, runs[1])
    for (const run of runs) {
      for (const [tasks, grain] of [
        [0, 1],
        [1, 1],
        [7, 2],
        [64, 1],
        [run === runs[0] ? 1000 : 100, 3],
      ]) {
        let taken = 0
        pool.run(run, job, { tasks, grain }, scratch, (begin, end) => {
          expect([begin, end > begin || tasks === 0]).toEqual([taken, true])
          for (; taken < end; taken++) expect(words[job / 4 + 2 * taken]).toBe(1)
        })
        expect(taken).toBe(tasks)
        words.fill(0)
      }
    }
  }
})

test('of an offer every chunk is done once, in its place, whatever the threads', () => {
  expect(start(1).pool.offer(0, job, 1, scratch)).toBe(undefined)
  for (const count of [2, 4]) {
    const started = start(count)
    const { pool, words } = started
    const { run } = pool.add(counting)
    warm(started, pool.add(slow).run)
    for (const [grain, chunks] of [
      [1, 0],
      [1, 1],
      [2, 2],
      [5, 200],
    ]) {
      const offer = pool.offer(run, job, grain, scratch)!
      const { room } = offer
      let taken = 0
      const deadline = Date.now() + 30_000
      for (let given = 0; given < chunks; given++) {
        // A place is given again when it is free.
        while (given - taken === room && Date.now() < deadline) if (offer.isDone(taken)) taken++
        offer.give()
      }
      offer.finish()
      for (let chunk = Math.max(0, chunks - room); chunk < chunks; chunk++) expect(offer.isDone(chunk)).toBe(true)
      const counts = Array.from({ length: room * grain + 1 }, (_, task) => words[job / 4 + 2 * task])
      const wanted = counts.map((_, task) => {
        const place = Math.floor(task / grain)
        return place < room ? Math.floor(chunks / room) + Number(place < chunks % room) : 0
      })
      expect(counts).toEqual(wanted)
      words.fill(0)
      // And as before.
      pool.run(run, job, { tasks: 100, grain: 1 }, scratch)
      expect(Array.from({ length: 101 }, (_, task) => words[job / 4 + 2 * task]).lastIndexOf(1)).toBe(99)
      words.fill(0)
    }
  }
})

test('many short jobs, while workers sleep and wake', async () => {
  const started = start(3)
  const { pool, words } = started
  const { run } = pool.add(counting)
  warm(started, pool.add(slow).run)
  for (let i = 0; i < 2000; i++) {
    pool.run(run, job, { tasks: 8, grain: 1 }, scratch)
    if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(Array.from({ length: 8 }, (_, task) => words[job / 4 + 2 * task])).toEqual(Array.from({ length: 8 }, () => 2000))
})

test.runIf(process.platform === 'linux')('workers leave the processors to the main thread where there are too few', () => {
  const started = start(3)
  warm(started, started.pool.add(slow).run)
  // The 19th number of a thread is how nice it is; the name before them may have blanks.
  const nice = (thread: string): number =>
    Number(readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ')[1].split(' ')[16])
  const threads = readdirSync('/proc/self/task').map(nice)
  const main = nice(String(process.pid))
  expect(main).toBe(getPriority(process.pid))
  expect(threads.filter((one) => one === Math.min(19, main + 5)).length).toBeGreaterThanOrEqual(2)
})

test('a module that is added later reaches the workers', () => {
  const started = start(2)
  const first = started.pool.add(slow)
  warm(started, first.run)
  const second = started.pool.add(slow)
  expect(second.run).not.toBe(first.run)
  warm(started, second.run)
})

test('a module that is removed is gone on all threads; the others keep their numbers, on workers that start later too', () => {
  const started = start(2)
  const { pool } = started
  const [first, second] = [pool.add(slow), pool.add(slow)]
  warm(started, first.run)
  pool.remove(first)
  pool.remove(first)
  expect([pool.modules, pool.function(first.run)]).toEqual([1, undefined])
  warm(started, second.run)
  const third = pool.add(slow)
  expect(third.run).toBeGreaterThan(second.run)
  warm(started, third.run)
  pool.close()
  pool.setCount(2)
  warm(started, third.run)
  expect(pool.state().count).toBe(2)
})

test('a product has the same bits on 1, 2, 3, 4 and 8 threads', () => {
  detectFeatures(platform.enableRelaxedSimd)
  const [m, n, k] = [150, 170, 300]
  const results = [1, 2, 3, 4, 8].map((count) => {
    const started = start(count)
    const { pool, memory, words } = started
    warm(started, pool.add(slow).run)
    const { gemm } = pool.add(new WebAssembly.Module(buildGemm({ type: 'f32', fused: true, shared: true })))
    const floats = new Float32Array(memory.buffer)
    for (let i = 0; i < 200_000; i++) floats[0x1000 + i] = Math.sin(i)
    const a = { address: 0x4000, rowStride: k, columnStride: 1 }
    const b = { address: 0x4000 + 4 * m * k, rowStride: n, columnStride: 1 }
    const c = { address: 0x4000 + 4 * (m * k + k * n), rowStride: n }
    expect(2 * m * n * k).toBeGreaterThan(limits.parallel)
    for (let round = 0; round < 20; round++) {
      const split = writeGemmJob(words, job, 'f32', { m, n, k, a, b, c }, count)
      pool.run(gemm, job, split, { address: 0x100000, bytes: gemmScratchBytes('f32') })
    }
    return Buffer.from(memory.buffer, c.address, 4 * m * n).toString('base64')
  })
  expect(new Set(results).size).toBe(1)
})

/** The first error of a job that is run over and over: which thread takes which task is chance. */
function thrownBy(pool: ThreadPool, run: number): unknown {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    try {
      pool.run(run, job, { tasks: 64, grain: 1 }, scratch)
    } catch (error) {
      return error
    }
  }
  return undefined
}

describe('when something goes wrong', () => {
  const trapping = kernel((f, { scratch: mine }) => {
    f.if(i32.ne(mine, scratch.address), () => f.unreachable())
  })
  const trappingHere = kernel((f, { scratch: mine }) => {
    f.if(i32.eq(mine, scratch.address), () => f.unreachable())
  })
  /** A worker that takes a task never comes back; the main thread gives them time to take one. */
  const hanging = kernel((f, { scratch: mine }) => {
    f.if(i32.ne(mine, scratch.address), () => f.loop((again) => f.branch(again)))
    const x = f.let(v128.not(v128.load(0)))
    f.repeat(10_000_000, () => f.set(x, v128.not(x)))
    f.do(v128.store(0, x))
  })

  test('a trap on a worker is an error, and the threads go on', () => {
    const started = start(2)
    const { run } = started.pool.add(slow)
    warm(started, run)
    const bad = started.pool.add(trapping).run
    const thrown = thrownBy(started.pool, bad)
    expect(thrown).toBeInstanceOf(BackendError)
    expect(String(thrown)).toMatch(/trapped on a worker/)
    warm(started, run)
  })

  test('a trap on the main thread is thrown when the others are done', () => {
    const started = start(2)
    const { run } = started.pool.add(slow)
    const bad = started.pool.add(trappingHere).run
    warm(started, run)
    expect(thrownBy(started.pool, bad)).toBeInstanceOf(WebAssembly.RuntimeError)
    warm(started, run)
  })

  test('a worker that does not come back is reported, and work goes on with one thread', () => {
    const started = start(3, { patience: 1500 })
    const { pool, words } = started
    const { run } = pool.add(counting)
    warm(started, pool.add(slow).run)
    const bad = pool.add(hanging).run
    const began = Date.now()
    expect(() => {
      for (;;) pool.run(bad, job, { tasks: 8, grain: 1 }, scratch)
    }).toThrow(/did not finish it within 1500 ms/)
    expect(Date.now() - began).toBeLessThan(10_000)
    expect(pool.state()).toEqual({ count: 1, reason: expect.stringMatching(/did not finish/) })
    pool.run(run, job, { tasks: 8, grain: 1 }, scratch)
    expect(words[job / 4]).toBe(1)
    pool.setCount(2)
    warm(started, pool.add(slow).run)
  })

  test('a worker that ends is reported, and work goes on with one thread', async () => {
    const handles: WorkerHandle[] = []
    const spy: Platform = {
      ...platform,
      startWorker() {
        const handle = platform.startWorker()
        handles.push(handle)
        return handle
      },
    }
    const started = start(3, { platform: spy })
    const { pool, words } = started
    warm(started, pool.add(slow).run)
    const ended = new Promise<string>((resolve) => handles[0].onEnd(resolve))
    handles[0].terminate()
    expect(await ended).toMatch(/ended with code/)
    expect(pool.state()).toEqual({ count: 1, reason: await ended })
    pool.run(pool.add(counting).run, job, { tasks: 8, grain: 1 }, scratch)
    expect(words[job / 4]).toBe(1)
  })

  test.each([
    [{ startWorker: () => fail() }, /could not be started: Error: no threads today/],
    [
      {
        startWorker: () => ({
          post() {},
          onEnd: (listener: (reason: string) => void) => queueMicrotask(() => listener('gone')),
          terminate() {},
        }),
      },
      /gone/,
    ],
  ])('a worker that cannot start costs nothing', async (broken, reason) => {
    const { pool, words } = start(4, { platform: { ...platform, ...broken } })
    const { run } = pool.add(counting)
    for (let i = 0; i < 3; i++) pool.run(run, job, { tasks: 8, grain: 1 }, scratch)
    expect(words[job / 4]).toBe(3)
    await Promise.resolve()
    expect(pool.state()).toEqual({ count: 1, reason: expect.stringMatching(reason) })
  })

  test('memory that is not shared means one thread', () => {
    const { pool } = start(4, { memory: new WebAssembly.Memory({ initial: 1 }) })
    expect(pool.state()).toEqual({ count: 1, reason: expect.stringMatching(/not shared/) })
  })
})

describe('a job in the background', () => {
  const tasks = 100
  const countsOf = ({ words }: Started): number[] => Array.from({ length: tasks + 1 }, (_, task) => words[job / 4 + 2 * task])
  const once = [...Array<number>(tasks).fill(1), 0]

  /** A job of which other threads, if there are any, have done something. */
  function begun(count: number) {
    const started = start(count)
    const { pool, words } = started
    const { run } = pool.add(slow)
    warm(started, run)
    const finish = pool.background(run, job, tasks, scratch, {})
    const deadline = Date.now() + (count > 1 ? 30_000 : 0)
    while (words.every((x) => x === 0) && Date.now() < deadline);
    expect(countsOf(started).includes(1)).toBe(count > 1)
    return { ...started, finish }
  }

  test.each([1, 2, 4])('every task runs once, whatever else is done meanwhile: %i threads', (count) => {
    const { finish, ...started } = begun(count)
    const other = 0x8000
    started.pool.run(started.pool.add(counting).run, other, { tasks: 8, grain: 1 }, scratch)
    expect(started.words[other / 4]).toBe(1)
    finish()
    expect(countsOf(started)).toEqual(once)
    finish()
    expect(countsOf(started)).toEqual(once)
  })

  test('is done before threads are stopped', () => {
    const started = begun(3)
    started.pool.setCount(1)
    expect(countsOf(started)).toEqual(once)
  })

  test('is done without the thread that began it and is gone', () => {
    const done: number[] = []
    const background = new Background({ kernel: 0, job: 5, tasks: 3 }, (...task) => void done.push(...task), 7, {})
    const claims = new Int32Array(background.told.claims)
    Atomics.add(claims, 0, 1)
    background.finish(true, 20)
    expect(done).toEqual([5, 1, 2, 7, 5, 2, 3, 7])
    expect(background.isDone).toBe(false)
  })
})

test('a script with a pool ends by itself', () => {
  const path = (name: string): string => new URL(name, import.meta.url).href
  const script = `
    const { ThreadPool } = await import('${path('../../../packages/tensor/src/backends/wasm/threads.ts')}')
    const { platform } = await import('${path('../../../packages/tensor/src/backends/wasm/platform.node.ts')}')
    const memory = new WebAssembly.Memory({ initial: 128, maximum: 128, shared: true })
    const pool = new ThreadPool(memory, platform)
    pool.setCount(3)
    const { run } = pool.add(new WebAssembly.Module(Buffer.from('${Buffer.from(slowBytes()).toString('base64')}', 'base64')))
    for (let i = 0; i < 50; i++) pool.run(run, 256, { tasks: 64, grain: 1 }, { address: 65536, bytes: 64 })
    console.log(new Int32Array(memory.buffer)[64], pool.state().count)`
  const register = path('../../../scripts/ts-register.mjs')
  const args = ['--conditions=@typegrad/source', '--import', register, '--input-type=module', '-e', script]
  const env = { ...process.env, VITEST: '' }
  expect(execFileSync(process.execPath, args, { timeout: 30_000, encoding: 'utf8', env }).trim()).toBe('50 3')
})

function slowBytes(): Uint8Array {
  const module = new ModuleBuilder({ memory: { shared: true } })
  const params = { job: 'i32', begin: 'i32', end: 'i32', scratch: 'i32' } as const
  const run = module.func('run', { params }, (f, p) => {
    f.for(p.begin, p.end, 1, (task) => {
      const at = f.let(i32.add(p.job, i32.mul(task, 8)))
      const x = f.let(i32.const(1))
      f.repeat(100_000, () => f.set(x, i32.mul(x, 3)))
      f.do(i32.store(at, i32.add(i32.load(at), i32.and(x, 1))))
    })
  })
  module.export(run)
  return module.toBytes()
}

function fail(): never {
  throw new Error('no threads today')
}
