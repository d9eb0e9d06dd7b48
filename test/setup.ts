import fc from 'fast-check'

// Repeat a failed property with the seed of its report, or look harder:
//   FC_SEED=-1819918769 npx vitest run test/tensor
//   FC_RUNS=10000 npx vitest run
const { FC_SEED: seed, FC_RUNS: runs } = process.env

fc.configureGlobal({ numRuns: Number(runs ?? 100), ...(seed === undefined ? {} : { seed: Number(seed) }) })
