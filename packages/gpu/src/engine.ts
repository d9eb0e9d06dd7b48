import { BackendError, type DType, type Tensor, type TypedArray } from '@typegrad/tensor'
import { GpuBuffer, type Keeper } from './buffer.ts'
import { Cell, freedError } from './cell.ts'
import { Executor } from './executor.ts'
import { Scope } from './scope.ts'

export { isNumber, NotRecorded, type Action, type Argument, type ArrayArgument, type NumberArgument } from './executor.ts'

/** An executor with tensors: their buffers, the scopes and ops that these live in, and uploads. */
export class Engine extends Executor implements Keeper {
  #scope: Scope | undefined
  #temporaries: Cell[] = []
  #depth = 0
  #disposed = false

  get scope(): Scope | undefined {
    return this.#scope
  }

  /** Disposed, or on a device that was lost. */
  get ended(): boolean {
    return this.#disposed || this.runtime.lost
  }

  allocate(dtype: DType, length: number): GpuBuffer {
    return this.bufferOf(new Cell(dtype, length))
  }

  /** A buffer for the tensors that are to use a cell. */
  bufferOf(cell: Cell): GpuBuffer {
    return new GpuBuffer(cell, this, this.recording ? 'program' : (this.#scope ?? 'collector'))
  }

  /** A buffer that no scope frees: the collector does, or whoever `owns` it. */
  lasting(cell: Cell, owns: 'collector' | 'program'): GpuBuffer {
    return new GpuBuffer(cell, this, owns)
  }

  /** The cell of a tensor of this backend; throws for one of a backend that was disposed. */
  cellOf(x: Tensor): Cell {
    const { buffer } = x
    if (!(buffer instanceof GpuBuffer)) throw new BackendError(`gpu: a buffer of device '${buffer.device}' was given`)
    if (buffer.keeper !== this) {
      throw new BackendError('gpu: this tensor lies on a gpu backend that was started earlier and is gone with its memory')
    }
    if (buffer.cell.freed) throw freedError()
    return buffer.cell
  }

  /** Runs one op; what it took for itself is freed at its end. */
  op(f: () => void): void {
    if (this.#disposed) throw new BackendError("gpu: the backend was disposed: call useBackend('gpu') to start it again")
    this.#depth++
    try {
      f()
    } finally {
      if (--this.#depth === 0 && this.#temporaries.length > 0) {
        for (const cell of this.#temporaries.splice(0)) this.free(cell)
      }
    }
  }

  /** Memory for the time of an op. */
  temporary(length: number, dtype: DType = 'float32'): Cell {
    const cell = new Cell(dtype, length)
    this.#temporaries.push(cell)
    return cell
  }

  /** The elements `from … to` of a host array, on the device: once in a scope, else for this op only. */
  upload(array: TypedArray, from: number, to: number): Cell {
    const uploads = this.recording ? undefined : this.#scope?.uploads.get(array)
    const known = uploads?.find((part) => part.from <= from && part.to >= to)
    if (known) return this.#part(known.cell, from - known.from, to - from)
    const part = array.subarray(from, to)
    const cell = new Cell('float32', to - from)
    this.put(cell, part)
    // What was recorded reads it as long as it is kept.
    if (this.recording) return cell
    if (!this.#scope) this.#temporaries.push(cell)
    else if (this.#scope.uploads.has(array)) this.#scope.uploads.get(array)!.push({ from, to, cell })
    else this.#scope.uploads.set(array, [{ from, to, cell }])
    return cell
  }

  /** Puts into a cell what stays there; integers, which are indices mostly, the host may look up. */
  keep(cell: Cell, data: TypedArray): void {
    this.put(cell, data)
    if (cell.dtype === 'int32') cell.known = data
  }

  #part(cell: Cell, offset: number, length: number): Cell {
    if (offset === 0) return cell
    const part = this.temporary(length)
    this.share(cell, offset, part)
    return part
  }

  /** Runs `f` in a scope of its own. */
  inScope<T>(f: () => T): T {
    const scope = new Scope(this.#scope)
    this.#scope = scope
    let result: T | undefined
    try {
      result = f()
    } finally {
      this.#scope = scope.outer
      scope.close(result, (cell) => this.free(cell))
      if (!this.#scope) this.queue.run(() => this.runtime.flush())
    }
    if (result instanceof Promise) {
      throw new BackendError(
        'scope: the function returned a promise; a scope ends when the function returns, so it must be synchronous',
      )
    }
    return result
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.settled()
    await this.runtime.destroy()
  }
}
