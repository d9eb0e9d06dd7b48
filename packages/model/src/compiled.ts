import { maskOf } from '@typegrad/layers'
import {
  assertMetric,
  Loss,
  maskWeights,
  Mean,
  Metric,
  resolveLoss,
  resolveMetric,
  type LossLike,
  type MetricLike,
} from '@typegrad/losses'
import { tensor, ValueError, type Tensor } from '@typegrad/tensor'
import type { Logs } from './callbacks/callback.ts'

/** One thing for the only output, a list in the order of the outputs, or a record by output name. */
export type PerOutput<T> = T | readonly (T | null)[] | Readonly<Record<string, T | null>>

function perOutput<T>(
  what: string,
  given: PerOutput<T> | null | undefined,
  names: readonly string[],
  isOne: (value: unknown) => boolean,
): (T | null)[] {
  if (given === undefined || given === null) return names.map(() => null)
  if (isOne(given)) return names.map(() => given as T)
  if (Array.isArray(given)) {
    if (given.length !== names.length)
      throw new ValueError(`compile: ${given.length} entries in ${what} for ${names.length} outputs (${names.join(', ')})`)
    return [...given]
  }
  const record = given as Readonly<Record<string, T | null>>
  const unknown = Object.keys(record).filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new ValueError(`compile: ${what} names ${unknown.join(', ')}; the outputs are ${names.join(', ')}`)
  return names.map((name) => record[name] ?? null)
}

const isLoss = (value: unknown): boolean => typeof value === 'string' || typeof value === 'function' || value instanceof Loss

/** The losses of all outputs, brought together as `Σ lossWeight · loss`, and their running means. */
export class CompiledLoss {
  readonly #losses: readonly (Loss | null)[]
  readonly #weights: readonly number[]
  readonly #names: readonly string[]
  readonly #total = new Mean({ name: 'loss' })
  readonly #trackers: readonly Mean[]

  constructor(loss: PerOutput<LossLike> | null | undefined, weights: PerOutput<number> | undefined, names: readonly string[]) {
    this.#losses = perOutput('loss', loss, names, isLoss).map((one) => (one === null ? null : resolveLoss(one)))
    this.#weights = perOutput('lossWeights', weights, names, (value) => typeof value === 'number').map((weight) => weight ?? 1)
    this.#names = names
    this.#trackers = names.length > 1 ? names.map((name) => new Mean({ name: `${name}_loss` })) : []
  }

  /** The loss of a batch, recorded by the tape around it; `undefined` if no output has one. Steps that an output's mask leaves out do not count. */
  call(yTrue: readonly Tensor[], yPred: readonly Tensor[], sampleWeight: readonly Tensor[]): Tensor | undefined {
    let total: Tensor | undefined
    this.#losses.forEach((loss, i) => {
      if (!loss) return
      if (!yTrue[i]) throw new ValueError(`data: no targets y for the output '${this.#names[i]}', whose loss compares with them`)
      const raw = loss.apply(yTrue[i], yPred[i], sampleWeight[i] ?? sampleWeight[0], maskOf(yPred[i]))
      const value = raw.rank === 0 ? raw : raw.mean()
      this.#trackers[i]?.updateState(value, undefined, tensor(yPred[i].shape[0]))
      const part = this.#weights[i] === 1 ? value : value.mul(this.#weights[i])
      total = total ? total.add(part) : part
    })
    return total
  }

  /** Whether something is compared with the output of this number. */
  compares(output: number): boolean {
    return this.#losses[output] !== null
  }

  /** Takes the loss of a batch (penalties included) into the running mean. */
  track(loss: Tensor, batchSize: number): void {
    this.#total.updateState(loss, undefined, tensor(batchSize))
  }

  get metrics(): Metric[] {
    return [this.#total, ...this.#trackers.filter((_, i) => this.#losses[i])]
  }
}

/** The metrics of all outputs; they are made when the first batch shows the shapes. */
export class CompiledMetrics {
  readonly #given: readonly (readonly MetricLike[])[]
  readonly #names: readonly string[]
  readonly #beside: CompiledMetrics | undefined
  #made: Metric[][] | undefined

  /** Given the metrics `beside` them, these are the ones that count sample weights; a name taken there gets `weighted_` before it. */
  constructor(
    metrics: PerOutput<MetricLike | readonly MetricLike[]> | readonly MetricLike[] | undefined,
    names: readonly string[],
    beside?: CompiledMetrics,
  ) {
    this.#names = names
    this.#beside = beside
    const list = (value: MetricLike | readonly MetricLike[] | null): readonly MetricLike[] =>
      value === null ? [] : Array.isArray(value) ? value : [value as MetricLike]
    const one = typeof metrics === 'string' || typeof metrics === 'function' || metrics instanceof Metric
    if (metrics === undefined) this.#given = names.map(() => [])
    else if (one || (Array.isArray(metrics) && names.length === 1 && !Array.isArray(metrics[0]))) {
      this.#given = names.map(() => list(metrics as MetricLike | readonly MetricLike[]))
    } else
      this.#given = perOutput<MetricLike | readonly MetricLike[]>(
        'metrics',
        metrics as PerOutput<MetricLike[]>,
        names,
        () => false,
      ).map(list)
    this.#given.flat().forEach(assertMetric)
  }

  /** Whether something is compared with the output of this number. */
  compares(output: number): boolean {
    return this.#given[output].length > 0
  }

  update(yTrue: readonly Tensor[], yPred: readonly Tensor[], sampleWeight: readonly Tensor[]): void {
    this.#made ??= this.#given.map((metrics, i) =>
      metrics.map((given) => {
        const metric = resolveMetric(given, yTrue[i], yPred[i])
        const named = (prefix: string): string => (this.#names.length > 1 ? `${this.#names[i]}_` : '') + prefix + metric.name
        const taken = this.#beside?.metrics.some((other) => other.name === named(''))
        metric.name = named(taken ? 'weighted_' : '')
        return metric
      }),
    )
    this.#made.forEach((metrics, i) => {
      const weights = this.#beside ? (sampleWeight[i] ?? sampleWeight[0]) : undefined
      const mask = maskOf(yPred[i])
      const counted = mask ? maskWeights(mask, 'float32', { sampleWeight: weights }) : weights
      // As in Keras, masks count for means only.
      for (const metric of metrics) metric.updateState(yTrue[i], yPred[i], metric instanceof Mean ? counted : weights)
    })
  }

  get metrics(): Metric[] {
    return this.#made?.flat() ?? []
  }
}

/** The figures of all metrics, by name in alphabetical order, as Keras logs them. */
export function logsOf(metrics: readonly Metric[], figure: (metric: Metric, i: number) => number): Logs {
  const entries = metrics.map((metric, i): [string, number] => [metric.name, figure(metric, i)])
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
