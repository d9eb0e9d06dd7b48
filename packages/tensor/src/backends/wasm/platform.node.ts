import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import type { Message } from './work.ts'

/** A started thread. */
export interface WorkerHandle {
  post(message: Message): void
  /** Calls `listener` with the reason when the thread has failed or ended. */
  onEnd(listener: (reason: string) => void): void
  terminate(): void
}

/** What the wasm backend needs of its surroundings. */
export interface Platform {
  readonly hardwareThreads: () => number
  /** May the main thread sleep on `Atomics.wait`? */
  readonly mayWait: boolean
  readonly startWorker: () => WorkerHandle
  /** Switches relaxed SIMD on where that is up to us; counts for modules compiled later. */
  readonly enableRelaxedSimd: () => void
}

export const platform: Platform = {
  hardwareThreads: () => availableParallelism(),
  mayWait: true,
  startWorker() {
    const worker = new Worker(new URL('./worker.node.js', import.meta.url))
    // A script ends when its own work is done.
    worker.unref()
    return {
      post: (message) => worker.postMessage(message),
      onEnd(listener) {
        worker.on('error', (error) => listener(`a worker failed: ${String(error)}`))
        worker.on('exit', (code) => listener(`a worker ended with code ${code}`))
      },
      terminate: () => void worker.terminate(),
    }
  },
  // Node 20 has it behind a flag of its engine.
  enableRelaxedSimd: () => setFlagsFromString('--experimental-wasm-relaxed-simd'),
}
