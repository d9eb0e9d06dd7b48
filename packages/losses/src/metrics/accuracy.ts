import { sameShape, type Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { classNumbers } from '../labels.ts'
import { alignPair, mismatch } from '../loss.ts'
import { MeanOf, Metric, type MetricOptions } from './metric.ts'

/** The share of predictions that equal their target. */
export class Accuracy extends MeanOf {
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = alignPair(this.name, yTrue, yPred)
    return target.equal(prediction)
  }
}

export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above it count as 1. @defaultValue `0.5` */
  readonly threshold?: number
}

/** The share of predictions on the target's side of the threshold. */
export class BinaryAccuracy extends MeanOf<BinaryAccuracyOptions> {
  static override readonly defaults = { ...Metric.defaults, threshold: 0.5 } satisfies Defaults<BinaryAccuracyOptions>
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = alignPair(this.name, yTrue, yPred)
    return target.equal(prediction.greater(this.options.threshold).cast(prediction.dtype))
  }
}

/** The share of samples whose largest prediction is at the largest target (targets one-hot). */
export class CategoricalAccuracy extends MeanOf {
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    if (!sameShape(yTrue.shape, yPred.shape)) throw mismatch(this.name, yTrue, yPred)
    return yTrue.argmax(-1).equal(yPred.argmax(-1))
  }
}

/** The share of samples whose largest prediction is at the target (targets are class numbers). */
export class SparseCategoricalAccuracy extends MeanOf {
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return classNumbers(this.name, yTrue, yPred).equal(yPred.argmax(-1))
  }
}

export interface TopKOptions extends MetricOptions {
  /** @defaultValue `5` */
  readonly k?: number
}

/** True where fewer than k classes have a larger prediction than the target's; false for a label that is no class. */
function inTopK(given: Tensor, yPred: Tensor, k: number): Tensor {
  const known = given.greaterEqual(0).logicalAnd(given.less(yPred.shape.at(-1)!))
  const labels = known.where(given.cast('int32'), 0)
  const own = yPred.takeAlongAxis(labels.expandDims(-1))
  return yPred.greater(own).sum(-1).less(k).logicalAnd(own.squeeze(-1).isfinite()).logicalAnd(known)
}

/** The share of samples whose target (one-hot) is among the k largest predictions. */
export class TopKCategoricalAccuracy extends MeanOf<TopKOptions> {
  static override readonly defaults = { ...Metric.defaults, k: 5 } satisfies Defaults<TopKOptions>
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    if (!sameShape(yTrue.shape, yPred.shape)) throw mismatch(this.name, yTrue, yPred)
    return inTopK(yTrue.argmax(-1), yPred, this.options.k)
  }
}

export interface SparseTopKOptions extends TopKOptions {
  /** Predictions are class numbers, the best one first, instead of one figure per class. @defaultValue `false` */
  readonly fromSortedIds?: boolean
}

/** The share of samples whose target (a class number) is among the k largest predictions. */
export class SparseTopKCategoricalAccuracy extends MeanOf<SparseTopKOptions> {
  static override readonly defaults = { ...Metric.defaults, k: 5, fromSortedIds: false } satisfies Defaults<SparseTopKOptions>
  static override readonly unwritten = ['fromSortedIds']
  static override readonly direction = 'up'

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { k, fromSortedIds } = this.options
    const labels = classNumbers(this.name, yTrue, yPred)
    if (!fromSortedIds) return inTopK(labels, yPred, k)
    const best = yPred.slice(...Array.from({ length: yPred.rank - 1 }, () => null), [0, k])
    return best.equal(labels.expandDims(-1)).any(-1)
  }
}
