/**
 * The one WebAssembly memory, the modules that run on it, and the threads. Eager kernels stage: they copy operands in,
 * run, and copy the result out; what they stage is forgotten with the next call. Compiled programs and the variables
 * that they work on hold blocks, which stay where they are.
 */
import { platform } from '#platform'
import type { DType, TypedArray } from '../../dtype.ts'
import { BackendError } from '../../errors.ts'
import { maximumPages, type ModuleBuilder } from './assembler/index.ts'
import { gemmScratchBytes } from './gemm/index.ts'
import { Copies } from './copies.ts'
import { Heap } from './heap.ts'
import type { Kernel, Split } from './control.ts'
import { detectFeatures, type Features } from './features.ts'
import { type Offer, type Take, ThreadPool, type ThreadState } from './threads.ts'

const page = 65536
/** Words of the running job. */
const jobAddress = 1024
const jobBytes = 31 * 1024
/** Each thread's own space, of which a product packs its operands into. */
const scratchAddress = 32 * 1024
/** More threads than this are not used. */
const mostThreads = 16

const views = { float32: 'f32', float64: 'f64', int32: 'i32', uint8: 'u8', bool: 'u8' } as const

/** Bytes after what was asked for that may be touched: whole vectors and tasks end there. */
const spare = 128

/** A stretch of memory that is taken as long as this object is reachable. */
export interface Block {
  readonly address: number
  readonly bytes: number
  /** The block that it is a part of. */
  readonly owner?: Block
}

/** The stage is made so much longer than it must be at the most, in bytes. */
const mostAhead = 2 ** 26

export class Runtime {
  readonly features: Features
  /** Whether the same bits are wanted on every processor, and from eager and compiled code. */
  deterministic = false
  /** Grows the memory at every reservation, so that tests find views that went stale. */
  growAlways = false
  readonly memory: WebAssembly.Memory
  readonly #pool: ThreadPool
  readonly #kernels = new Map<string, number>()
  readonly #scratchBytes = Math.max(gemmScratchBytes('f32'), gemmScratchBytes('f64'))
  readonly #heap = new Heap()
  readonly copies = new Copies({
    take: (bytes) => this.#take(align(bytes + spare)),
    give: (address, bytes) => this.#heap.give(address, align(bytes + spare)),
  })
  readonly #released = new FinalizationRegistry<Block>(({ address, bytes }) => this.#heap.give(address, bytes))
  readonly #orphaned = new FinalizationRegistry<Record<string, number>>((functions) => this.#pool.remove(functions))
  #stageStart: number
  #stageEnd: number
  /** Stages that were too small for the call that they began. */
  #left: [start: number, bytes: number][] = []
  /** What lies before is in use. */
  #end: number
  #next: number
  #buffer: ArrayBufferLike | undefined
  #f32!: Float32Array
  #f64!: Float64Array
  #i32!: Int32Array
  #u8!: Uint8Array
  readonly #parent: Runtime | undefined
  #local: Runtime | undefined

  constructor(parent?: Runtime) {
    this.#parent = parent
    this.features = parent ? { ...parent.features, threads: false } : detectFeatures(platform.enableRelaxedSimd)
    if (!this.features.simd) throw new BackendError('wasm: this engine has no WebAssembly SIMD')
    if (!parent) {
      platform.keepPages()
      platform.stayYoung()
    }
    this.memory = makeMemory(this.features.threads)
    this.#pool = new ThreadPool(this.memory, platform)
    this.#stageStart = align(scratchAddress + mostThreads * this.#scratchBytes)
    this.#next = this.#stageStart
    // The threads' own space may reach behind what memory has at first: blocks begin after it, too.
    this.#end = this.#stageEnd = Math.max(this.#stageStart, this.memory.buffer.byteLength)
    this.setThreads()
  }

  /** Whether fused multiply-add is used. */
  get fused(): boolean {
    return this.features.relaxedSimd && !(this.#parent ?? this).deterministic
  }

  /** A runtime of one thread, for what is staged and small: a memory that threads share is copied to and from at a third of the speed. */
  get local(): Runtime {
    return this.shared ? (this.#local ??= new Runtime(this)) : this
  }

  get shared(): boolean {
    return this.features.threads
  }

  /** From now on up to `count` threads work together; by default as many as there are processors. */
  setThreads(count?: number): ThreadState {
    return this.#pool.setCount(
      count === undefined ? Math.min(platform.hardwareThreads(), mostThreads) : Math.min(count, mostThreads),
    )
  }

  threads(): ThreadState {
    return this.#pool.state()
  }

  /** Begins a kernel: what was staged before is free. */
  begin(): void {
    if (this.#left.length > 0) {
      for (const [start, bytes] of this.#left) this.#heap.give(start, bytes)
      this.#left = []
    }
    this.#next = this.#stageStart
    this.copies.begin()
  }

  /** The address of `bytes` bytes (and 128 to spare, for whole tasks at the end) for this call, at a multiple of 64. */
  reserve(bytes: number): number {
    const length = align(bytes + spare)
    if (this.#next + length > this.#stageEnd) this.#extendStage(length)
    else if (this.#growsAlways) this.#grow(0)
    const address = this.#next
    this.#next += length
    return address
  }

  /** Makes the stage longer: where it lies if it is last in memory, else anew at the end, or, at the last, where copies were. */
  #extendStage(length: number): void {
    const isLast = this.#stageEnd === this.#end
    const start = isLast ? this.#next : this.#end
    const missing = start + length - this.memory.buffer.byteLength
    if (this.#grow(missing)) {
      if (!isLast) this.#moveStage(start)
      // What memory has beyond that is for blocks.
      this.#end = this.#stageEnd = Math.min(this.memory.buffer.byteLength, start + length + mostAhead)
      return
    }
    const free = this.copies.drop() ? this.#heap.take(length) : undefined
    if (free === undefined) this.#outOfMemory(missing)
    this.#moveStage(free)
    this.#stageEnd = free + length
  }

  #moveStage(start: number): void {
    this.#left.push([this.#stageStart, this.#stageEnd - this.#stageStart])
    this.#stageStart = this.#next = start
  }

  /** A block of `bytes` bytes (and as many to spare as {@link reserve} has), at a multiple of 64: its own until nobody has it. */
  hold(bytes: number): Block {
    const length = align(bytes + spare)
    const address = this.#take(length) ?? (this.copies.drop() ? this.#take(length) : undefined)
    if (address === undefined) this.#outOfMemory(this.#end + length - this.memory.buffer.byteLength)
    const block = { address, bytes: length }
    this.#released.register(block, { ...block })
    return block
  }

  /** So many bytes that nobody has. */
  #take(length: number): number | undefined {
    const free = this.#heap.take(length)
    if (free !== undefined) return free
    const address = this.#end
    if (!this.#grow(address + length - this.memory.buffer.byteLength)) return undefined
    this.#end += length
    return address
  }

  /** The collector takes every growth of a memory that is not shared for as much garbage as that memory is long: not for ever, then. */
  get #growsAlways(): boolean {
    const { growAlways, features } = this.#parent ?? this
    return growAlways && ((this.#parent === undefined && features.threads) || this.memory.buffer.byteLength < 2 ** 24)
  }

  /** Grows the memory by what is missing; false if it cannot. */
  #grow(missing: number): boolean {
    if (missing <= 0 && !this.#growsAlways) return true
    const pages = Math.max(1, Math.ceil(missing / page))
    // A quarter more than asked for, so that growing is rare; exactly what is needed where that does not fit.
    for (const more of missing > 0 ? [pages + Math.ceil(this.memory.buffer.byteLength / page / 4), pages] : [1]) {
      try {
        this.memory.grow(more)
        return true
      } catch {
        // Tried again with less.
      }
    }
    return missing <= 0
  }

  #outOfMemory(missing: number): never {
    this.begin()
    throw new BackendError(
      `out of memory: the wasm backend needs ${missing} more bytes than the ${this.memory.buffer.byteLength} that it has and cannot grow; ` +
        'use smaller batches',
      { missing },
    )
  }

  #refresh(): void {
    if (this.#buffer === this.memory.buffer) return
    this.#buffer = this.memory.buffer
    this.#f32 = new Float32Array(this.#buffer)
    this.#f64 = new Float64Array(this.#buffer)
    this.#i32 = new Int32Array(this.#buffer)
    this.#u8 = new Uint8Array(this.#buffer)
  }

  /** The memory as numbers: take it after the last reservation, a growth makes older views stale. */
  get f32(): Float32Array {
    this.#refresh()
    return this.#f32
  }

  get f64(): Float64Array {
    this.#refresh()
    return this.#f64
  }

  get i32(): Int32Array {
    this.#refresh()
    return this.#i32
  }

  get u8(): Uint8Array {
    this.#refresh()
    return this.#u8
  }

  /** The memory as elements of a dtype. */
  view(dtype: DType): TypedArray {
    return this[views[dtype]]
  }

  /** The JavaScript side of a kernel's number, to be called or imported by a program. */
  function(kernel: number): Kernel {
    return this.#pool.function(kernel)
  }

  /** The number of a kernel, whose module is built when it is first asked for; the key says all that the module depends on. */
  kernel(key: string, build: () => Uint8Array<ArrayBuffer>): number {
    let kernel = this.#kernels.get(key)
    if (kernel === undefined) {
      kernel = Object.values(this.#pool.add(new WebAssembly.Module(build())))[0]
      this.#kernels.set(key, kernel)
    }
    return kernel
  }

  /** The numbers of the functions of a module that threads share, by name; they go with their owner. */
  add(module: ModuleBuilder, owner: object): Record<string, number> {
    const functions = this.#pool.add(module.compile())
    this.#orphaned.register(owner, functions)
    return functions
  }

  /** Modules that threads share. */
  get modules(): number {
    return this.#pool.modules
  }

  /** The address of a table for this call. */
  table(table: Int32Array): number {
    const address = this.reserve(table.byteLength)
    this.i32.set(table, address >> 2)
    return address
  }

  /** Makes bytes zero. */
  zero(address: number, bytes: number): void {
    this.u8.fill(0, address, address + bytes)
  }

  /** Where the words of a job of so many bytes go. */
  job(bytes: number): number {
    return bytes <= jobBytes ? jobAddress : this.reserve(bytes)
  }

  /** The scratch of the thread that JavaScript runs on. */
  get scratch(): number {
    return scratchAddress
  }

  /** Runs the tasks of a job; `take` gets those that are done, in order, while other threads go on. */
  run(kernel: number, job: number, split: Split, take?: Take): void {
    this.#pool.run(kernel, job, split, { address: scratchAddress, bytes: this.#scratchBytes }, take)
  }

  /** Has other threads begin a job, if there are any; the call that is returned does the rest of it, and returns when all is done. */
  background(kernel: number, job: number, tasks: number, owner: object): () => void {
    return this.#pool.background(kernel, job, tasks, { address: scratchAddress, bytes: this.#scratchBytes }, owner)
  }

  /** A job that other threads get chunk by chunk, if there are any. */
  offer(kernel: number, job: number, grain: number): Offer | undefined {
    return this.#pool.offer(kernel, job, grain, { address: scratchAddress, bytes: this.#scratchBytes })
  }
}

/** What kernels are run with: the runtime, at once, or a recorder, for which a program runs them later. */
export type Runner = Pick<
  Runtime,
  | ('memory' | 'i32' | 'f32' | 'f64' | 'shared' | 'fused' | 'threads')
  | ('begin' | 'reserve' | 'table' | 'zero' | 'job' | 'kernel' | 'run' | 'view')
> &
  Partial<Pick<Runtime, 'copies'>>

const align = (address: number): number => Math.ceil(address / 64) * 64

function makeMemory(shared: boolean): WebAssembly.Memory {
  // A shared memory reserves its maximum; where so much address space is not to be had, less must do.
  for (let maximum = maximumPages; ; maximum /= 4) {
    try {
      return new WebAssembly.Memory({ initial: 128, maximum, shared })
    } catch (cause) {
      if (maximum > 1024) continue
      throw new BackendError('wasm: the engine gives no memory', { cause })
    }
  }
}
