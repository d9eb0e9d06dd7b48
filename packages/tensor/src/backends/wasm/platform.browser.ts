/// <reference lib="dom" />
import type { Platform } from './platform.node.ts'

export type { Platform, WorkerHandle } from './platform.node.ts'

export const platform: Platform = {
  hardwareThreads: () => navigator.hardwareConcurrency,
  // Pages must not sleep; a worker may.
  mayWait: typeof document === 'undefined',
  startWorker() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    return {
      post: (message) => worker.postMessage(message),
      onEnd(listener) {
        worker.addEventListener('error', (event) => listener(`a worker failed: ${event.message}`))
        worker.addEventListener('messageerror', () => listener('a worker could not read a message'))
      },
      terminate: () => worker.terminate(),
    }
  },
  enableRelaxedSimd() {},
  keepPages() {},
  stayYoung() {},
}
