import { ShapeError, formatShape, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { oneOf, type Config, type Defaults } from '@typegrad/tensor/config'
import { evenThresholds, type Counts, type Thresholds } from './confusion.ts'
import { Metric, ratio, read, readWeights, type MetricOptions } from './metric.ts'
import { CountingMetric } from './precision.ts'

const curves = ['roc', 'pr', 'prgain'] as const
const methods = ['interpolation', 'majoring', 'minoring'] as const
const kinds: readonly (keyof Counts)[] = ['truePositives', 'falsePositives', 'trueNegatives', 'falseNegatives']

/** The outer thresholds lie this far beyond 0 and 1. */
const beyond = 1e-7

export interface AUCOptions extends MetricOptions {
  /** How many thresholds the curve is made of. @defaultValue `200` */
  readonly numThresholds?: number
  /** True positive rate over false positive rate, precision over recall, or precision gain over recall gain. @defaultValue `'ROC'` */
  readonly curve?: 'ROC' | 'PR' | 'PRGAIN' | Lowercase<'ROC' | 'PR' | 'PRGAIN'>
  /** The height between two points: their mean, the higher or the lower one. @defaultValue `'interpolation'` */
  readonly summationMethod?: (typeof methods)[number]
  /** The inner thresholds, instead of evenly spaced ones. @defaultValue `null` */
  readonly thresholds?: readonly number[] | null
  /** Takes the mean of the areas of all labels (the last axis) instead of one area of all predictions. @defaultValue `false` */
  readonly multiLabel?: boolean
  /** The number of labels, if it is to be checked. @defaultValue `null` */
  readonly numLabels?: number | null
  /** Weights of the labels. @defaultValue `null` */
  readonly labelWeights?: readonly number[] | null
  /** Predictions are logits. @defaultValue `false` */
  readonly fromLogits?: boolean
}

/** The area under a curve of classification quality, by a Riemann sum over thresholds. */
export class AUC extends CountingMetric<AUCOptions> {
  static override readonly defaults = {
    ...Metric.defaults,
    numThresholds: 200,
    curve: 'ROC',
    summationMethod: 'interpolation',
    thresholds: null,
    multiLabel: false,
    numLabels: null,
    labelWeights: null,
    fromLogits: false,
  } satisfies Defaults<AUCOptions>
  static override readonly unwritten = ['thresholds']
  readonly #curve: (typeof curves)[number]
  readonly #method: (typeof methods)[number]
  readonly #thresholds: Thresholds
  readonly #labelWeights: Tensor | undefined

  constructor(options: AUCOptions = {}) {
    super(options)
    const { numThresholds, curve, summationMethod, thresholds, multiLabel, numLabels, labelWeights } = this.options
    this.#curve = oneOf('AUC: curve', curve.toLowerCase(), curves)
    this.#method = oneOf('AUC: summationMethod', summationMethod, methods)
    if (thresholds === null && !(numThresholds > 1))
      throw new ValueError(`AUC: numThresholds must be an integer above 1, got ${numThresholds}`, { numThresholds })
    if (numLabels !== null && !multiLabel) throw new ValueError('AUC: numLabels is for multiLabel: true only', { numLabels })
    this.#thresholds = thresholds === null ? evenThresholds('AUC', numThresholds, beyond) : around(thresholds)
    this.#labelWeights = labelWeights ? tensor(labelWeights) : undefined
    if (!multiLabel) this.addCounts(kinds, [this.#thresholds.values.length])
    else if (numLabels !== null) this.addCounts(kinds, [this.#thresholds.values.length, numLabels])
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const { multiLabel, fromLogits } = this.options
    const given = read(yPred)
    if (multiLabel) this.#fit(given)
    this.take([yTrue, fromLogits ? given.sigmoid() : given], this.#thresholds, {
      sampleWeight: readWeights(sampleWeight),
      perLabel: multiLabel,
      labelWeights: multiLabel ? undefined : this.#labelWeights,
    })
  }

  /** Makes the accumulators for the labels of the first batch, and throws for other numbers of labels. */
  #fit(yPred: Tensor): void {
    const shape = [this.#thresholds.values.length, yPred.shape.at(-1) ?? 1]
    if (this.variables.length === 0) this.addCounts(kinds, shape)
    const expected = this.variables[0].shape[1]
    if (yPred.rank !== 2 || yPred.shape[1] !== expected)
      throw new ShapeError(`${this.name}: predictions ${formatShape(yPred.shape)}, expected [batch, ${expected}]`, {
        yPred: yPred.shape,
      })
  }

  result(): Tensor {
    if (this.variables.length === 0) return tensor(0)
    const area = this.#curve === 'pr' && this.#method === 'interpolation' ? this.#interpolatedPR() : this.#riemann()
    if (!this.options.multiLabel) return area
    const weights = this.#labelWeights
    return weights ? ratio(area.mul(weights).sum(), weights.sum()) : area.mean()
  }

  /** The sum of steps along x times the height at them. */
  #riemann(): Tensor {
    const [x, y] = this.#points()
    const [left, right] = [first(y), rest(y)]
    const heights =
      this.#method === 'interpolation'
        ? left.add(right).div(2)
        : this.#method === 'minoring'
          ? left.minimum(right)
          : left.maximum(right)
    return first(x).sub(rest(x)).mul(heights).sum(0)
  }

  #points(): [x: Tensor, y: Tensor] {
    if (this.#curve === 'roc') return [this.share('falsePositives', 'trueNegatives'), this.recall()]
    if (this.#curve === 'pr') return [this.recall(), this.precision()]
    const { truePositives, falsePositives, trueNegatives, falseNegatives } = this.counts as Record<keyof Counts, Tensor>
    const odds = ratio(truePositives.add(falseNegatives), trueNegatives.add(falsePositives))
    const gain = (wrong: Tensor, without: number): Tensor =>
      truePositives.equal(0).where(without, odds.mul(ratio(wrong, truePositives)).neg().add(1))
    return [gain(falseNegatives, 0).maximum(0), gain(falsePositives, 1)]
  }

  /** The area under a precision-recall curve, interpolated as Davis and Goadrich (2006) say: precision is not linear in recall. */
  #interpolatedPR(): Tensor {
    const { truePositives: tp, falsePositives, falseNegatives } = this.counts as Record<keyof Counts, Tensor>
    const positives = tp.add(falsePositives)
    const [p, q] = [first(positives), rest(positives)]
    const gained = first(tp).sub(rest(tp))
    const slope = ratio(gained, p.sub(q).maximum(0))
    const intercept = rest(tp).sub(slope.mul(q))
    const safe = p
      .greater(0)
      .logicalAnd(q.greater(0))
      .where(ratio(p, q.maximum(0)), 1)
    const part = slope.mul(gained.add(intercept.mul(safe.log())))
    return ratio(part, rest(tp).add(rest(falseNegatives)).maximum(0)).sum(0)
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      curve: this.#curve.toUpperCase(),
      num_thresholds: this.#thresholds.values.length,
    }
  }
}

const first = (x: Tensor): Tensor => x.slice([0, -1])
const rest = (x: Tensor): Tensor => x.slice([1, null])

/** The given thresholds, sorted, with one below 0 and one above 1. */
function around(inner: readonly number[]): Thresholds {
  if (!inner.every((value) => value >= 0 && value <= 1))
    throw new ValueError(`AUC: thresholds must lie in [0, 1], got ${JSON.stringify(inner)}`, { thresholds: inner })
  const sorted = inner.toSorted((a, b) => a - b)
  const step = 1 / (inner.length + 1)
  const even = inner.length > 0 && sorted.every((value, i) => Math.abs(value - (i + 1) * step) <= beyond + 1e-5 * (i + 1) * step)
  return { values: [-beyond, ...sorted, 1 + beyond], even }
}
