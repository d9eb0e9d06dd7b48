export * as losses from './losses.ts'
export * as metrics from './metrics.ts'
export { Loss, type LossOptions, type Reduction } from './loss.ts'
export { Mean, MeanMetricWrapper, MeanOf, Metric, type MetricOptions } from './metrics/metric.ts'
export { maskWeights } from './weights.ts'
export {
  assertMetric,
  deserializeLoss,
  deserializeMetric,
  resolveLoss,
  resolveMetric,
  serializeLoss,
  serializeMetric,
  type LossFunction,
  type LossLike,
  type LossName,
  type MetricLike,
  type MetricName,
} from './resolve.ts'
