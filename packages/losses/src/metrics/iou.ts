import { formatShape, ShapeError, tensor, ValueError, type Tensor, type TensorLike, type Variable } from '@typegrad/tensor'
import { epsilon } from '../crossentropy.ts'
import { addAt, weightsLike } from './confusion.ts'
import { accumulate, Metric, read, readWeights, type MetricOptions } from './metric.ts'

interface OneHotOptions extends MetricOptions {
  readonly numClasses: number
  /** Targets of this class do not count. @defaultValue `null` */
  readonly ignoreClass?: number | null
  /** Predictions are class numbers, not one figure per class. @defaultValue `true`, for one-hot targets `false` */
  readonly sparseYPred?: boolean
  /** The axis of the classes where they are not class numbers. @defaultValue `-1` */
  readonly axis?: number
}

interface SparseOptions extends OneHotOptions {
  /** Targets are class numbers, not one-hot. @defaultValue `true` */
  readonly sparseYTrue?: boolean
}

interface TargetOptions {
  /** The classes whose mean is taken. */
  readonly targetClassIds: readonly number[]
}

const sparseDefaults = { ignoreClass: null, sparseYTrue: true, sparseYPred: true, axis: -1 }
const oneHotDefaults = { ignoreClass: null, sparseYPred: false, axis: -1 }

type Settings = Required<Omit<SparseOptions & TargetOptions, 'name' | 'dtype'>>

/** Counts by true and predicted class, and the mean score of the target classes. */
abstract class ConfusionMatrixMetric<O extends MetricOptions> extends Metric<O> {
  static override readonly direction = 'up'
  readonly #settings: Settings
  readonly #counts: Variable

  constructor(options: O, settings: Settings) {
    super(options)
    const { numClasses, targetClassIds } = settings
    if (!Number.isInteger(numClasses) || numClasses < 1)
      throw new ValueError(`${new.target.name}: numClasses must be a positive integer, got ${numClasses}`, { numClasses })
    const wrong = targetClassIds.find((id) => !(id >= 0 && id < numClasses))
    if (wrong !== undefined)
      throw new ValueError(`${new.target.name}: target class ${wrong} is outside the classes, 0 to ${numClasses - 1}`, {
        targetClassIds,
      })
    this.#settings = settings
    this.#counts = this.addVariable('total_confusion_matrix', [numClasses, numClasses])
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const { numClasses, ignoreClass, sparseYTrue, sparseYPred, axis } = this.#settings
    const labels = sparseYTrue ? read(yTrue) : read(yTrue).argmax(axis)
    const predicted = sparseYPred ? read(yPred) : read(yPred).argmax(axis)
    if (labels.size !== predicted.size)
      throw new ShapeError(
        `${this.name}: targets ${formatShape(labels.shape)} and predictions ${formatShape(predicted.shape)} differ in size`,
      )
    const given = readWeights(sampleWeight)?.cast(this.#counts.dtype)
    const weights = given ? weightsLike(this.name, labels, given) : labels.onesLike().cast('float32')
    const [y, p] = [labels, predicted].map((x) => x.reshape([x.size]).cast('int32'))
    const inside = [y, p].map((x) => x.greaterEqual(0).logicalAnd(x.less(numClasses))).reduce((a, b) => a.logicalAnd(b))
    const counted = ignoreClass === null ? inside : inside.logicalAnd(y.notEqual(ignoreClass))
    const cell = counted.where(y.mul(numClasses).add(p), 0)
    const counts = addAt(cell, counted.where(weights.reshape([y.size]), 0), numClasses * numClasses)
    accumulate(this.#counts, counts.reshape([numClasses, numClasses]))
  }

  result(): Tensor {
    const { numClasses, targetClassIds } = this.#settings
    const counts = this.#counts.cast('float32')
    const pick = (x: Tensor, positions: readonly number[]): Tensor => x.take(tensor(Int32Array.from(positions)))
    const hits = pick(
      counts.reshape([numClasses * numClasses]),
      targetClassIds.map((id) => id * (numClasses + 1)),
    )
    const union = pick(counts.sum(0).add(counts.sum(1)), targetClassIds).sub(hits)
    const valid = union.greater(1e-9)
    return valid
      .where(hits.div(union.add(epsilon)), 0)
      .sum()
      .div(valid.sum().add(epsilon))
  }
}

const allOf = (numClasses: number): number[] => Array.from({ length: numClasses > 0 ? numClasses : 0 }, (_, i) => i)

/**
 * Intersection over union, `true positives / (true positives + false positives + false negatives)`, the mean over those
 * target classes that occur. Class numbers outside the classes do not count.
 */
export class IoU extends ConfusionMatrixMetric<SparseOptions & TargetOptions> {
  static override readonly defaults = { ...Metric.defaults, numClasses: undefined, targetClassIds: undefined, ...sparseDefaults }

  constructor(options: SparseOptions & TargetOptions) {
    super(options, { ...sparseDefaults, ...options })
  }
}

/** The mean {@link IoU} of all classes that occur. */
export class MeanIoU extends ConfusionMatrixMetric<SparseOptions> {
  static override readonly defaults = { ...Metric.defaults, numClasses: undefined, ...sparseDefaults }

  constructor(options: SparseOptions) {
    super(options, { ...sparseDefaults, ...options, targetClassIds: allOf(options.numClasses) })
  }
}

/** {@link IoU} of one-hot targets. */
export class OneHotIoU extends ConfusionMatrixMetric<OneHotOptions & TargetOptions> {
  static override readonly defaults = { ...Metric.defaults, numClasses: undefined, targetClassIds: undefined, ...oneHotDefaults }

  constructor(options: OneHotOptions & TargetOptions) {
    super(options, { ...oneHotDefaults, ...options, sparseYTrue: false })
  }
}

/** {@link MeanIoU} of one-hot targets. */
export class OneHotMeanIoU extends ConfusionMatrixMetric<OneHotOptions> {
  static override readonly defaults = { ...Metric.defaults, numClasses: undefined, ...oneHotDefaults }

  constructor(options: OneHotOptions) {
    super(options, { ...oneHotDefaults, ...options, sparseYTrue: false, targetClassIds: allOf(options.numClasses) })
  }
}

export interface BinaryIoUOptions extends MetricOptions {
  /** Class 0, class 1 or both. @defaultValue `[0, 1]` */
  readonly targetClassIds?: readonly number[]
  /** Predictions from here on are class 1. @defaultValue `0.5` */
  readonly threshold?: number
}

/** {@link IoU} of predictions in [0, 1] for targets 0 and 1. */
export class BinaryIoU extends ConfusionMatrixMetric<BinaryIoUOptions> {
  static override readonly defaults = { ...Metric.defaults, targetClassIds: [0, 1] as readonly number[], threshold: 0.5 }

  constructor(options: BinaryIoUOptions = {}) {
    super(options, {
      ...sparseDefaults,
      numClasses: 2,
      targetClassIds: options.targetClassIds ?? BinaryIoU.defaults.targetClassIds,
    })
  }

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    super.updateState(yTrue, read(yPred).greaterEqual(this.options.threshold), sampleWeight)
  }
}

export type { OneHotOptions as OneHotIoUOptions, SparseOptions as MeanIoUOptions, TargetOptions as IoUTargetOptions }
