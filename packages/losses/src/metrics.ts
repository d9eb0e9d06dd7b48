/** The export list is the registry: what is exported here can be named in `compile({ metrics })`. */
export {
  Accuracy,
  BinaryAccuracy,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  TopKCategoricalAccuracy,
} from './metrics/accuracy.ts'
export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
  RootMeanSquaredError,
  SparseCategoricalCrossentropy,
} from './metrics/errors.ts'
export { Mean, MeanOf, Metric, type MetricOptions } from './metrics/metric.ts'
