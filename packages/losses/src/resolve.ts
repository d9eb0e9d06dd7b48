import { camelCase, lookup, snakeCase, ValueError, type SnakeCase, type Tensor } from '@typegrad/tensor'
import * as losses from './losses.ts'
import { Loss, type LossOptions } from './loss.ts'
import * as metrics from './metrics.ts'
import { MeanOf, Metric } from './metrics/metric.ts'

type ClassNames<T> = Exclude<
  { [K in keyof T]: T[K] extends abstract new (...args: any) => any ? K : never }[keyof T],
  'Loss' | 'Metric' | 'MeanOf'
> &
  string
type Spellings<T> = ClassNames<T> | Uncapitalize<ClassNames<T>> | SnakeCase<Uncapitalize<ClassNames<T>>>

const shortNames = {
  mse: 'MeanSquaredError',
  mae: 'MeanAbsoluteError',
  mape: 'MeanAbsolutePercentageError',
  msle: 'MeanSquaredLogarithmicError',
  bce: 'BinaryCrossentropy',
  kld: 'KLDivergence',
} as const
type ShortName = keyof typeof shortNames | Uppercase<keyof typeof shortNames>

/** A loss in Keras' or our spelling. */
export type LossName = Spellings<typeof losses> | ShortName
/** One value per sample, or already a scalar. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor
export type LossLike = LossName | Loss<any> | LossFunction

/** A metric in Keras' or our spelling; `accuracy` is chosen by the shapes. */
export type MetricName = Spellings<typeof metrics> | ShortName | 'acc' | 'ce' | 'crossentropy'
export type MetricLike = MetricName | Metric<any> | LossFunction

/** `BinaryCrossentropy` for every spelling of it. */
const className = (name: string): string => {
  const known = (shortNames as Record<string, string>)[name.toLowerCase()]
  const camel = known ?? camelCase(name)
  return camel.charAt(0).toUpperCase() + camel.slice(1)
}

const classesOf = (table: object): Record<string, any> =>
  Object.fromEntries(
    Object.entries(table).filter(([name]) => /^[A-Z]/.test(name) && !['Loss', 'Metric', 'MeanOf'].includes(name)),
  )

/** The loss object that a name, a function or a loss object stands for. */
export function resolveLoss(loss: LossLike): Loss {
  if (loss instanceof Loss) return loss
  if (typeof loss === 'function') return new FunctionLoss(loss)
  if (typeof loss !== 'string') throw new ValueError(`loss: expected a name, a function or a Loss, got ${String(loss)}`)
  return new (find('loss', loss, losses))()
}

const find = (kind: string, name: string, table: object): any => {
  const classes = classesOf(table)
  return (
    classes[className(name)] ??
    lookup(
      kind,
      name,
      Object.fromEntries(Object.keys(classes).map((key) => [camelCase(key), classes[key]])),
      Object.fromEntries(Object.entries(shortNames).map(([short, long]) => [short, camelCase(long)])),
    )
  )
}

class FunctionLoss extends Loss {
  readonly #f: LossFunction

  constructor(f: LossFunction, options: LossOptions = {}) {
    super({ name: snakeCase(f.name || 'loss'), ...options })
    this.#f = f
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.#f(yTrue, yPred)
  }

  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    return [yTrue, yPred]
  }
}

class FunctionMetric extends MeanOf {
  readonly #f: LossFunction

  constructor(f: LossFunction) {
    super({ name: snakeCase(f.name || 'metric') })
    this.#f = f
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.#f(yTrue, yPred)
  }
}

/**
 * The metric object that a name, a function or a metric object stands for. `accuracy` and `crossentropy` become the
 * binary, categorical or sparse one by the shapes of targets and predictions; the name in the logs is the one given.
 */
export function resolveMetric(metric: MetricLike, yTrue: Tensor, yPred: Tensor): Metric {
  if (metric instanceof Metric) return metric
  if (typeof metric === 'function') return new FunctionMetric(metric)
  if (typeof metric !== 'string') throw new ValueError(`metrics: expected a name, a function or a Metric, got ${String(metric)}`)
  const name = metric.toLowerCase()
  const chosen = ['accuracy', 'acc'].includes(name)
    ? 'Accuracy'
    : ['crossentropy', 'ce'].includes(name)
      ? 'Crossentropy'
      : undefined
  const made: Metric = new (find('metrics', chosen ? `${kindOf(yTrue, yPred)}${chosen}` : metric, metrics))()
  made.name = chosen || (shortNames as Record<string, string>)[name] ? metric : made.name
  return made
}

function kindOf(yTrue: Tensor, yPred: Tensor): 'Binary' | 'SparseCategorical' | 'Categorical' {
  const last = yPred.shape.at(-1) ?? 1
  if (last === 1) return 'Binary'
  return yTrue.rank < yPred.rank || (yTrue.shape.at(-1) === 1 && last > 1) ? 'SparseCategorical' : 'Categorical'
}
