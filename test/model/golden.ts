/** Whole training runs that were done in Keras, and the models that they began with. */
import { readdirSync, readFileSync } from 'node:fs'
import type { SerializedLayer } from '@typegrad/layers'
import { deserializeLoss, deserializeMetric } from '@typegrad/losses'
import { modelFromConfig, type CompileOptions, type Logs, type Model } from '@typegrad/model'
import { deserializeOptimizer } from '@typegrad/optim'
import { fromGolden, type GoldenTensor, type Tolerance } from '../conformance.ts'

export type Several<T> = T | T[] | Record<string, T>

export interface Run {
  readonly id: string
  readonly source: string
  readonly description: string
  readonly tol: Tolerance
  readonly case_tol?: Readonly<Record<string, Tolerance>>
  readonly model: SerializedLayer
  readonly summary: string
  readonly summary_after: string
  readonly param_counts: { total: number; trainable: number; non_trainable: number }
  readonly compile: { optimizer: any; loss: any; loss_weights: any; metrics: any; weighted_metrics: any }
  readonly fit: Record<string, any>
  readonly trained?: boolean
  readonly callbacks?: { class_name: string; config: any }[]
  readonly validation_data?: { x: Several<GoldenTensor>; y: Several<GoldenTensor> }
  readonly x: Several<GoldenTensor>
  readonly y: Several<GoldenTensor>
  readonly initial_weights: (GoldenTensor & { path: string })[]
  readonly final_weights: (GoldenTensor & { path: string })[]
  readonly predict_before: Several<GoldenTensor>
  readonly predict: Several<GoldenTensor>
  readonly evaluate_before: Record<string, number>
  readonly evaluate: Record<string, number>
  readonly history: Record<string, number[]>
  readonly first_epoch_batches: Logs[]
  readonly iterations: number
}

const folder = new URL('../golden/models/', import.meta.url)
export const runs = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Run)

const isTensor = (value: unknown): value is GoldenTensor =>
  typeof value === 'object' && value !== null && 'data' in value && 'shape' in value

/** The arrays of a run, by name where it has names. */
export function data(given: Several<GoldenTensor>): any {
  if (isTensor(given)) return fromGolden(given)
  if (Array.isArray(given)) return given.map(fromGolden)
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, fromGolden(value)]))
}

/** The same as a list. */
export const list = (given: Several<GoldenTensor>): GoldenTensor[] => (isTensor(given) ? [given] : Object.values(given))

/** Names stay names; objects become ours. */
const each = (value: any, read: (object: any) => unknown): any => {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'number') return value ?? undefined
  if (Array.isArray(value)) return value.map((item) => each(item, read))
  if ('class_name' in value) return read(value)
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, each(item, read)]))
}

/** The model of a run, compiled as it was. */
export function compiledLike({ model: config, compile }: Run, options: Partial<CompileOptions> = {}): Model {
  const { optimizer, loss, loss_weights: lossWeights, metrics, weighted_metrics: weightedMetrics } = compile
  return modelFromConfig(config).compile({
    optimizer: each(optimizer, deserializeOptimizer),
    loss: each(loss, deserializeLoss),
    ...(lossWeights ? { lossWeights } : {}),
    ...(metrics ? { metrics: each(metrics, deserializeMetric) } : {}),
    ...(weightedMetrics ? { weightedMetrics: each(weightedMetrics, deserializeMetric) } : {}),
    ...options,
  })
}
