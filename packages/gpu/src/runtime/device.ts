/** What the WebGPU runtimes share: limits, readback, and how failures are told. */
import { BackendError } from '@typegrad/tensor'
import type { GpuCounters } from '../counters.ts'
import { GpuDeviceLostError, GpuKernelError } from '../errors.ts'
import type { GpuContext } from '../gpujs.ts'
import type { Limits } from '../limits.ts'

/** WebGPU's flags, which are globals in browsers only. */
export const usage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 0x40, storage: 0x80 } as const
const mapModeRead = 1

/** What launches of gpu.js may be: groups of 64 threads for rank 1 (which it folds), of 8 × 8 for ranks 2 and 3. */
export function deviceLimits({ limits }: GPUDevice): Limits {
  const groups = limits.maxComputeWorkgroupsPerDimension
  return {
    x: groups * 8,
    y: groups * 8,
    z: groups,
    bytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    arrays: limits.maxStorageBuffersPerShaderStage - 1,
  }
}

export const lostError = (cause?: unknown): GpuDeviceLostError => {
  const error = new GpuDeviceLostError(
    "gpu: the device was lost, and all that lay on it: call useBackend('gpu') and upload the last weights that the host has",
  )
  if (cause !== undefined) error.cause = cause
  return error
}

/**
 * What the device has to complain of, a moment after it happened: memory that it does not have, above all. gpu.js would
 * print it, and go on with zeros.
 */
export class Faults {
  readonly #context: GpuContext
  #error: BackendError | undefined
  /** Kernels of which it is not known yet whether they compile. */
  readonly #compiling = new Set<Promise<void>>()

  constructor(context: GpuContext) {
    this.#context = context
    context.device.onuncapturederror = ({ error }): void => this.tell(new BackendError(`gpu: ${error.message}`))
  }

  /** From now on, nothing that the device computes is to be trusted. What is wrong with a kernel says more than what follows from it. */
  tell(error: BackendError): void {
    if (!this.#error || (error instanceof GpuKernelError && !(this.#error instanceof GpuKernelError))) this.#error = error
  }

  /** Takes what will be known of a kernel: an error, or nothing. */
  expect(compiling: Promise<BackendError | undefined>): void {
    const known = compiling.then((error) => {
      if (error) this.tell(error)
      this.#compiling.delete(known)
    })
    this.#compiling.add(known)
  }

  /** The same as {@link check}, when all kernels so far are known to compile. */
  async checkKernels(): Promise<void> {
    if (this.#compiling.size > 0) await Promise.all(this.#compiling)
    this.check()
  }

  /** Throws if the device is gone, or has complained. */
  check(): void {
    if (this.#context.isLost) throw lostError()
    if (this.#error) throw this.#error
  }
}

/** Any failure of gpu.js or WebGPU as a typed error. */
export function typed(context: GpuContext, what: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause
  if (context.isLost) return lostError(cause)
  const error = new BackendError(`gpu: ${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`)
  error.cause = cause
  return error
}

/** Reads buffers through a few staging buffers that are used again. */
export class Reader {
  readonly #context: GpuContext
  readonly #faults: Faults
  readonly #counters: GpuCounters
  readonly #free: GPUBuffer[] = []

  constructor(context: GpuContext, faults: Faults, counters: GpuCounters) {
    this.#context = context
    this.#faults = faults
    this.#counters = counters
  }

  async read(buffer: GPUBuffer, offset: number, length: number): Promise<Float32Array> {
    const { device } = this.#context
    const bytes = length * 4
    const staging = this.#take(bytes)
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(buffer, offset * 4, staging, 0, bytes)
    device.queue.submit([encoder.finish()])
    this.#counters.readbacks++
    this.#counters.readBytes += bytes
    try {
      await staging.mapAsync(mapModeRead, 0, bytes)
    } catch (cause) {
      staging.destroy()
      // The loss is told a moment after the failure.
      await new Promise((resolve) => setTimeout(resolve, 0))
      await this.#faults.checkKernels()
      throw typed(this.#context, 'reading', cause)
    }
    const data = new Float32Array(staging.getMappedRange(0, bytes).slice(0))
    staging.unmap()
    await this.#faults.checkKernels()
    if (this.#free.length < 4) this.#free.push(staging)
    else staging.destroy()
    return data
  }

  #take(bytes: number): GPUBuffer {
    const at = this.#free.findIndex(({ size }) => size >= bytes && size <= bytes * 4 + 4096)
    if (at >= 0) return this.#free.splice(at, 1)[0]
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)))
    return this.#context.device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget })
  }

  destroy(): void {
    for (const buffer of this.#free.splice(0)) buffer.destroy()
  }
}
