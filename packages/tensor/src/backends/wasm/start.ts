import type { TypegradError } from '../../errors.ts'
import { Runtime } from './runtime.ts'
import type { ThreadState } from './threads.ts'

let reason = ''

function start(): Runtime | undefined {
  try {
    return new Runtime()
  } catch (error) {
    reason = (error as TypegradError).message
    return undefined
  }
}

/** The runtime of the wasm backend; `undefined` where the engine cannot run it. */
export const runtime: Runtime | undefined = start()

/** How many threads share large kernels, and where it is 1, why. */
export const threads = (): ThreadState => runtime?.threads() ?? { count: 1, reason }

/** Shares large kernels among up to `count` threads from here on; by default as many as there are processors. Results do not depend on it. */
export const setThreads = (count?: number): ThreadState => runtime?.setThreads(count) ?? threads()

/**
 * With `true`, the same bits on every processor: products round after the multiplication and after the addition. By
 * default both are one rounding where the engine has it, which is faster and more exact; and convolutions of windows of 3 go by Winograd's
 * way where it is less work, which rounds elsewhere.
 */
export function setDeterministic(deterministic: boolean): void {
  if (runtime) runtime.deterministic = deterministic
}
