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
  /** Lets the allocator of arrays keep pages that were freed, where it would give them back and ask for fresh ones all the time. */
  readonly keepPages: () => void
  /** Lets the engine make all objects among the young ones, whose garbage costs nothing. */
  readonly stayYoung: () => void
  /** Copies bytes to as many others, where that is faster than `set` for memory that threads share. */
  readonly copyShared?: (from: Uint8Array, to: Uint8Array) => void
}

/** The largest array that glibc takes as a measure of what it keeps: `DEFAULT_MMAP_THRESHOLD_MAX`, 32 MiB, less its own words. */
const measure = 31 * 2 ** 20

/** Whether this is Node, and not what imitates it. */
const isNode = process.release.name === 'node' && !('bun' in process.versions || 'deno' in process.versions)
const major = Number.parseInt(process.versions.node)

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
  // glibc maps arrays of 128 KiB and more afresh, until one of a size has been freed: from then on it keeps arrays up to that size, and
  // twice as much free memory. The array is never touched, so it takes no page, and goes with the first collection.
  // V8 of Node 20 has another thread free arrays: where that waits for a processor, they count as live, and whole heaps are marked for nothing.
  keepPages() {
    if (process.platform === 'linux') void new ArrayBuffer(measure)
    if (isNode && major === 20) setFlagsFromString('--no-concurrent-array-buffer-sweeping')
  },
  // Where much of what V8 made was found alive at first, it makes the next ones among the old, by the place in the code and for good. In a
  // training step op by op these places make garbage later: the old space fills with it, on fresh pages. The flag is the whole process's.
  stayYoung() {
    if (isNode && major <= 24) setFlagsFromString('--no-allocation-site-pretenuring')
  },
  // V8 copies shared memory word by word. Node fills a buffer with another one natively, four times as fast; who imitates Node may not.
  ...(isNode ? { copyShared: (from, to) => void Buffer.prototype.fill.call(to, from) } : {}),
}
