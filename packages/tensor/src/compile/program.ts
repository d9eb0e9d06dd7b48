import type { DType } from '../dtype.ts'
import type { Shape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Item } from './fuse.ts'
import type { Graph } from './trace.ts'

/** Milliseconds that a program took to be made: f run on abstract tensors, its nodes simplified and fused, code written, and that compiled. */
export interface MakingTimes {
  readonly trace: number
  readonly fuse: number
  readonly write: number
  readonly compile: number
}

/** A traced function as a backend runs it. */
export interface Program {
  /** Does what the function did on the host, then its ops, on inputs of the shapes and dtypes of the trace. */
  run(inputs: readonly Tensor[]): Tensor[]
  /** Whether it was made for settings (threads, determinism) that have changed since. */
  readonly isStale: boolean
  readonly graph: Graph
  readonly items: readonly Item[]
  /** Bytes of memory besides the variables. */
  readonly bytes: number
  /** Calls from JavaScript that one run takes. */
  readonly parts: number
  /** What it took to make it, but for the trace. */
  readonly made?: Omit<MakingTimes, 'trace'>
  /** Microseconds that each item takes, measured on what the last run was given; `undefined` for all but the first item of a loop. */
  times?(): readonly (number | undefined)[]
}

/** A program with everything that it needs: WebAssembly modules, the memory that they begin with, and addresses. */
export interface Standalone {
  /** Pages of 64 KiB. */
  readonly pages: number
  readonly memory: readonly { readonly address: number; readonly bytes: Uint8Array }[]
  /** Imports `env.memory` and the kernels, as `kernels.k0` and so on; exports the parts, which are called in order. */
  readonly program: Uint8Array
  /** Modules of one function each. */
  readonly kernels: readonly Uint8Array[]
  readonly parts: readonly string[]
  readonly inputs: readonly { readonly address: number; readonly dtype: DType }[]
  readonly outputs: readonly { readonly address: number; readonly dtype: DType; readonly shape: Shape; readonly whole: boolean }[]
  /** Where a word is set by an index outside of its axis. */
  readonly failure: number
}
