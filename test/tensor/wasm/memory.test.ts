/** Memory that ends, and memory that must not grow. */
import {
  BackendError,
  compile,
  random,
  setBackend,
  setThreads,
  threads,
  zeros,
  type Tensor,
  type TypedArray,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { copyElements } from '../../../packages/tensor/src/backends/wasm/copy.ts'
import { elementwise } from '../../../packages/tensor/src/backends/wasm/elementwise.ts'
import { gemmScratchBytes } from '../../../packages/tensor/src/backends/wasm/gemm/index.ts'
import { Runtime } from '../../../packages/tensor/src/backends/wasm/runtime.ts'
import { MemoryBuffer } from '../../../packages/tensor/src/backends/wasm/resident.ts'
import { runtime } from '../../../packages/tensor/src/backends/wasm/start.ts'
import { kernel } from '../../../packages/tensor/src/formula/kernel.ts'

beforeEach(() => void setBackend('wasm'))
afterEach(() => {
  vi.restoreAllMocks()
})

test('out of memory is a typed error, after which everything works', () => {
  const { memory } = runtime!
  const small = new random.Generator(1).normal([300, 40])
  const wanted = small.exp().toTypedArray()
  const product = small.transpose().matmul(small).toTypedArray()
  const large = zeros([memory.buffer.byteLength / 4])
  const grows = [memory, runtime!.local.memory].map((one) =>
    vi.spyOn(one, 'grow').mockImplementation(() => {
      throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded')
    }),
  )
  for (let turn = 0; turn < 3; turn++) {
    expect(() => large.reshape([-1, 64]).matmul(zeros([64, 1]))).toThrow(BackendError)
    expect(() => large.reshape([2, -1]).sum(0)).toThrow(/out of memory: the wasm backend needs \d+ more bytes/)
    expect(() => large.reshape([1, -1, 1]).conv(zeros([3, 1, 2]))).toThrow(BackendError)
    expect(small.exp().toTypedArray()).toEqual(wanted)
    expect(small.transpose().matmul(small).toTypedArray()).toEqual(product)
  }
  for (const grow of grows) grow.mockRestore()
  expect(large.exp().sum().item()).toBe(large.size)
})

test('copies that are kept for later go before memory is out, but not those that are in use', () => {
  const own = new Runtime()
  const stretch = { low: 0, size: 0, type: 'f32' } as const
  const large = 20 * 2 ** 20
  own.begin()
  for (const stamp of [1, 2]) own.copies.add({ ...stretch, stamp }, large)
  const fail = (): never => {
    throw new RangeError('no more')
  }
  vi.spyOn(own.memory, 'grow').mockImplementation(fail)
  expect(() => own.reserve(large)).toThrow(BackendError)
  expect(own.copies.state).toEqual({ count: 2, bytes: 2 * large })
  const [kept, staged] = [own.copies.find({ ...stretch, stamp: 2 })!, own.reserve(large)]
  expect(Math.abs(kept - staged)).toBeGreaterThanOrEqual(large)
  expect(own.copies.state).toEqual({ count: 1, bytes: large })
  expect(() => own.reserve(large)).toThrow(/out of memory/)
  expect(own.reserve(large)).toBe(staged)
  const [, block] = [own.begin(), own.hold(large)]
  expect([block.address, own.copies.state.count]).toEqual([kept, 0])
})

test.each<[string, (own: Runtime) => number]>([
  ['a block', (own) => own.hold(64).address],
  ['a copy', (own) => own.copies.add({ stamp: 1, low: 0, size: 4096, type: 'f32' }, 16384)!],
  ['what is staged', (own) => own.reserve(64)],
])('%s lies behind the space of all threads, whatever is asked for first', (_, first) => {
  const own = new Runtime()
  own.begin()
  // Sixteen threads, each with what the largest product packs.
  const end = own.scratch + 16 * Math.max(gemmScratchBytes('f32'), gemmScratchBytes('f64'))
  const addresses = [first(own), own.reserve(4096), own.hold(64).address]
  for (const address of addresses) expect(address).toBeGreaterThanOrEqual(end)
  expect(new Set(addresses).size).toBe(3)
})

test('rows that are no whole vectors do not reach into those of other threads, in memory that threads share', () => {
  const { count } = threads()
  const generator = new random.Generator(2)
  const [a, b] = [generator.normal([60_000, 5]), generator.normal([60_000, 1]).broadcastTo([60_000, 5])]
  const wanted = a.add(b)
  const block = runtime!.hold(4 * a.size)
  const out = new MemoryBuffer(runtime!, 'float32').tensor(a, block.address)
  setThreads(4)
  try {
    for (let turn = 0; turn < 100; turn++) {
      elementwise(runtime!, kernel(['a', 'b'], { y: 'a + b' }), [a, b], [out], 'float32')
      expect(Buffer.compare(bytesOf(out), bytesOf(wanted))).toBe(0)
    }
  } finally {
    setThreads(count)
  }
})

const bytesOf = (x: Tensor): Uint8Array => {
  const copy = x.toTypedArray()
  return new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength)
}

test('elements are copied, and no neighbours, whatever arrays share', () => {
  const kinds = [Float32Array, Float64Array, Int32Array, Uint8Array] as const
  const memories = [ArrayBuffer, SharedArrayBuffer] as const
  fc.assert(
    fc.property(
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(1), fc.nat(1)),
      fc.constantFrom(0, 1, 31, 33, 500, 1023, 1024, 1025, 5000),
      fc.tuple(fc.nat(9), fc.nat(9)),
      ([a, b, c, d], size, [start, at]) => {
        const make = (kind: number, memory: number): TypedArray => {
          const length = size + 20
          const buffer = new memories[memory](length * kinds[kind].BYTES_PER_ELEMENT)
          const array: TypedArray = new kinds[kind](buffer as ArrayBuffer)
          for (let i = 0; i < length; i++) array[i] = (i * 7) % 251
          return array
        }
        const [from, to] = [make(a, c), make(b, d)]
        const wanted = Array.from(to, (x, i) => (i >= at && i < at + size ? from[start + i - at] : x))
        copyElements(from, start, size, to, at)
        expect(Array.from(to)).toEqual(wanted)
      },
    ),
  )
})

test('100,000 steps in one synchronous loop take no more memory than the first ones', () => {
  const bytes = (): number => {
    for (let i = 0; i < 3; i++) globalThis.gc!()
    return process.memoryUsage().arrayBuffers
  }
  let x = new random.Generator(1).uniform([16])
  const run = (steps: number): void => {
    for (let i = 0; i < steps; i++) x = x.mul(0.5).exp().sub(0.75)
  }
  run(1000)
  const before = bytes()
  const memory = runtime!.memory.buffer.byteLength
  run(100_000)
  // Slabs more or less; without collection within the job it would be tens of MiB.
  expect(bytes() - before).toBeLessThan(512 * 1024)
  expect(runtime!.memory.buffer.byteLength).toBe(memory)
  expect(x.isfinite().all().item()).toBe(1)
})

test('the modules of programs that nobody has any more are removed from the threads', async () => {
  setThreads(2)
  const x = zeros([400, 400])
  // Kernels that programs share stay, and so does the program of somebody.
  const kept = compile((y: Tensor) => y.exp())
  kept(x)
  const before = runtime!.modules
  for (let i = 0; i < 12; i++) compile((y: Tensor) => y.add(i).exp())(x)
  expect(runtime!.modules).toBe(before + 12)
  for (let turn = 0; turn < 100 && runtime!.modules > before + 1; turn++) {
    globalThis.gc!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(runtime!.modules).toBeLessThanOrEqual(before + 1)
  expect(kept.traces).toBe(1)
  setThreads()
})
