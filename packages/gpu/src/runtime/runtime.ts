import type { KernelSource } from '../kernel-text.ts'
import type { Limits } from '../limits.ts'

/** Device memory of `length` floats; what else it is, only its runtime knows. */
export interface Handle {
  readonly length: number
}

/** A kernel that is compiled, or will be when it first runs. */
export interface Compiled {
  readonly name: string
  readonly source: KernelSource
}

/**
 * gpu.js in one of its modes. Work is done in the order of the calls. Every launch writes into memory of its own: no
 * memory changes after it was written, so buffers can share it.
 */
export interface Runtime {
  readonly mode: string
  readonly limits: Limits
  /** The device is gone. */
  readonly lost: boolean
  /** Throws a GpuKernelError for a source that cannot be compiled; some modes find out only when it first runs. */
  compile(name: string, source: KernelSource): Compiled
  /** Runs a kernel; the result is a promise while something is still being compiled. */
  launch(kernel: Compiled, dims: readonly number[], args: readonly (Handle | number)[]): Handle | Promise<Handle>
  upload(data: Float32Array): Handle
  /** The elements from `offset` on, as they are at the time of the call. */
  read(handle: Handle, offset: number, length: number): Promise<Float32Array>
  free(handle: Handle): void
  /** Gives the device what was only noted down so far. */
  flush(): void
  destroy(): Promise<void>
}
