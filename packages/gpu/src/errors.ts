import { BackendError, DeviceLostError } from '@typegrad/tensor'

/**
 * The device is gone (driver reset, GPU unplugged, browser reclaiming it), and with it all that lay on it. Ask for the
 * backend again with `useBackend('gpu')` and upload the last weights that the host has.
 */
export class GpuDeviceLostError extends DeviceLostError {}

/**
 * A kernel that gpu.js or the driver does not compile, or that fails when it runs. `details` has its name (`kernel`), what was given
 * to the compiler (`source`) and, where it is told, the `line` in it.
 */
export class GpuKernelError extends BackendError {}

/** Where in a source the compiler stopped; lines count from 1. */
interface Place {
  readonly source: string
  readonly line?: number
}

/** What went wrong with a kernel, as a typed error; errors that are typed already stay what they are. */
export function kernelError(kernel: string, cause: unknown, { source, line }: Place): BackendError {
  if (cause instanceof BackendError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const at = line === undefined ? '' : `; line ${line}: ${source.split('\n')[line - 1]?.trim()}`
  const details = { kernel, source, ...(line === undefined ? {} : { line }) }
  const error = new GpuKernelError(`gpu: the kernel '${kernel}' does not compile or run: ${message}${at}`, details)
  if (cause instanceof Error) error.cause = cause
  return error
}

/** A tensor was used whose device memory is free already: by the end of the scope that made it, or with its backend. */
export class GpuFreedError extends BackendError {}
