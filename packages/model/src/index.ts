export { Model, type Batch, type CompileOptions, type ModelOptions } from './model.ts'
export { Sequential } from './sequential.ts'
export { modelFromConfig } from './config/from-config.ts'
export type { CustomObjects } from './config/compile.ts'
export * as callbacks from './callbacks/index.ts'
export * from './callbacks/index.ts'
export type { BatchOptions, EvaluateOptions, FitOptions, Verbose } from './fit.ts'
export type { Data } from './inputs.ts'
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
