/** What a backend can do: the dozen kernels that every op is made of. An op never knows which backend runs it. */
import type { Program, Standalone } from '../compile/program.ts'
import type { Graph } from '../compile/trace.ts'
import type { Kernel } from '../formula/kernel.ts'
import type { DType, TypedArray } from '../dtype.ts'
import type { Slot } from '../memory.ts'
import type { SparseParts } from '../ops/sparse-matmul.ts'
import type { Tensor, Variable } from '../tensor.ts'
import type { UpdateGroup } from '../update.ts'
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
  /** Set for a backend that computes nothing, and only writes down its calls: it takes tensors of every device. */
  readonly takesAll?: true
  /** Storage of zeros, or, if all of it is written by one kernel, of anything. */
  allocate(dtype: DType, size: number, isUnwritten?: boolean): Slot
  /** Evaluates a kernel at every index; inputs have the outputs' shape; an output may be an input of the same layout. */
  elementwise(kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], compute: DType): void
  /** `out = x`, converted to out's dtype; out may be any view. */
  copy(x: Tensor, out: Tensor): void
  /** Reduces `axes` (sorted, maybe none) of x; out has x's shape without them. */
  reduce(reduction: Reduction, x: Tensor, axes: readonly number[], out: Tensor): void
  /** The first position of the largest (`max`) or smallest element along `axis`; NaN wins over both. */
  argReduce(kind: 'max' | 'min', x: Tensor, axis: number, out: Tensor): void
  /** `out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]`; batch axes are already broadcast. */
  matmul(a: Tensor, b: Tensor, out: Tensor): void
  /** `out = a · b + bias`, one value of the bias for each column; without it, it is a product and a sum. */
  matmulAdd?(a: Tensor, b: Tensor, bias: Tensor, out: Tensor): void
  /**
   * `out[i, j] = Σ values[e] · b[indices[e], j]` over the entries of row i of a sparse matrix, or `transposed`
   * `out[indices[e], j] = Σ values[e] · b[i, j]`; values is one for all, or one for each. Parts are contiguous and checked, out is zeros.
   */
  sparseMatmul(x: SparseParts, b: Tensor, transposed: boolean, out: Tensor): void
  /** `exp(x - max) / Σ exp(x - max)` along the last axis, or its logarithm. */
  softmax(x: Tensor, out: Tensor, log: boolean): void
  /** `out[…, i…, …] = x[…, indices[i…], …]` at `axis`; indices are int32 and checked. */
  gather(x: Tensor, indices: Tensor, axis: number, out: Tensor): void
  /** Adds each slice of `updates` to `out` (zeros) at its index along `axis`: the transpose of gather. */
  scatterAdd(updates: Tensor, indices: Tensor, axis: number, out: Tensor): void
  /** Cumulative sum or product along `axis`. */
  scan(kind: 'sum' | 'prod', x: Tensor, axis: number, options: ScanOptions, out: Tensor): void
  /** The first of the stable positions that sort x along its last axis, as many as out has; NaN counts as the largest. */
  argsort(x: Tensor, descending: boolean, out: Tensor): void
  /**
   * N-d convolution, channels last: `out[b, …o, g, j] = Σ x[b, …o·stride + k·dilation - before, g, i] · kernel[…k, i, g, j]`
   * over window positions k and input channels i; what lies outside x is 0. x is `[batch, …spatial, channels]`, the kernel
   * `[…window, channels / groups, filters]`, out `[batch, …outputs, filters]`; channels and filters are `[g, i]` and `[g, j]` as one axis.
   */
  conv(x: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor): void
  /** The gradient of {@link conv} for x, given that for its result; out has x's shape. The transposed convolution. */
  convInput(dy: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor): void
  /** The gradient of {@link conv} for the kernel, given that for its result; out has the kernel's shape. */
  convKernel(x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): void
  /**
   * The largest element (a NaN wins) or the mean of each window of x, channels last. Padding is no part of a window, and no
   * window lies wholly in it.
   */
  pool(kind: PoolKind, x: Tensor, attributes: PoolAttributes, out: Tensor): void
  /**
   * The gradient of {@link pool} for x, given that for its result: `max` routes it to the first of the largest elements of the
   * window in row-major order (the first NaN, if there is one), `mean` shares it among all. out has x's shape.
   */
  poolGradient(kind: PoolKind, x: Tensor, dy: Tensor, attributes: PoolAttributes, out: Tensor): void
  /** For each window the element of `values`, which has x's shape, at the place that {@link poolGradient} of `max` routes to. */
  poolPick(values: Tensor, x: Tensor, attributes: PoolAttributes, out: Tensor): void
  /** Uniform numbers in [0, 1): element i is made of the Threefry block at counter `[i, stream]` of `key` (see random.ts). */
  random(key: readonly [number, number], stream: number, out: Tensor): void
  /** Runs what is no kernel on the host: `compute` reads host tensors in place of the inputs and writes the one in place of `out`. */
  host(name: string, inputs: readonly Tensor[], out: Tensor, compute: (inputs: readonly Tensor[], out: Tensor) => void): void
  /** Turns a traced function into something that runs as a whole, if it can; without it, functions are not compiled. */
  program?(graph: Graph): Program | undefined
  /** Told of variables that a program will read, before it is made: what takes time for them may begin. */
  expect?(variables: readonly Variable[]): void
  /** Updates all members at once, if it can: returns whether it has. */
  updateGroup?(
    group: UpdateGroup,
    inputs: readonly Readonly<Record<string, Tensor>>[],
    shared: Readonly<Record<string, Tensor | number>>,
  ): boolean
  /** Whether its programs may have loops, in which the order of sums is another one than op by op. */
  readonly loops?: boolean
  /** The same as modules that run without anything else. */
  standalone?(graph: Graph): Standalone
  /** The elements of x in row-major order, once they are computed; only a device that the host cannot see has it. */
  read?(x: Tensor): Promise<TypedArray>
  /** See {@link scope}; only a device whose memory the collector cannot see has it. */
  scope?<T>(f: () => T): T
}

export interface ScanOptions {
  readonly exclusive: boolean
  readonly reverse: boolean
}

/** Elements around a spatial axis; a negative number leaves as many out. */
export type AxisPadding = readonly [before: number, after: number]

/** One entry for each spatial axis. `after` has done its part when the shapes are known: kernels need `before` only. */
export interface ConvAttributes {
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly AxisPadding[]
  /** The channels fall into so many groups, each with filters of its own. */
  readonly groups: number
}

export type PoolKind = 'max' | 'mean'

/** One entry for each spatial axis. */
export interface PoolAttributes {
  readonly window: readonly number[]
  readonly strides: readonly number[]
  readonly padding: readonly AxisPadding[]
}

const backends = new Map<string, Backend>()
const starters = new Map<string, () => Promise<Backend>>()
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

/** The backend of a name; throws for one that is not registered. */
export function backendNamed(name: string, op = 'backendNamed'): Backend {
  const backend = backends.get(name)
  if (backend) return backend
  if (starters.has(name)) throw new BackendError(`${op}: '${name}' is not started: call 'await useBackend('${name}')'`, { name })
  const hint = name === 'gpu' || name === 'auto' ? "; the gpu is a package of its own: import '@typegrad/gpu'" : ''
  throw new BackendError(`${op}: unknown backend '${name}', known are ${backendNames().join(', ')}${hint}`, { name })
}

/** Says how a backend that takes time to start is started; asked again, `start` gives the running one. */
export function registerStarter(name: string, start: () => Promise<Backend>): void {
  starters.set(name, start)
}

/** The backend of a name, started if it is one of those. */
export async function startBackend(name: string, op: string): Promise<Backend> {
  const start = starters.get(name)
  return start ? start() : backendNamed(name, op)
}

/** Makes the named backend the current one and returns the name of the one before. */
export function setBackend(name: string): string {
  const backend = backendNamed(name, 'setBackend')
  const before = currentBackend().name
  current = backend
  return before
}

/** Runs `f` with a backend as the current one. */
export function withBackend<T>(backend: Backend, f: () => T): T {
  const before = current
  current = backend
  try {
    return f()
  } finally {
    current = before
  }
}

/**
 * Runs one step of work, `f`. On a device, the memory that tensors took in it is free again at its end, but for what `f`
 * returns (tensors in arrays, objects and maps) and what variables hold. On the host, where the collector sees tensors,
 * it just runs `f`.
 */
export function scope<T>(f: () => T): T {
  const backend = currentBackend()
  return backend.scope ? backend.scope(f) : f()
}

/** The backend for an op on these inputs: the current one, unless an input lies on another device. */
export function backendFor(inputs: readonly Tensor[]): Backend {
  const chosen = currentBackend()
  if (chosen.takesAll) return chosen
  for (const { buffer } of inputs) {
    if (buffer.device !== chosen.device && buffer.device !== 'host') return backendOn(buffer.device)
  }
  return chosen
}

/** A backend that reads and writes the buffers of a device: the current one if it does. */
export function backendOn(device: string): Backend {
  if (current?.device === device) return current
  for (const backend of backends.values()) if (backend.device === device) return backend
  throw new BackendError(`no backend reads tensors of device '${device}'`, { device })
}
