/** What a backend can do: the dozen kernels that every op is made of. An op never knows which backend runs it. */
import type { Kernel } from '../formula/kernel.ts'
import type { DType } from '../dtype.ts'
import type { Slot } from '../memory.ts'
import type { Tensor } from '../tensor.ts'
import { BackendError } from '../errors.ts'

/** A reduction: `acc` starts at `init`, takes `step` for every element `x`, and `finish` (of `acc` and the count `n`) ends it. */
export interface Reduction {
  readonly init: number
  readonly step: string
  readonly finish?: string
}

/**
 * Kernels write into `out`, whose storage is fresh and contiguous unless said otherwise, and read inputs of any
 * strides. Shapes, axes and dtypes were checked before.
 */
export interface Backend {
  readonly name: string
  /** The device whose buffers it reads and writes; all backends of one device can take each other's tensors. */
  readonly device: string
  allocate(dtype: DType, size: number): Slot
  /** Evaluates a kernel at every index; inputs have the outputs' shape; an output may be an input of the same layout. */
  elementwise(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], compute: DType): void
  /** `out = x`, converted to out's dtype; out may be any view. */
  copy(x: Tensor, out: Tensor): void
  /** Reduces `axes` (sorted, not empty) of x; out has x's shape without them. */
  reduce(reduction: Reduction, x: Tensor, axes: readonly number[], out: Tensor): void
  /** The first position of the largest (`max`) or smallest element along `axis`; NaN wins over both. */
  argReduce(kind: 'max' | 'min', x: Tensor, axis: number, out: Tensor): void
  /** `out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]`; batch axes are already broadcast. */
  matmul(a: Tensor, b: Tensor, out: Tensor): void
  /** `exp(x - max) / Σ exp(x - max)` along the last axis, or its logarithm. */
  softmax(x: Tensor, out: Tensor, log: boolean): void
  /** `out[…, i…, …] = x[…, indices[i…], …]` at `axis`; indices are int32 and checked. */
  gather(x: Tensor, indices: Tensor, axis: number, out: Tensor): void
  /** Adds each slice of `updates` to `out` (zeros) at its index along `axis`: the transpose of gather. */
  scatterAdd(updates: Tensor, indices: Tensor, axis: number, out: Tensor): void
  /** Cumulative sum or product along `axis`. */
  scan(kind: 'sum' | 'prod', x: Tensor, axis: number, options: ScanOptions, out: Tensor): void
  /** Stable positions that sort x along its last axis; NaN comes last. */
  argsort(x: Tensor, descending: boolean, out: Tensor): void
  /** Uniform numbers in [0, 1) from the counter-based stream `key` (see random.ts). */
  random(key: readonly [number, number], out: Tensor): void
}

export interface ScanOptions {
  readonly exclusive: boolean
  readonly reverse: boolean
}

const backends = new Map<string, Backend>()
let current: Backend | undefined

/** Makes a backend known; the first one becomes the current one. */
export function registerBackend(backend: Backend): void {
  backends.set(backend.name, backend)
  current ??= backend
}

/** The names that {@link setBackend} knows. */
export const backendNames = (): string[] => [...backends.keys()]

/** The backend that new tensors go to. */
export function currentBackend(): Backend {
  if (!current) throw new BackendError('no backend is registered: import @typegrad/tensor from its index')
  return current
}

/** Makes the named backend the current one and returns the name of the one before. */
export function setBackend(name: string): string {
  const backend = backends.get(name)
  if (!backend) throw new BackendError(`setBackend: unknown backend '${name}', known are ${backendNames().join(', ')}`, { name })
  const before = currentBackend().name
  current = backend
  return before
}

/** The backend for an op on these inputs: the current one, unless an input lies on another device. */
export function backendFor(inputs: readonly Tensor[]): Backend {
  const chosen = currentBackend()
  for (const { buffer } of inputs) {
    if (buffer.device !== chosen.device && buffer.device !== 'host') return backendOf(buffer.device)
  }
  return chosen
}

function backendOf(device: string): Backend {
  for (const backend of backends.values()) if (backend.device === device) return backend
  throw new BackendError(`no backend reads tensors of device '${device}'`, { device })
}
