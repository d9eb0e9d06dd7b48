import { camelCase, lookup, snakeCase, ValueError, type Tensor } from '@typegrad/tensor'
import { deserialize, serialize, type ConfiguredClass, type SerializedObject } from '@typegrad/tensor/config'
import { Loss, type LossOptions } from './loss.ts'
import * as losses from './losses.ts'
import * as metrics from './metrics.ts'
import { MeanMetricWrapper, Metric } from './metrics/metric.ts'
import type { ClassSpelling } from './spelling.ts'
import { sameRank } from './weights.ts'

/** What is exported beside the classes that can be named. */
const bases = ['Loss', 'Metric', 'MeanOf', 'MeanMetricWrapper'] as const

type ClassNames<T> = Exclude<
  { [K in keyof T]: T[K] extends abstract new (...args: any) => any ? K : never }[keyof T] & string,
  (typeof bases)[number]
>

const shortNames = {
  mse: 'MeanSquaredError',
  mae: 'MeanAbsoluteError',
  mape: 'MeanAbsolutePercentageError',
  msle: 'MeanSquaredLogarithmicError',
  bce: 'BinaryCrossentropy',
  kld: 'KLDivergence',
} as const
type ShortName = keyof typeof shortNames | Uppercase<keyof typeof shortNames>

/** A loss in Keras' or our spelling: `'meanSquaredError'`, `'mean_squared_error'`, `'mse'`. */
export type LossName = ClassSpelling<ClassNames<typeof losses>> | ShortName
/** One value per sample, or already a scalar. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor
export type LossLike = LossName | Loss<any> | LossFunction | SerializedObject

/** A metric in Keras' or our spelling; `accuracy` is chosen by the shapes. */
export type MetricName = ClassSpelling<ClassNames<typeof metrics>> | ShortName | 'fbeta_score' | 'acc' | 'ce' | 'crossentropy'
export type MetricLike = MetricName | Metric<any> | LossFunction | SerializedObject

const classesOf = <T>(table: object): Record<string, ConfiguredClass<T>> =>
  Object.fromEntries(Object.entries(table).filter(([name]) => /^[A-Z]/.test(name) && !bases.includes(name as 'Loss')))

const lossClasses = classesOf<Loss>(losses)
const metricClasses = classesOf<Metric>(metrics)

/** The class that a name stands for, in any spelling. */
function classNamed<T>(kind: string, name: string, classes: Readonly<Record<string, T>>): T {
  if (Object.hasOwn(classes, name)) return classes[name]
  const short = Object.fromEntries(
    Object.entries(shortNames).flatMap(([key, long]) => [key, key.toUpperCase()].map((spelled) => [spelled, camelCase(long)])),
  )
  const table = Object.fromEntries(Object.entries(classes).map(([key, Class]) => [camelCase(key), Class]))
  return lookup(kind, name, table, { ...short, fbetaScore: 'fBetaScore' })
}

const isSerialized = (value: unknown): value is SerializedObject =>
  typeof value === 'object' && value !== null && 'class_name' in value && 'config' in value

/** The loss object that a name, a function, Keras' JSON or a loss object stands for. */
export function resolveLoss(loss: LossLike): Loss {
  if (loss instanceof Loss) return loss
  if (typeof loss === 'function') return new FunctionLoss(loss)
  if (isSerialized(loss)) return deserializeLoss(loss)
  if (typeof loss !== 'string') throw new ValueError(`loss: expected a name, a function or a Loss, got ${String(loss)}`)
  return new (classNamed('loss', loss, lossClasses))()
}

/** A loss as Keras writes it into JSON, `{ class_name, config }`. */
export const serializeLoss = (loss: Loss<any>): SerializedObject => serialize(loss, 'keras.losses', lossClasses)

/** The loss that {@link serializeLoss} or Keras wrote; `customObjects` names further classes. */
export const deserializeLoss = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<Loss>>> = {},
): Loss => deserialize('loss', object, { ...lossClasses, ...customObjects })

/** A metric as Keras writes it into JSON, `{ class_name, config }`. */
export const serializeMetric = (metric: Metric<any>): SerializedObject => serialize(metric, 'keras.metrics', metricClasses)

/** The metric that {@link serializeMetric} or Keras wrote; `customObjects` names further classes. */
export const deserializeMetric = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<Metric>>> = {},
): Metric => deserialize('metric', object, { ...metricClasses, ...customObjects })

class FunctionLoss extends Loss {
  readonly #f: LossFunction

  constructor(f: LossFunction, options: LossOptions = {}) {
    super({ name: snakeCase(f.name || 'loss'), ...options })
    this.#f = f
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.#f(yTrue, yPred)
  }

  /** A function may want targets of another shape than predictions; but `[n]` beside `[n, 1]` would broadcast to `[n, n]`. */
  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    return sameRank(yTrue, yPred)
  }
}

/** What `accuracy` and `crossentropy` are called in full depends on the shapes. */
const chosenByShape: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  acc: 'Accuracy',
  crossentropy: 'Crossentropy',
  ce: 'Crossentropy',
}

/** Throws a ValueError for what is no metric, before there are targets to choose one by. */
export function assertMetric(metric: MetricLike): void {
  if (metric instanceof Metric || typeof metric === 'function' || isSerialized(metric)) return
  if (typeof metric !== 'string') throw new ValueError(`metrics: expected a name, a function or a Metric, got ${String(metric)}`)
  if (!Object.hasOwn(chosenByShape, metric.toLowerCase())) classNamed('metrics', metric, metricClasses)
}

/**
 * The metric object that a name, a function, Keras' JSON or a metric object stands for. `accuracy` and `crossentropy`
 * become the binary, categorical or sparse one by the shapes of targets and predictions; the name in the logs is the one
 * given.
 */
export function resolveMetric(metric: MetricLike, yTrue: Tensor, yPred: Tensor): Metric {
  if (metric instanceof Metric) return metric
  if (typeof metric === 'function') return new MeanMetricWrapper(metric, { name: snakeCase(metric.name || 'metric') })
  if (isSerialized(metric)) return deserializeMetric(metric)
  assertMetric(metric)
  const name = metric.toLowerCase()
  const chosen = Object.hasOwn(chosenByShape, name) ? chosenByShape[name] : undefined
  const made = new (classNamed('metrics', chosen ? `${kindOf(yTrue, yPred)}${chosen}` : metric, metricClasses))()
  if (chosen || Object.hasOwn(shortNames, name)) made.name = metric
  return made
}

function kindOf(yTrue: Tensor, yPred: Tensor): 'Binary' | 'SparseCategorical' | 'Categorical' {
  const last = yPred.shape.at(-1) ?? 1
  if (last === 1) return 'Binary'
  return yTrue.rank < yPred.rank || (yTrue.shape.at(-1) === 1 && last > 1) ? 'SparseCategorical' : 'Categorical'
}
