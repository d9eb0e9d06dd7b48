import fc from 'fast-check'

/** Runs of a property, as a share of what FC_RUNS (100) asks for. */
export const runs = (share: number): { numRuns: number } => ({
  numRuns: Math.max(1, Math.round((fc.readConfigureGlobal().numRuns ?? 100) * share)),
})
