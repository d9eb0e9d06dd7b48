export { Model } from './model.ts'
export type { ModelOptions } from './network.ts'
export type { CompileOptions } from './training.ts'
export type { ModelPlotOptions } from './plot/svg.ts'
export type { SummaryOptions } from './summary.ts'
export { Sequential } from './sequential.ts'
export { cloneModel } from './config/clone.ts'
export { modelFromConfig } from './config/from-config.ts'
export type { CustomObjects } from './config/compile.ts'
export * as callbacks from './callbacks/index.ts'
export * from './callbacks/index.ts'
export { NonFiniteError, type NonFiniteOrigin } from './debug-nan.ts'
export type { EvaluateOptions, PredictOptions } from './evaluate.ts'
export type { BatchLike, BatchSource, Shuffle } from './feed.ts'
export type { FitOptions } from './fit.ts'
export type { BatchOptions, Verbose } from './loop.ts'
export type { Data } from './inputs.ts'
export { Rows, type Batch } from './rows.ts'
export type { PerOutput } from './compiled.ts'
export { standardOutput, type Output } from './output.ts'
export {
  registerStorage,
  type Checkpoint,
  type LoadSource,
  type LoadWeightsOptions,
  type SaveOptions,
  type SaveTarget,
  type State,
  type ModelStorage,
} from './storage.ts'
