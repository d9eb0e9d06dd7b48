import { checkOptions } from '@typegrad/tensor'
import type { EvaluateOptions } from './evaluate.ts'
import type { FitOptions } from './fit.ts'
import type { CompileOptions } from './training.ts'

// Records, so that the compiler knows that no option is left out.
const compile: Readonly<Record<keyof CompileOptions, true>> = {
  optimizer: true,
  loss: true,
  lossWeights: true,
  metrics: true,
  weightedMetrics: true,
  jit: true,
  device: true,
}

const run: Readonly<Record<keyof FitOptions | keyof EvaluateOptions, true>> = {
  allowNaN: true,
  batchSize: true,
  callbacks: true,
  classWeight: true,
  debugNaN: true,
  epochs: true,
  initialEpoch: true,
  sampleWeight: true,
  shuffle: true,
  signal: true,
  steps: true,
  stepsPerEpoch: true,
  validationBatchSize: true,
  validationData: true,
  validationFreq: true,
  validationSplit: true,
  validationSteps: true,
  verbose: true,
}

/**
 * Throws a ValueError for an option that is mistyped, which else would do nothing. `evaluate` and `predict` may be given the options of
 * `fit`, and take what concerns them.
 */
export function knownOptions(what: 'compile' | 'fit' | 'evaluate' | 'predict', options: object): void {
  checkOptions(what, options, Object.keys(what === 'compile' ? compile : run))
}
