/** The export list is the registry: what is exported here can be named in `compile({ loss })`. */
export {
  BinaryCrossentropy,
  binaryCrossentropy,
  CategoricalCrossentropy,
  categoricalCrossentropy,
  SparseCategoricalCrossentropy,
  sparseCategoricalCrossentropy,
  type CrossentropyOptions,
  type SparseCrossentropyOptions,
} from './crossentropy.ts'
export {
  Huber,
  huber,
  LogCosh,
  logCosh,
  MeanAbsoluteError,
  meanAbsoluteError,
  MeanAbsolutePercentageError,
  meanAbsolutePercentageError,
  MeanSquaredError,
  meanSquaredError,
  MeanSquaredLogarithmicError,
  meanSquaredLogarithmicError,
  type HuberOptions,
} from './regression.ts'
export { Loss, type LossOptions, type Reduction } from './loss.ts'
