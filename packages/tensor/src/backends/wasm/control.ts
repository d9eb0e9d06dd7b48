/** A function of a module that threads share: tasks `begin` to `end` of the job at address `job`. */
export type Kernel = (job: number, begin: number, end: number, scratch: number) => void

/** Tasks of a job, to be run in any order on any thread; `grain` of them are worth a turn. */
export interface Split {
  readonly tasks: number
  readonly grain: number
}

/**
 * The words that the threads share, one group to a cache line.
 *
 * `open` is `epoch << 16 | chunks not yet claimed`. The epoch counts what the workers were told of modules, so that a thread
 * that has not received it all cannot claim a chunk of a job that may need them.
 */
export const words = {
  /** Bumped for each job and each change of modules; workers sleep on it. */
  generation: 0,
  open: 16,
  /** The number of the next chunk that is claimed. */
  next: 17,
  done: 32,
  kernel: 48,
  job: 49,
  tasks: 50,
  grain: 51,
  chunks: 52,
  scratch: 53,
  scratchStep: 54,
  failed: 55,
  /** Chunks that the job has room for: the one after them works where the first one did. */
  room: 56,
  /** For so many chunks, and again from the first: which of them was finished last. */
  finished: 64,
} as const

/** Chunks of an offer that may be under way. */
export const maximumRoom = 64

/** Chunks and epochs are 16 bits each. */
export const maximumChunks = 0xffff

/** Fresh words, with no open job. */
export function makeControl(epoch = 0): Int32Array<SharedArrayBuffer> {
  const control = new Int32Array(new SharedArrayBuffer(4 * (words.finished + maximumRoom)))
  control[words.open] = epoch << 16
  return control
}

/** The number of a chunk that is this thread's alone, or -1. From here until the chunk is done the job's words stand still. */
function claim(control: Int32Array, epoch: number): number {
  for (;;) {
    const open = Atomics.load(control, words.open)
    const left = open & maximumChunks
    if (left === 0 || open >>> 16 !== epoch) return -1
    if (Atomics.compareExchange(control, words.open, open, open - 1) === open) return Atomics.add(control, words.next, 1)
  }
}

/** Runs chunks of the open job until none is left, with `after` behind each; a kernel that traps sets `failed`. Returns its first error. */
export function runChunks(
  control: Int32Array,
  kernels: readonly (Kernel | undefined)[],
  epoch: number,
  thread: number,
  after?: () => void,
): unknown {
  let error: unknown
  for (let chunk = claim(control, epoch); chunk >= 0; chunk = claim(control, epoch)) {
    const grain = control[words.grain]
    const begin = (chunk % control[words.room]) * grain
    const end = Math.min(begin + grain, control[words.tasks])
    const scratch = control[words.scratch] + thread * control[words.scratchStep]
    try {
      kernels[control[words.kernel]]!(control[words.job], begin, end, scratch)
    } catch (cause) {
      error ??= cause
      Atomics.store(control, words.failed, 1)
    }
    Atomics.store(control, words.finished + (chunk % maximumRoom), chunk)
    if (Atomics.add(control, words.done, 1) + 1 === Atomics.load(control, words.chunks)) Atomics.notify(control, words.done)
    after?.()
  }
  return error
}

/** The functions that a module exports, on `memory`. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernel[] {
  return Object.values(new WebAssembly.Instance(module, { env: { memory } }).exports) as Kernel[]
}
