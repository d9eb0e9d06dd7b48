import {
  formatShape,
  ShapeError,
  ValueError,
  type SnakeCase,
  type Tensor,
  type TensorLike,
  type Variable,
} from '@typegrad/tensor'
import { oneOf, type Defaults } from '@typegrad/tensor/config'
import { epsilon } from '../crossentropy.ts'
import { alignPair } from '../loss.ts'
import { cosine } from '../similarity.ts'
import { expandTo } from '../weights.ts'
import { accumulate, Mean, MeanOf, Metric, read, readWeights, type MetricOptions } from './metric.ts'

/** `√mean((yTrue - yPred)²)` over all elements. */
export class RootMeanSquaredError extends Mean {
  static override readonly direction = 'down'

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const [target, prediction] = alignPair(this.name, read(yTrue), read(yPred))
    this.add(prediction.squaredDifference(target), readWeights(sampleWeight))
  }

  override result(): Tensor {
    return super.result().sqrt()
  }
}

export interface AxisOptions extends MetricOptions {
  /** The axis of the vectors. @defaultValue `-1` */
  readonly axis?: number
}

/** The mean cosine of the angle between target and prediction: 1 for one direction. */
export class CosineSimilarity extends MeanOf<AxisOptions> {
  static override readonly defaults = { ...Metric.defaults, axis: -1 } satisfies Defaults<AxisOptions>
  static override readonly unwritten = ['axis']
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return cosine(...alignPair(this.name, yTrue, yPred), this.options.axis)
  }
}

/** The mean of Pearson's correlation `cov(y, p) / (σ_y · σ_p)` along an axis; NaN where one of them is constant. */
export class PearsonCorrelation extends MeanOf<AxisOptions> {
  static override readonly defaults = CosineSimilarity.defaults
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { axis } = this.options
    const [a, b] = alignPair(this.name, yTrue, yPred).map((x) => {
      const centred = x.sub(x.mean(axis, { keepdims: true }))
      return centred.div(centred.std(axis, { keepdims: true }))
    })
    return a.mul(b).mean(axis)
  }
}

/** The mean of the concordance correlation `2 cov(y, p) / (σ_y² + σ_p² + (µ_y - µ_p)²)` along an axis; Lin (1989). */
export class ConcordanceCorrelation extends MeanOf<AxisOptions> {
  static override readonly defaults = CosineSimilarity.defaults
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { axis } = this.options
    const keepdims = { keepdims: true }
    const [y, p] = alignPair(this.name, yTrue, yPred)
    const [meanY, meanP] = [y.mean(axis, keepdims), p.mean(axis, keepdims)]
    // Keras centres both with the predictions' mean: in the mean over the axis this is the same.
    const covariance = y.sub(meanP).mul(p.sub(meanP))
    const spread = y.variance(axis, keepdims).add(p.variance(axis, keepdims)).add(meanY.squaredDifference(meanP))
    return covariance.mul(2).div(spread.add(epsilon)).mean(axis)
  }
}

const aggregations = ['uniformAverage', 'varianceWeightedAverage'] as const
type Aggregation = (typeof aggregations)[number]

export interface R2Options extends MetricOptions {
  /** How the scores of several outputs become one; `null` gives one each. @defaultValue `'uniformAverage'` */
  readonly classAggregation?: Aggregation | SnakeCase<Aggregation> | null
  /** Independent regressors, for the adjusted score. @defaultValue `0` */
  readonly numRegressors?: number
}

/** The coefficient of determination `1 - Σ(y - p)² / Σ(y - mean)²`: 1 for a perfect fit; NaN before the first batch. */
export class R2Score extends Metric<R2Options> {
  static override readonly defaults = {
    ...Metric.defaults,
    classAggregation: 'uniformAverage',
    numRegressors: 0,
  } satisfies Defaults<R2Options>
  static override readonly direction = 'up'
  readonly #aggregation: Aggregation | null
  readonly #samples: Variable = this.addVariable('num_samples')
  /** Sums of squares, of targets, of squared errors, and of weights, by output. */
  #sums: readonly Variable[] | undefined

  constructor(options: R2Options = {}) {
    super(options)
    const { classAggregation: aggregation, numRegressors } = this.options
    this.#aggregation = aggregation === null ? null : oneOf('R2Score: classAggregation', aggregation, aggregations)
    if (!Number.isInteger(numRegressors) || numRegressors < 0)
      throw new ValueError(`R2Score: numRegressors must be an integer ≥ 0, got ${numRegressors}`, { numRegressors })
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const [target, prediction] = alignPair(this.name, read(yTrue), read(yPred)).map((x) => x.cast(this.options.dtype))
    if (target.rank !== 2) throw new ShapeError(`${this.name}: targets ${formatShape(target.shape)}, expected [batch, outputs]`)
    const weights = expandTo(2, readWeights(sampleWeight)?.cast(target.dtype) ?? target.onesLike()).broadcastTo(target.shape)
    const weighted = target.mul(weights)
    this.#sums ??= ['squared_sum', 'sum', 'residual', 'count'].map((name) => this.addVariable(name, [target.shape[1]]))
    const amounts = [target.mul(weighted), weighted, target.squaredDifference(prediction).mul(weights), weights]
    this.#sums.forEach((sum, i) => accumulate(sum, amounts[i].sum(0)))
    this.#samples.assign(this.#samples.add(target.size))
  }

  result(): Tensor {
    if (!this.#sums) return this.#samples.value.mul(NaN)
    const [squares, sum, residual, count] = this.#sums
    const total = squares.sub(sum.mul(sum.div(count)))
    const raw = residual.div(total).neg().add(1)
    const scores = raw.isinf().where(0, raw)
    const score =
      this.#aggregation === null
        ? scores
        : this.#aggregation === 'uniformAverage'
          ? scores.mean()
          : total.mul(scores).sum().div(total.sum())
    return this.#adjusted(score)
  }

  /** `1 - (1 - R²)(n - 1) / (n - p - 1)`, where there are enough samples for it. */
  #adjusted(score: Tensor): Tensor {
    const { numRegressors } = this.options
    if (numRegressors === 0) return score
    const spare = this.#samples.sub(1)
    const adjusted = score.neg().add(1).mul(spare).div(spare.sub(numRegressors)).neg().add(1)
    return spare.greater(numRegressors).where(adjusted, score)
  }
}
