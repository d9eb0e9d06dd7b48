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
export { CTC, ctc } from './ctc.ts'
export {
  BinaryFocalCrossentropy,
  binaryFocalCrossentropy,
  CategoricalFocalCrossentropy,
  categoricalFocalCrossentropy,
  CategoricalGeneralizedCrossEntropy,
  categoricalGeneralizedCrossEntropy,
  type BinaryFocalCrossentropyOptions,
  type FocalCrossentropyOptions,
  type GeneralizedCrossEntropyOptions,
} from './focal.ts'
export { CategoricalHinge, categoricalHinge, Hinge, hinge, SquaredHinge, squaredHinge } from './hinge.ts'
export { KLDivergence, klDivergence, Poisson, poisson } from './probabilistic.ts'
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
export { Dice, dice, Tversky, tversky, type DiceOptions, type TverskyOptions } from './segmentation.ts'
export {
  Circle,
  circle,
  CosineSimilarity,
  cosineSimilarity,
  type CircleOptions,
  type CosineSimilarityOptions,
} from './similarity.ts'
export { Loss, type LossOptions, type Reduction } from './loss.ts'
