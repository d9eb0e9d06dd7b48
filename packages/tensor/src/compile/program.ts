import type { Tensor } from '../tensor.ts'
import type { Item } from './fuse.ts'
import type { Graph } from './trace.ts'

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
}
