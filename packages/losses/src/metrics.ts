/** The export list is the registry: what is exported here can be named in `compile({ metrics })`. */
export {
  Accuracy,
  BinaryAccuracy,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  TopKCategoricalAccuracy,
  type BinaryAccuracyOptions,
  type SparseTopKOptions,
  type TopKOptions,
} from './metrics/accuracy.ts'
export { AUC, type AUCOptions } from './metrics/auc.ts'
export { FalseNegatives, FalsePositives, TrueNegatives, TruePositives, type ThresholdsOptions } from './metrics/counts.ts'
export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  CategoricalHinge,
  Hinge,
  KLDivergence,
  LogCoshError,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
  Poisson,
  SparseCategoricalCrossentropy,
  SquaredHinge,
} from './metrics/errors.ts'
export { F1Score, FBetaScore, type F1ScoreOptions, type FBetaScoreOptions } from './metrics/fscore.ts'
export { BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU, type BinaryIoUOptions } from './metrics/iou.ts'
export {
  Precision,
  PrecisionAtRecall,
  Recall,
  RecallAtPrecision,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
  type OperatingPointOptions,
  type PrecisionOptions,
} from './metrics/precision.ts'
export {
  ConcordanceCorrelation,
  CosineSimilarity,
  PearsonCorrelation,
  R2Score,
  RootMeanSquaredError,
  type AxisOptions,
  type R2Options,
} from './metrics/regression.ts'
export { Mean, MeanMetricWrapper, MeanOf, Metric, Sum, type MetricOptions } from './metrics/metric.ts'
