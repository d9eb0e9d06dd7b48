import fc from 'fast-check'
import { syncBuiltinESMExports } from 'node:module'
import threads, { type WorkerOptions } from 'node:worker_threads'
import { afterAll } from 'vitest'
import { type Feature, removeFeature } from './without.ts'

// Repeat a failed property with the seed of its report, or look harder:
//   FC_SEED=-1819918769 npx vitest run test/tensor
//   FC_RUNS=10000 npx vitest run
// Run the suite in an engine that lacks something (see without.ts):
//   WITHOUT=SharedMemory npx vitest run test/tensor
const { FC_SEED: seed, FC_RUNS: runs, WITHOUT: without, WORKER_SCRIPT: script } = process.env

fc.configureGlobal({ numRuns: Number(runs ?? 100), ...(seed === undefined ? {} : { seed: Number(seed) }) })
if (without) removeFeature(without as Feature)

// The backend's worker threads run the script that vitest.config.ts has bundled.
if (script !== undefined) {
  const [{ Worker }, bundled] = [threads, new URL(script)]
  threads.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      if (String(url).endsWith('/worker.node.js')) super(bundled, { ...options, execArgv: [] })
      else super(url, options)
    }
  }
  syncBuiltinESMExports()
}

// What draws without a seed of its own, weights above all, repeats too.
if (seed !== undefined) (await import('@typegrad/tensor')).setSeed(Number(seed))

// Files may share a process: one that fails before it has put things back must not fail the next ones.
afterAll(async () => {
  const { backendNames, setBackend, setDeterministic } = await import('@typegrad/tensor')
  setBackend(backendNames().includes('wasm') ? 'wasm' : 'cpu')
  setDeterministic(false)
})
