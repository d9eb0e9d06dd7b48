export * as losses from './losses.ts'
export * as metrics from './metrics.ts'
export { Loss, type LossOptions, type Reduction } from './loss.ts'
export { Mean, MeanOf, Metric, type MetricOptions } from './metrics/metric.ts'
export {
  resolveLoss,
  resolveMetric,
  type LossFunction,
  type LossLike,
  type LossName,
  type MetricLike,
  type MetricName,
} from './resolve.ts'
