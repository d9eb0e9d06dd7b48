import fc from 'fast-check'
import { afterAll } from 'vitest'
import { type Feature, removeFeature } from './without.ts'

// Repeat a failed property with the seed of its report, or look harder:
//   FC_SEED=-1819918769 npx vitest run test/tensor
//   FC_RUNS=10000 npx vitest run
// Run the suite in an engine that lacks something (see without.ts):
//   WITHOUT=SharedMemory npx vitest run test/tensor
const { FC_SEED: seed, FC_RUNS: runs, WITHOUT: without } = process.env

fc.configureGlobal({ numRuns: Number(runs ?? 100), ...(seed === undefined ? {} : { seed: Number(seed) }) })
if (without) removeFeature(without as Feature)

// Files may share a process: one that fails before it has put things back must not fail the next ones.
afterAll(async () => {
  const { backendNames, setBackend, setDeterministic } = await import('@typegrad/tensor')
  setBackend(backendNames().includes('wasm') ? 'wasm' : 'cpu')
  setDeterministic(false)
})
