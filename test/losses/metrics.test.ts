import { deserializeMetric, type Mean, type Metric } from '@typegrad/losses'
import {
  conformance,
  fromGolden,
  fromGoldenOr,
  golden,
  moreOf,
  type Check,
  type GoldenCase,
  type GoldenTensor,
} from '../conformance.ts'

interface MetricBatch {
  readonly y_true?: GoldenTensor
  readonly y_pred?: GoldenTensor
  /** Of Mean and Sum. */
  readonly values?: GoldenTensor
  readonly sample_weight: GoldenTensor | null
  readonly result: GoldenTensor
}

interface MetricCase extends GoldenCase {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
  readonly batches: readonly MetricBatch[]
  readonly after_reset: GoldenTensor
}

const file = golden<MetricCase>('metrics')

function update(metric: Metric, batch: MetricBatch): void {
  const weights = fromGoldenOr(batch.sample_weight)
  if (batch.values) (metric as Mean).updateState(fromGolden(batch.values), weights)
  else metric.updateState(fromGolden(batch.y_true!), fromGolden(batch.y_pred!), weights)
}

function run(one: MetricCase, check: Check): void {
  const metric = deserializeMetric({ class_name: one.class, config: one.config })
  one.batches.forEach((batch, i) => {
    update(metric, batch)
    check(`result after batch ${i}`, metric.result(), batch.result)
  })
  metric.resetState()
  check('after_reset', metric.result(), one.after_reset)
  one.batches.slice(0, 1).forEach((batch) => {
    update(metric, batch)
    check('result after reset and batch 0', metric.result(), batch.result)
  })
}

conformance('metrics', file, run)
conformance('metrics: more', moreOf(file), run)
