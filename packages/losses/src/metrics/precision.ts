import type { Tensor, TensorLike, Variable } from '@typegrad/tensor'
import { ValueError } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { confusion, evenThresholds, never, thresholdsOf, type CountOptions, type Counts, type Thresholds } from './confusion.ts'
import { single, type ThresholdsOptions } from './counts.ts'
import { accumulate, Metric, ratio, read, readWeights, type MetricOptions } from './metric.ts'

/** Accumulators of some of the four counts. */
export abstract class CountingMetric<O extends MetricOptions> extends Metric<O> {
  static override readonly direction: 'up' | 'down' | undefined = 'up'
  protected readonly counts: Partial<Record<keyof Counts, Variable>> = {}

  protected addCounts(kinds: readonly (keyof Counts)[], shape: readonly number[]): void {
    for (const kind of kinds) this.counts[kind] = this.addVariable(kind, shape)
  }

  protected take(pair: readonly [TensorLike, TensorLike], thresholds: Thresholds, options: CountOptions): void {
    const counts = confusion(this.name, [read(pair[0]), read(pair[1])], thresholds, options)
    for (const [kind, variable] of Object.entries(this.counts)) accumulate(variable, counts[kind as keyof Counts])
  }

  /** `a / (a + b)` of two counts, and 0 where there are none. */
  protected share(a: keyof Counts, b: keyof Counts): Tensor {
    const part = this.counts[a]!
    return ratio(part.value, part.add(this.counts[b]!))
  }

  protected recall(): Tensor {
    return this.share('truePositives', 'falseNegatives')
  }

  protected precision(): Tensor {
    return this.share('truePositives', 'falsePositives')
  }

  protected specificity(): Tensor {
    return this.share('trueNegatives', 'falsePositives')
  }
}

export interface PrecisionOptions extends ThresholdsOptions {
  /** Only the k largest predictions of a sample can be positive; without `thresholds` all of them are. @defaultValue `null` */
  readonly topK?: number | null
  /** Only this class counts. @defaultValue `null` */
  readonly classId?: number | null
}

/** The state of {@link Precision} and {@link Recall}. */
abstract class PositivesMetric extends CountingMetric<PrecisionOptions> {
  static override readonly defaults = {
    ...Metric.defaults,
    thresholds: null,
    topK: null,
    classId: null,
  } satisfies Defaults<PrecisionOptions>
  readonly #thresholds: Thresholds

  constructor(options: PrecisionOptions = {}) {
    super(options)
    const { thresholds, topK } = this.options
    this.#thresholds = thresholdsOf(new.target.name, thresholds, topK === null ? 0.5 : never)
    this.addCounts(this.kinds(), [this.#thresholds.values.length])
  }

  protected abstract kinds(): readonly (keyof Counts)[]

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const { topK, classId } = this.options
    this.take([yTrue, yPred], this.#thresholds, { topK, classId, sampleWeight: readWeights(sampleWeight) })
  }
}

/** `true positives / predicted positives`; 0 where nothing is predicted. */
export class Precision extends PositivesMetric {
  protected kinds(): readonly (keyof Counts)[] {
    return ['truePositives', 'falsePositives']
  }

  result(): Tensor {
    return single(this.precision())
  }
}

/** `true positives / actual positives`; 0 where nothing is true. */
export class Recall extends PositivesMetric {
  protected kinds(): readonly (keyof Counts)[] {
    return ['truePositives', 'falseNegatives']
  }

  result(): Tensor {
    return single(this.recall())
  }
}

export interface OperatingPointOptions extends MetricOptions {
  /** How many thresholds from 0 to 1 are tried. @defaultValue `200` */
  readonly numThresholds?: number
  /** Only this class counts. @defaultValue `null` */
  readonly classId?: number | null
}

/** The best of one figure among the thresholds at which another reaches a given value. */
abstract class OperatingPoint<O extends OperatingPointOptions> extends CountingMetric<O> {
  static override readonly defaults = { ...Metric.defaults, numThresholds: 200, classId: null }
  readonly #thresholds: Thresholds
  readonly #atLeast: number

  constructor(options: O, option: string & keyof O) {
    super(options)
    const atLeast = options[option] as number
    if (!(atLeast >= 0 && atLeast <= 1))
      throw new ValueError(`${new.target.name}: ${option} must lie in [0, 1], got ${String(atLeast)}`, { [option]: atLeast })
    this.#atLeast = atLeast
    this.#thresholds = evenThresholds(new.target.name, this.options.numThresholds!, 0)
    const { length } = this.#thresholds.values
    this.addCounts(['truePositives', 'falsePositives', 'trueNegatives', 'falseNegatives'], [length])
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    this.take([yTrue, yPred], this.#thresholds, { classId: this.options.classId!, sampleWeight: readWeights(sampleWeight) })
  }

  protected best(figure: Tensor, constrained: Tensor): Tensor {
    return constrained.greaterEqual(this.#atLeast).where(figure, 0).max()
  }
}

export interface SensitivityAtSpecificityOptions extends OperatingPointOptions {
  readonly specificity: number
}

/** The best sensitivity (recall) at a specificity of at least `specificity`. */
export class SensitivityAtSpecificity extends OperatingPoint<SensitivityAtSpecificityOptions> {
  static override readonly defaults = { ...OperatingPoint.defaults, specificity: undefined }

  constructor(options: SensitivityAtSpecificityOptions) {
    super(options, 'specificity')
  }

  result(): Tensor {
    return this.best(this.recall(), this.specificity())
  }
}

export interface SpecificityAtSensitivityOptions extends OperatingPointOptions {
  readonly sensitivity: number
}

/** The best specificity at a sensitivity (recall) of at least `sensitivity`. */
export class SpecificityAtSensitivity extends OperatingPoint<SpecificityAtSensitivityOptions> {
  static override readonly defaults = { ...OperatingPoint.defaults, sensitivity: undefined }

  constructor(options: SpecificityAtSensitivityOptions) {
    super(options, 'sensitivity')
  }

  result(): Tensor {
    return this.best(this.specificity(), this.recall())
  }
}

export interface PrecisionAtRecallOptions extends OperatingPointOptions {
  readonly recall: number
}

/** The best precision at a recall of at least `recall`. */
export class PrecisionAtRecall extends OperatingPoint<PrecisionAtRecallOptions> {
  static override readonly defaults = { ...OperatingPoint.defaults, recall: undefined }

  constructor(options: PrecisionAtRecallOptions) {
    super(options, 'recall')
  }

  result(): Tensor {
    return this.best(this.precision(), this.recall())
  }
}

export interface RecallAtPrecisionOptions extends OperatingPointOptions {
  readonly precision: number
}

/** The best recall at a precision of at least `precision`. */
export class RecallAtPrecision extends OperatingPoint<RecallAtPrecisionOptions> {
  static override readonly defaults = { ...OperatingPoint.defaults, precision: undefined }

  constructor(options: RecallAtPrecisionOptions) {
    super(options, 'precision')
  }

  result(): Tensor {
    return this.best(this.recall(), this.precision())
  }
}
