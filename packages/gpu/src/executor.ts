import { BackendError, type TypedArray } from '@typegrad/tensor'
import { Storage, type Cell } from './cell.ts'
import type { GpuCounters } from './counters.ts'
import { kernelError } from './errors.ts'
import { KernelText, type KernelSource } from './kernel-text.ts'
import { Queue } from './queue.ts'
import type { Compiled, Handle, Runtime } from './runtime/runtime.ts'
import { warnOnce } from './warn.ts'

/** An array argument: its memory, and the offset of its first element, known when the kernel runs. */
export interface ArrayArgument {
  readonly cell: Cell
  readonly offset: number
}

/** A number that a kernel is given, or where the host has it when the kernel runs. */
export type NumberArgument = number | { readonly value: number }

export type Argument = ArrayArgument | NumberArgument

export const isNumber = (x: Argument): x is NumberArgument => typeof x === 'number' || 'value' in x

/** What is done to cells. Recorded, it can be done again and again. */
export type Action =
  | {
      readonly kind: 'launch'
      readonly kernel: Compiled
      readonly dims: readonly number[]
      readonly args: readonly Argument[]
      /** They lie in the kernel's output one after the other. */
      readonly outs: readonly Cell[]
    }
  | { readonly kind: 'share'; readonly source: Cell; readonly offset: number; readonly out: Cell }
  | { readonly kind: 'clear'; readonly cell: Cell }

/** An op that waits for the host cannot be recorded: it is called every time. */
export class NotRecorded extends Error {}

/** Runs kernels on cells in the order of the calls, each compiled once. */
export class Executor {
  readonly runtime: Runtime
  readonly counters: GpuCounters
  protected readonly queue: Queue = new Queue()
  readonly #kernels = new Map<string, Compiled>()
  #tape: Action[] | undefined

  constructor(runtime: Runtime, counters: GpuCounters) {
    this.runtime = runtime
    this.counters = counters
  }

  /** The sources of all kernels so far, by key. */
  get sources(): Map<string, KernelSource> {
    return new Map([...this.#kernels].map(([key, { source }]) => [key, source]))
  }

  /**
   * Runs the kernel of this key, made by `build` when it is first needed. Its results go to `outs`, which lie in its
   * output one after the other.
   */
  launch(
    key: string,
    build: () => KernelSource,
    dims: readonly number[],
    args: readonly Argument[],
    outs: readonly Cell[],
  ): void {
    const bytes = dims.reduce((a, b) => a * b, 4)
    if (bytes > this.runtime.limits.bytes) {
      throw new BackendError(`gpu: a result of ${bytes} bytes, the device allows ${this.runtime.limits.bytes} in one buffer`, {
        bytes,
      })
    }
    for (const arg of args) if (!isNumber(arg) && !arg.cell.written) this.#zero(arg.cell)
    this.#do({ kind: 'launch', kernel: this.#kernel(key, build), dims, args, outs })
  }

  /** Whether actions are written down instead of being done. */
  get recording(): boolean {
    return this.#tape !== undefined
  }

  /** Writes down what `f` would do. Throws {@link NotRecorded} if the host has to do a part of it. */
  record(f: () => void): readonly Action[] {
    const tape: Action[] = (this.#tape = [])
    try {
      f()
    } finally {
      this.#tape = undefined
    }
    return tape
  }

  #do(action: Action): void {
    if (!this.#tape) return this.perform(action)
    this.#tape.push(action)
    if (action.kind === 'launch') for (const out of action.outs) out.written = true
    if (action.kind === 'share') action.out.written = true
  }

  perform(action: Action): void {
    if (action.kind === 'launch') this.#launch(action)
    else if (action.kind === 'clear') this.queue.run(() => action.cell.clear())
    else {
      const { source, offset, out } = action
      this.work([out], () => out.set(memoryOf(source), source.base + offset))
    }
  }

  #launch({ kernel, dims, args, outs }: Extract<Action, { kind: 'launch' }>): void {
    this.counters.launches++
    // A number of the host is another one when the next run begins.
    const now = args.map((arg) => (typeof arg === 'object' && 'value' in arg ? arg.value : arg))
    this.work(outs, () => {
      const values: (Handle | number)[] = []
      for (const arg of now) {
        if (typeof arg === 'number') values.push(arg)
        else values.push(memoryOf(arg.cell).handle, arg.cell.base + arg.offset)
      }
      const failed = (cause: unknown): never => {
        throw kernelError(kernel.name, cause, kernel.source)
      }
      try {
        const result = this.runtime.launch(kernel, dims, values)
        return result instanceof Promise ? result.then((handle) => this.#fill(outs, handle), failed) : this.#fill(outs, result)
      } catch (cause) {
        return failed(cause)
      }
    })
  }

  #kernel(key: string, build: () => KernelSource): Compiled {
    let kernel = this.#kernels.get(key)
    if (!kernel) {
      kernel = compileTyped(this.runtime, key, build())
      this.#kernels.set(key, kernel)
      this.counters.kernels++
    }
    return kernel
  }

  #fill(outs: readonly Cell[], handle: Handle): void {
    const storage = new Storage(handle, (freed) => this.runtime.free(freed)).retain()
    let base = 0
    for (const out of outs) {
      out.set(storage, base)
      base += out.length
    }
    storage.release()
  }

  /** Queues what writes `outs`; if it fails, so does every use of them. */
  work(outs: readonly Cell[], task: () => void | Promise<void>): void {
    if (this.#tape) throw new NotRecorded()
    for (const out of outs) out.written = true
    const failed = (error: unknown): void => {
      for (const out of outs) out.fail(error)
    }
    let atOnce = true
    this.queue.run(() => {
      try {
        return task()?.catch(failed)
      } catch (error) {
        failed(error)
        if (atOnce) throw error
      }
      return undefined
    })
    atOnce = false
  }

  #zero(cell: Cell): void {
    this.launch('constant', constantSource, [cell.length], [0], [cell])
  }

  /** Lets `out` share the memory of `source`, from `offset` on. */
  share(source: Cell, offset: number, out: Cell): void {
    if (!source.written) this.#zero(source)
    this.#do({ kind: 'share', source, offset, out })
  }

  /** Puts elements that the host has into a cell, now. */
  store(out: Cell, data: TypedArray): void {
    if (this.#tape) throw new NotRecorded()
    this.put(out, data)
  }

  /** The same, even in what is recorded: the cell has them from the first run on. */
  protected put(out: Cell, data: TypedArray): void {
    out.written = true
    if (data instanceof Int32Array) warnOfRounding(data)
    if (out.dtype === 'float64') out.host = data
    else this.#fill([out], this.runtime.upload(data instanceof Float32Array ? data : new Float32Array(data)))
  }

  /** The elements as they are after all that was asked for so far. */
  read(cell: Cell, offset: number, length: number): Promise<Float32Array> {
    return this.#after(() => {
      const { storage } = cell
      return storage ? this.runtime.read(storage.handle, cell.base + offset, length) : new Float32Array(length)
    })
  }

  /** The host array of a float64 cell, as it is after all that was asked for so far. */
  hostData(cell: Cell): Promise<TypedArray> {
    return this.#after(() => {
      cell.check()
      return cell.host!
    })
  }

  #after<T>(f: () => T | Promise<T>): Promise<T> {
    if (this.#tape) throw new NotRecorded()
    return new Promise((resolve, reject) => {
      this.queue.run(() => {
        try {
          resolve(f())
        } catch (error) {
          reject(error instanceof Error ? error : new BackendError(String(error)))
        }
      })
    })
  }

  /** Queues the end of a cell. */
  free(cell: Cell): void {
    if (this.#tape) this.#tape.push({ kind: 'clear', cell })
    else this.queue.run(() => cell.free())
  }

  /** Settles when everything so far has been given to the device. */
  async settled(): Promise<void> {
    await this.queue.idle
  }
}

/** Compiles a kernel; whatever gpu.js throws becomes a typed error that names it. */
function compileTyped(runtime: Runtime, name: string, source: KernelSource): Compiled {
  try {
    return runtime.compile(name, source)
  } catch (cause) {
    throw kernelError(name, cause, source)
  }
}

/** The same number everywhere. */
export function constantSource(): KernelSource {
  const text = new KernelText('1')
  text.float('value')
  text.lines('return value;')
  return text.finish()
}

function memoryOf(cell: Cell): Storage {
  const { storage } = cell
  if (!storage) throw new BackendError('gpu: memory was read before it was written')
  return storage
}

/** Integers are kept as floats on the device. */
function warnOfRounding(array: Int32Array): void {
  const inexact = array.find((value) => value > 2 ** 24 || value < -(2 ** 24))
  if (inexact !== undefined) warnOnce('int32', `the integer ${inexact} is rounded: on the gpu, integers are exact to 2^24`)
}
