import { BackendError } from '../../errors.ts'
import { Background } from './background.ts'
import { instantiate, type Kernel, makeControl, maximumChunks, maximumRoom, runChunks, type Split, words } from './control.ts'
import type { Platform, WorkerHandle } from './platform.node.ts'
import type { Change } from './work.ts'

/** Memory for the threads' own use: `bytes` for each, from `address` on. */
export interface Scratch {
  readonly address: number
  readonly bytes: number
}

/** How many threads there are and, where it is 1, why. */
export interface ThreadState {
  readonly count: number
  readonly reason?: string | undefined
}

/** A job of which the workers get one chunk after the other, while the main thread does something else. */
export interface Offer {
  /** Chunks that are given out have so many places: the one after them works where the first one did. */
  readonly room: number
  /** Gives out the next chunk, whose operands are in place. */
  give(): void
  /** Whether a chunk was finished; chunks count from 0. */
  isDone(chunk: number): boolean
  /** Works off what nobody has begun, and returns when all that was given out is done. */
  finish(): void
}

/** Places for the chunks of an offer, where there are so many threads: what each of the others has, and what waits for it. */
export const roomOf = (threads: number): number => Math.min(maximumRoom, 3 * (threads - 1))

/** Gets tasks that are done. */
export type Take = (begin: number, end: number) => void
/** Chunks of a job whose tasks are taken, at the most: to take costs, too. */
const mostTaken = 32

/** Rounds that the main thread looks for the end of a job before it sleeps (where it may). */
const spins = 20_000

/**
 * Threads that run a kernel's tasks together, on one shared memory.
 *
 * The tasks of a job are cut by index, whoever runs them, so the number of threads changes no result. The main thread takes
 * part and never waits for a worker that has not claimed a chunk: workers that are still starting cost nothing. A worker
 * that claims a chunk and does not come back within `patience` milliseconds is reported as an error, so `grain` tasks must
 * take far less than that.
 */
export class ThreadPool {
  readonly #memory: WebAssembly.Memory
  readonly #platform: Platform
  readonly #patience: number
  /** By the number of their first function. */
  readonly #modules = new Map<number, WebAssembly.Module>()
  readonly #kernels: (Kernel | undefined)[] = []
  #changes = 0
  #control: Int32Array<SharedArrayBuffer> | undefined
  #workers: WorkerHandle[] = []
  #state: ThreadState
  readonly #backgrounds = new Set<Background>()

  constructor(memory: WebAssembly.Memory, platform: Platform, options: { readonly patience?: number } = {}) {
    this.#memory = memory
    this.#platform = platform
    this.#patience = options.patience ?? 4000
    const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
    if (shared) this.#control = makeControl()
    this.#state = { count: 1, reason: 'no other threads were asked for' }
  }

  state(): ThreadState {
    return this.#state
  }

  /** From now on up to `count` threads, the main one included: by default as many as there are processors. */
  setCount(count: number = this.#platform.hardwareThreads()): ThreadState {
    if (count === this.#state.count) return this.#state
    this.close(
      count > 1
        ? 'the memory is not shared: SharedArrayBuffer is missing here'
        : 'one thread was asked for, or there is one processor',
    )
    if (count > 1 && this.#control) this.#state = { count }
    return this.#state
  }

  /** The exported functions of a module, by name, each with the number that `run` takes. */
  add(module: WebAssembly.Module): Record<string, number> {
    const first = this.#kernels.length
    this.#kernels.push(...instantiate(module, this.#memory))
    this.#modules.set(first, module)
    this.#tell({ first, module })
    return Object.fromEntries(WebAssembly.Module.exports(module).map(({ name }, i) => [name, first + i]))
  }

  /** Forgets a module by what {@link add} returned of it, here and on all threads; its numbers are not given again. */
  remove(functions: Readonly<Record<string, number>>): void {
    const numbers = Object.values(functions)
    const first = Math.min(...numbers)
    if (!this.#modules.delete(first)) return
    this.#kernels.fill(undefined, first, first + numbers.length)
    this.#tell({ first, removed: numbers.length })
  }

  /** Modules that were added and not removed. */
  get modules(): number {
    return this.#modules.size
  }

  #tell(change: Change): void {
    this.#changes++
    for (const worker of this.#workers) worker.post({ ...change, epoch: this.#epoch })
    if (!this.#control) return
    // Workers leave their loop to receive it.
    Atomics.store(this.#control, words.open, this.#epoch << 16)
    this.#wake(this.#workers.length)
  }

  /** The function with this number, for this thread. */
  function(kernel: number): Kernel {
    return this.#kernels[kernel]!
  }

  /** Runs all tasks of a job, and returns when they are done; `take` gets them, in order, while others are still under way. */
  run(kernel: number, job: number, { tasks, grain }: Split, scratch: Scratch, take?: Take): void {
    const size = Math.max(grain, Math.ceil(tasks / (take ? mostTaken : maximumChunks)))
    const chunks = Math.ceil(tasks / size)
    if (chunks > 1) this.#start()
    const control = this.#control
    if (!control || this.#state.count === 1 || chunks <= 1) {
      if (tasks > 0) this.#kernels[kernel]!(job, 0, tasks, scratch.address)
      take?.(0, tasks)
      return
    }
    this.#write(control, kernel, job, { tasks, grain: size }, scratch)
    control[words.chunks] = chunks
    control[words.room] = maximumChunks + 1
    if (take) control.fill(-1, words.finished, words.finished + chunks)
    Atomics.store(control, words.open, (this.#epoch << 16) | chunks)
    this.#wake(chunks - 1)
    let taken = 0
    const takeDone = (): void => {
      const from = taken
      while (taken < chunks && Atomics.load(control, words.finished + taken) === taken) taken++
      if (taken > from) take!(from * size, Math.min(taken * size, tasks))
    }
    this.#finish(control, chunks, take && takeDone)
    if (take) takeDone()
  }

  /** A job of chunks of `grain` tasks that are given out one by one; `undefined` where there are no other threads. */
  offer(kernel: number, job: number, grain: number, scratch: Scratch): Offer | undefined {
    this.#start()
    const control = this.#control
    if (!control || this.#state.count === 1) return undefined
    const room = roomOf(this.#state.count)
    this.#write(control, kernel, job, { tasks: room * grain, grain }, scratch)
    control[words.chunks] = maximumChunks
    control[words.room] = room
    control.fill(-1, words.finished, words.finished + maximumRoom)
    Atomics.store(control, words.open, this.#epoch << 16)
    let given = 0
    return {
      room,
      give: () => {
        given++
        Atomics.add(control, words.open, 1)
        this.#wake(1)
      },
      isDone: (chunk) => Atomics.load(control, words.finished + (chunk % maximumRoom)) === chunk,
      finish: () => {
        Atomics.store(control, words.chunks, given)
        this.#finish(control, given)
      },
    }
  }

  /** Has idle workers begin a job, whose tasks may run on any thread; the call that is returned ends when all is done. */
  background(kernel: number, job: number, tasks: number, scratch: Scratch, owner: object): () => void {
    this.#start()
    for (const one of this.#backgrounds) if (one.isDone) this.#backgrounds.delete(one)
    const background = new Background({ kernel, job, tasks }, this.#kernels[kernel]!, scratch.address, owner)
    if (this.#workers.length > 0) {
      this.#backgrounds.add(background)
      this.#tell({ first: kernel, background: background.told })
    }
    return () => {
      background.finish(this.#platform.mayWait, this.#patience)
      this.#backgrounds.delete(background)
    }
  }

  #write(control: Int32Array, kernel: number, job: number, { tasks, grain }: Split, scratch: Scratch): void {
    control[words.kernel] = kernel
    control[words.job] = job
    control[words.tasks] = tasks
    control[words.grain] = grain
    control[words.scratch] = scratch.address
    control[words.scratchStep] = scratch.bytes
    control[words.failed] = 0
    Atomics.store(control, words.done, 0)
    Atomics.store(control, words.next, 0)
  }

  /** Takes part in a job until it is done. */
  #finish(control: Int32Array, chunks: number, after?: () => void): void {
    const error = runChunks(control, this.#kernels, this.#epoch, 0, after)
    if (!this.#settled(control, chunks)) {
      const reason = `a worker thread took a task and did not finish it within ${this.#patience} ms`
      this.close(reason)
      throw new BackendError(`wasm: ${reason}; the other threads were stopped, work goes on with one`, { cause: error })
    }
    if (error !== undefined) throw error
    if (control[words.failed] !== 0) throw new BackendError('wasm: a kernel trapped on a worker thread')
  }

  /** Stops the workers; later jobs run on one thread. */
  close(reason = 'the thread pool was closed'): void {
    // Nothing may be written by a thread that is told to stop and has not yet.
    for (const background of this.#backgrounds) background.finish(this.#platform.mayWait, this.#patience)
    this.#backgrounds.clear()
    for (const worker of this.#workers) worker.terminate()
    // Words of their own: a worker that has not stopped yet must not count into a later job.
    if (this.#workers.length > 0) this.#control = makeControl(this.#epoch)
    this.#workers = []
    this.#state = { count: 1, reason }
  }

  get #epoch(): number {
    return this.#changes & maximumChunks
  }

  #wake(count: number): void {
    if (this.#workers.length === 0) return
    Atomics.add(this.#control!, words.generation, 1)
    Atomics.notify(this.#control!, words.generation, count)
  }

  /** Workers start with the first job that is worth it. */
  #start(): void {
    if (this.#workers.length > 0) return
    try {
      for (let thread = 1; thread < this.#state.count; thread++) this.#workers.push(this.#startWorker(thread))
    } catch (error) {
      this.close(`a worker could not be started: ${String(error)}`)
    }
  }

  #startWorker(thread: number): WorkerHandle {
    const worker = this.#platform.startWorker()
    worker.onEnd((reason) => {
      if (this.#workers.includes(worker)) this.close(reason)
    })
    const modules = [...this.#modules]
    worker.post({ epoch: this.#epoch, control: this.#control!.buffer, memory: this.#memory, thread, modules })
    return worker
  }

  /** Waits for the chunks that workers hold; false where nothing moved for too long, not counting time asleep. */
  #settled(control: Int32Array, chunks: number): boolean {
    let idle = 0
    let last = 0
    let seen = -1
    for (let round = 0; ; round++) {
      const done = Atomics.load(control, words.done)
      if (done === chunks) return true
      if (round < spins) continue
      if (this.#platform.mayWait) Atomics.wait(control, words.done, done, 1)
      else if (round % 1024 !== 0) continue
      const now = performance.now()
      if (done === seen) idle += Math.min(now - last, 100)
      else idle = 0
      if (idle > this.#patience) return false
      seen = done
      last = now
    }
  }
}
