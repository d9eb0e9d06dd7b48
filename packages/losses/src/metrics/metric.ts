import {
  snakeCase,
  tensor,
  toTensor,
  Variable,
  zeros,
  type DType,
  type Shape,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'
import { Configured, type Config } from '@typegrad/tensor/config'
import { fitWeights, sameRank } from '../weights.ts'

export interface MetricOptions {
  readonly name?: string
  /** The dtype of the accumulators. @defaultValue `'float32'` */
  readonly dtype?: DType
}

/** A figure that is accumulated over batches: `updateState` for each batch, `result` any time, `resetState` to begin again. */
export abstract class Metric<O extends MetricOptions = MetricOptions> extends Configured<O> {
  static override readonly defaults: { readonly dtype: DType } = { dtype: 'float32' }
  /** Whether more or less is better. */
  static readonly direction: 'up' | 'down' | undefined
  name: string
  /** The accumulators, all zero at the beginning; some metrics make theirs with the first batch. */
  readonly variables: Variable[] = []

  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    this.name = options.name ?? snakeCase(new.target.name)
  }

  /** Takes in one batch, each sample counted `sampleWeight` times. */
  abstract updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void

  /** The figure over all batches since the last reset. */
  abstract result(): Tensor

  resetState(): void {
    for (const variable of this.variables) variable.assign(zeros(variable.shape, { dtype: variable.dtype }))
  }

  /** `'up'` where more is better, `'down'` where less is, `undefined` where the metric does not say. */
  get direction(): 'up' | 'down' | undefined {
    return (this.constructor as typeof Metric).direction
  }

  protected addVariable(name: string, shape: Shape = []): Variable {
    const variable = new Variable(zeros(shape, { dtype: this.options.dtype! }), {
      name: `${this.name}/${name}`,
      trainable: false,
    })
    this.variables.push(variable)
    return variable
  }

  override getConfig(): Config {
    return { name: this.name, ...super.getConfig() }
  }
}

/** Adds to an accumulator. */
export const accumulate = (variable: Variable, amount: Tensor): Variable =>
  variable.assign(variable.add(amount.cast(variable.dtype)))

/** Targets or predictions as a tensor that no gradient flows through. */
export const read = (x: TensorLike): Tensor => toTensor(x).stopGradient()

/** The same for weights, which may be missing. */
export const readWeights = (x: TensorLike | null | undefined): Tensor | undefined =>
  x === undefined || x === null ? undefined : read(x)

/** `a / b`, and 0 where b is 0. */
export const ratio = (a: Tensor, b: Tensor): Tensor => b.equal(0).where(0, a.div(b))

const axesFrom = (first: number, rank: number): number[] => Array.from({ length: Math.max(0, rank - first) }, (_, i) => first + i)

/** Weighted values, one number per sample, and the weights of the samples: what Keras' Mean and Sum add up. */
function samplewise(
  name: string,
  values: Tensor,
  sampleWeight: Tensor | undefined,
  reduce: 'mean' | 'sum',
): [values: Tensor, weights: Tensor | undefined] {
  if (!sampleWeight) return [values.rank > 1 ? values[reduce](axesFrom(1, values.rank)) : values, undefined]
  const [all, fitted] = fitWeights(name, values, sampleWeight)
  // A sample's further axes are reduced before its weight is applied.
  const rank = Math.min(sampleWeight.rank, all.rank)
  const own = all.rank > rank ? all[reduce](axesFrom(rank, all.rank)) : all
  const weights = fitted.reshape(fitted.shape.slice(0, own.rank)).broadcastTo(own.shape)
  const product = own.mul(weights)
  return own.rank > 1 ? [product[reduce](axesFrom(1, own.rank)), weights[reduce](axesFrom(1, own.rank))] : [product, weights]
}

/** The weighted mean of values, `Σ w·v / Σ w`; 0 before the first one. */
export class Mean<O extends MetricOptions = MetricOptions> extends Metric<O> {
  readonly total: Variable = this.addVariable('total')
  readonly count: Variable = this.addVariable('count')

  /** Takes in values, each sample counted `sampleWeight` times; weights may also be the third argument, as in other metrics. */
  updateState(values: TensorLike, sampleWeight?: TensorLike | null, weights: TensorLike | null | undefined = sampleWeight): void {
    this.add(read(values), readWeights(weights))
  }

  protected add(given: Tensor, sampleWeight?: Tensor): void {
    const { dtype } = this.total
    const [values, weights] = samplewise(this.name, given.cast(dtype), sampleWeight?.cast(dtype), 'mean')
    accumulate(this.total, values.rank === 0 ? values : values.sum())
    const count = weights ?? tensor(values.rank === 0 ? 1 : values.shape[0])
    accumulate(this.count, count.rank === 0 ? count : count.sum())
  }

  result(): Tensor {
    return ratio(this.total.value, this.count.value)
  }
}

/** The weighted sum of values, `Σ w·v`. */
export class Sum extends Metric {
  readonly total: Variable = this.addVariable('total')

  /** Takes in values, each counted `sampleWeight` times; weights may also be the third argument, as in other metrics. */
  updateState(values: TensorLike, sampleWeight?: TensorLike | null, weights: TensorLike | null | undefined = sampleWeight): void {
    const { dtype } = this.total
    const [summed] = samplewise(this.name, read(values).cast(dtype), readWeights(weights)?.cast(dtype), 'sum')
    accumulate(this.total, summed.sum())
  }

  result(): Tensor {
    return this.total.value
  }
}

/** The mean of a function of targets and predictions. */
export abstract class MeanOf<O extends MetricOptions = MetricOptions> extends Mean<O> {
  /** One value per sample. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    this.add(this.call(read(yTrue), read(yPred)), readWeights(sampleWeight))
  }
}

/** The mean of any function that gives one value per sample: `new MeanMetricWrapper((yTrue, yPred) => …)`. */
export class MeanMetricWrapper extends MeanOf {
  readonly #f: (yTrue: Tensor, yPred: Tensor) => Tensor

  constructor(f: (yTrue: Tensor, yPred: Tensor) => Tensor, options: MetricOptions = {}) {
    super({ name: snakeCase(f.name || 'mean_metric_wrapper'), ...options })
    this.#f = f
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.#f(...sameRank(yTrue, yPred))
  }
}
