import { type BackgroundJob, runBackground } from './background.ts'
import { instantiate, type Kernel, runChunks, words } from './control.ts'

/** What a worker is told: where it works and the modules so far, then each change of them. The epoch counts the changes. */
export type Message =
  | {
      readonly epoch: number
      readonly control: SharedArrayBuffer
      readonly memory: WebAssembly.Memory
      readonly thread: number
      readonly modules: readonly (readonly [first: number, module: WebAssembly.Module])[]
    }
  | ({ readonly epoch: number } & Change)

/** A module whose functions are numbered from `first` on, so many numbers that mean nothing any more, or something to do meanwhile. */
export type Change = { readonly first: number } & (
  | { readonly module: WebAssembly.Module }
  | { readonly removed: number }
  | { readonly background: BackgroundJob }
)

/** Looks at the shared word this often, some ten microseconds, before it sleeps. */
const spins = 20_000

let control: Int32Array
let memory: WebAssembly.Memory
let thread = 0
let epoch = 0
const kernels: (Kernel | undefined)[] = []

/** A worker's answer to a message: take it in, then work until the next one has been sent. */
export function receive(message: Message): void {
  const add = (first: number, module: WebAssembly.Module): void => {
    for (const [i, kernel] of instantiate(module, memory).entries()) kernels[first + i] = kernel
  }
  if ('control' in message) {
    control = new Int32Array(message.control)
    memory = message.memory
    thread = message.thread
    for (const [first, module] of message.modules) add(first, module)
  } else if ('module' in message) add(message.first, message.module)
  else if ('background' in message) runBackground(message.background, kernels[message.first]!, 0)
  else kernels.fill(undefined, message.first, message.first + message.removed)
  epoch = message.epoch
  work()
}

/** Runs jobs as they come and sleeps between them; ends when a change is on its way, which only the event loop can receive. */
function work(): void {
  for (;;) {
    const generation = Atomics.load(control, words.generation)
    runChunks(control, kernels, epoch, thread)
    if (Atomics.load(control, words.open) >>> 16 !== epoch) return
    for (let round = 0; Atomics.load(control, words.generation) === generation; round++) {
      if (round >= spins) Atomics.wait(control, words.generation, generation)
    }
  }
}
