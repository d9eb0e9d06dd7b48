import { formatShape, ShapeError, tensor, ValueError, type Tensor, type TensorLike, type Variable } from '@typegrad/tensor'
import { oneOf, type Defaults } from '@typegrad/tensor/config'
import { epsilon } from '../crossentropy.ts'
import { mismatch } from '../loss.ts'
import { expandTo } from '../weights.ts'
import { accumulate, Metric, read, readWeights, type MetricOptions } from './metric.ts'

const averages = ['micro', 'macro', 'weighted'] as const

export interface F1ScoreOptions extends MetricOptions {
  /** Over all classes as one, the mean of the classes, weighted by their frequency, or (`null`) one per class. @defaultValue `null` */
  readonly average?: (typeof averages)[number] | null
  /** Predictions above it are positive; `null`: the largest one of a sample is. @defaultValue `null` */
  readonly threshold?: number | null
}

export interface FBetaScoreOptions extends F1ScoreOptions {
  /** How many times more recall counts than precision. @defaultValue `1` */
  readonly beta?: number
}

/** `(1 + β²) · precision · recall / (β² · precision + recall)` of one-hot or multi-hot targets `[batch, classes]`. */
export class FBetaScore extends Metric<FBetaScoreOptions> {
  static override readonly defaults = {
    ...Metric.defaults,
    average: null,
    beta: 1,
    threshold: null,
  } satisfies Defaults<FBetaScoreOptions>
  static override readonly direction = 'up'
  /** True positives, false positives, false negatives and weights, by class. */
  #counts: readonly Variable[] | undefined

  /** Logged as `fbeta_score`, as in Keras. */
  constructor(options: FBetaScoreOptions = {}) {
    super({ name: 'fbeta_score', ...options })
    const { average, beta, threshold } = this.options
    if (average !== null) oneOf(`${new.target.name}: average`, average, averages)
    if (!(beta > 0 && Number.isFinite(beta)))
      throw new ValueError(`${new.target.name}: beta must be positive, got ${beta}`, { beta })
    if (threshold !== null && !(threshold > 0 && threshold <= 1))
      throw new ValueError(`${new.target.name}: threshold must lie in (0, 1], got ${threshold}`, { threshold })
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const { average, threshold, dtype } = this.options
    const given = read(yPred).cast(dtype)
    const labels = read(yTrue).cast(dtype)
    // Labels of two classes are a list, predictions a column.
    const target = labels.rank === 1 && given.shape.at(-1) === 1 ? labels.expandDims(-1) : labels
    if (target.rank !== 2 || formatShape(target.shape) !== formatShape(given.shape)) throw mismatch(this.name, target, given)
    const chosen =
      threshold === null
        ? given.greaterEqual(given.max(-1, { keepdims: true })).logicalAnd(given.abs().greater(1e-9))
        : given.greater(threshold)
    const predicted = chosen.cast(dtype)
    const weights = readWeights(sampleWeight)?.cast(dtype)
    if (weights && weights.shape[0] !== target.shape[0])
      throw new ShapeError(`${this.name}: sampleWeight ${formatShape(weights.shape)} for targets ${formatShape(target.shape)}`)
    this.#counts ??= ['true_positives', 'false_positives', 'false_negatives', 'intermediate_weights'].map((name) =>
      this.addVariable(name, average === 'micro' ? [] : [target.shape[1]]),
    )
    const cases = [predicted.mul(target), predicted.mul(target.neg().add(1)), predicted.neg().add(1).mul(target), target]
    this.#counts.forEach((count, i) => {
      const counted = weights ? cases[i].mul(expandTo(2, weights)) : cases[i]
      accumulate(count, counted.sum(average === 'micro' ? null : 0))
    })
  }

  result(): Tensor {
    const { average, beta } = this.options
    if (!this.#counts) return tensor(0)
    const [hits, wrong, missed, weights] = this.#counts
    const precision = hits.div(hits.add(wrong).add(epsilon))
    const recall = hits.div(hits.add(missed).add(epsilon))
    const score = precision
      .mul(recall)
      .div(
        precision
          .mul(beta ** 2)
          .add(recall)
          .add(epsilon),
      )
      .mul(1 + beta ** 2)
    if (average === 'weighted') return score.mul(weights.div(weights.sum().add(epsilon))).sum()
    return average === null ? score : score.mean()
  }
}

/** The harmonic mean of precision and recall: {@link FBetaScore} with β = 1. */
export class F1Score extends FBetaScore {
  static override readonly unwritten = ['beta']

  constructor(options: F1ScoreOptions = {}) {
    super({ name: 'f1_score', ...options, beta: 1 })
  }
}
