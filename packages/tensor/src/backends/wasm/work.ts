import { instantiate, type Kernel, maximumChunks, runChunks, words } from './control.ts'

/** What a worker is told: first where it works, then each module. */
export type Message =
  | { readonly control: SharedArrayBuffer; readonly memory: WebAssembly.Memory; readonly thread: number }
  | WebAssembly.Module

/** Looks at the shared word this often, some tens of microseconds, before it sleeps. */
const spins = 20_000

let control: Int32Array
let memory: WebAssembly.Memory
let thread = 0
let modules = 0
const kernels: Kernel[] = []

/** A worker's answer to a message: take it in, then work until the next one has been sent. */
export function receive(message: Message): void {
  if (message instanceof WebAssembly.Module) {
    kernels.push(...instantiate(message, memory))
    modules++
  } else {
    control = new Int32Array(message.control)
    memory = message.memory
    thread = message.thread
  }
  work()
}

/** Runs jobs as they come and sleeps between them; ends when a module is on its way, which only the event loop can receive. */
function work(): void {
  const epoch = modules & maximumChunks
  for (;;) {
    const generation = Atomics.load(control, words.generation)
    runChunks(control, kernels, epoch, thread)
    if (Atomics.load(control, words.open) >>> 16 !== epoch) return
    for (let round = 0; Atomics.load(control, words.generation) === generation; round++) {
      if (round >= spins) Atomics.wait(control, words.generation, generation)
    }
  }
}
