/** How a model is trained, as Keras writes it: `compile_config`. */
import { deserializeLoss, deserializeMetric, Loss, Metric, serializeLoss, serializeMetric } from '@typegrad/losses'
import { deserializeOptimizer, serializeOptimizer, type Optimizer } from '@typegrad/optim'
import type { LayerConfig } from '@typegrad/layers'
import { ValueError } from '@typegrad/tensor'
import type { CompileOptions } from '../training.ts'

/** Classes and functions of yours by the name in a config: layers, losses, metrics, optimizers. */
export type CustomObjects = Readonly<Record<string, ((...args: any[]) => unknown) | (abstract new (...args: any[]) => unknown)>>

interface Serialized {
  readonly class_name: string
  readonly config: any
}

const isSerialized = (value: unknown): value is Serialized =>
  typeof value === 'object' && value !== null && 'class_name' in value && 'config' in value

/** Applies `f` to what is no list and no record by output name. */
function each(value: unknown, f: (one: unknown) => unknown): unknown {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return value.map((item: unknown) => each(item, f))
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype && !isSerialized(value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, each(item, f)]))
  return f(value)
}

/** Losses and metrics as they were given: names stay names, and functions are known by theirs. */
function write(one: unknown): unknown {
  if (one instanceof Loss) return serializeLoss(one)
  if (one instanceof Metric) return serializeMetric(one)
  if (typeof one !== 'function') return one
  if (one.name === '')
    throw new ValueError(
      'save: a loss or metric is a function without a name, by which it would be found when the model is loaded: const error = (yTrue, yPred) => …',
    )
  return { module: 'builtins', class_name: 'function', config: one.name, registered_name: 'function' }
}

/** The options of `compile` in Keras' JSON. */
export function compileConfig(options: CompileOptions, optimizer: Optimizer): LayerConfig {
  return {
    optimizer: serializeOptimizer(optimizer),
    loss: each(options.loss, write),
    loss_weights: each(options.lossWeights, write),
    metrics: each(options.metrics, write),
    weighted_metrics: each(options.weightedMetrics, write),
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  }
}

/** The options of `compile` that {@link compileConfig} or Keras wrote. Functions are found in `custom`, by name. */
export function compileOptions(config: LayerConfig, custom: CustomObjects): CompileOptions {
  const reader =
    (make: (object: any, custom: any) => unknown) =>
    (one: unknown): unknown => {
      if (typeof one === 'string') return Object.hasOwn(custom, one) ? custom[one] : one
      if (!isSerialized(one)) return one
      if (one.class_name !== 'function') return make(one, custom)
      if (Object.hasOwn(custom, one.config)) return custom[one.config as string]
      throw new ValueError(
        `compile: the function '${one.config}' is not known; give it when loading, customObjects: { ${one.config} }, or leave training out, compile: false`,
      )
    }
  const { optimizer, loss, loss_weights, metrics, weighted_metrics } = config
  const given = {
    optimizer: reader(deserializeOptimizer)(optimizer) ?? undefined,
    loss: each(loss, reader(deserializeLoss)) ?? undefined,
    lossWeights: loss_weights ?? undefined,
    metrics: each(metrics, reader(deserializeMetric)) ?? undefined,
    weightedMetrics: each(weighted_metrics, reader(deserializeMetric)) ?? undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
