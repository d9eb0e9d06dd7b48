/** What `fit`, `evaluate` and `predict` share. */
import { ValueError } from '@typegrad/tensor'
import type { Callback } from './callbacks/callback.ts'
import { standardOutput } from './output.ts'

export type Verbose = 0 | 1 | 2 | 'auto'

export interface BatchOptions {
  /** Samples per step, of arrays. @defaultValue `32` */
  readonly batchSize?: number
  /** 0 silent, 1 a live progress line, 2 one line per epoch. @defaultValue `'auto'`: 1 on a terminal, 2 elsewhere */
  readonly verbose?: Verbose
  /** One, or several, which are called in order. */
  readonly callbacks?: Callback | readonly Callback[]
  /** Stops the work after the step under way. `fit` then ends as if training were over, the others throw the signal's reason. */
  readonly signal?: AbortSignal
}

/** A whole number that is large enough; `what` names the method it was given to. */
export function integer(what: string, value: number, name: string, least: number): number {
  if (!Number.isInteger(value) || value < least)
    throw new ValueError(`${what}: ${name} must be an integer ≥ ${least}, got ${JSON.stringify(value)}`, { [name]: value })
  return value
}

export function verbosity(what: string, verbose: Verbose = 'auto'): 0 | 1 | 2 {
  if (verbose === 'auto') return standardOutput().live ? 1 : 2
  if ([0, 1, 2].includes(verbose)) return verbose
  throw new ValueError(`${what}: verbose must be 0, 1, 2 or 'auto', got ${JSON.stringify(verbose)}`, { verbose })
}

/** Lets timers, input and the collector's finalizers run; called a few times a second. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

export class Pacer {
  #last = performance.now()

  /** A promise only where it is time. */
  breathe(): void | Promise<void> {
    if (performance.now() - this.#last >= 50) return this.#rest()
  }

  async #rest(): Promise<void> {
    await pause()
    this.#last = performance.now()
  }
}
