import { sameShape, type Tensor } from '@typegrad/tensor'
import { mismatch, sameRank } from '../loss.ts'
import { MeanOf, type MetricOptions } from './metric.ts'

function aligned(name: string, yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
  const [target, prediction] = sameRank(yTrue, yPred)
  if (!sameShape(target.shape, prediction.shape)) throw mismatch(name, yTrue, yPred)
  return [target.cast(prediction.dtype), prediction]
}

/** The share of predictions that equal their target. */
export class Accuracy extends MeanOf {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = aligned(this.name, yTrue, yPred)
    return target.equal(prediction)
  }
}

export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above it count as 1. @defaultValue `0.5` */
  readonly threshold?: number
}

/** The share of predictions on the target's side of the threshold. */
export class BinaryAccuracy extends MeanOf<BinaryAccuracyOptions> {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const [target, prediction] = aligned(this.name, yTrue, yPred)
    return target.equal(prediction.greater(this.options.threshold ?? 0.5).cast(prediction.dtype)).mean(-1)
  }
}

/** The share of samples whose largest prediction is at the largest target (targets one-hot). */
export class CategoricalAccuracy extends MeanOf {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    if (!sameShape(yTrue.shape, yPred.shape)) throw mismatch(this.name, yTrue, yPred)
    return yTrue.argmax(-1).equal(yPred.argmax(-1))
  }
}

/** Class numbers without a last axis of length 1. */
const labelsOf = (yTrue: Tensor, yPred: Tensor): Tensor =>
  (yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 ? yTrue.squeeze(-1) : yTrue).cast('int32')

/** The share of samples whose largest prediction is at the target (targets are class numbers). */
export class SparseCategoricalAccuracy extends MeanOf {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const labels = labelsOf(yTrue, yPred)
    if (!sameShape(labels.shape, yPred.shape.slice(0, -1))) throw mismatch(this.name, yTrue, yPred)
    return labels.equal(yPred.argmax(-1))
  }
}

export interface TopKOptions extends MetricOptions {
  /** @defaultValue `5` */
  readonly k?: number
}

/** True where fewer than k classes have a larger prediction than the target's. */
function inTopK(labels: Tensor, yPred: Tensor, k: number): Tensor {
  const own = yPred.takeAlongAxis(labels.expandDims(-1))
  return yPred.greater(own).sum(-1).less(k).logicalAnd(own.squeeze(-1).isfinite())
}

/** The share of samples whose target (one-hot) is among the k largest predictions. */
export class TopKCategoricalAccuracy extends MeanOf<TopKOptions> {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    if (!sameShape(yTrue.shape, yPred.shape)) throw mismatch(this.name, yTrue, yPred)
    return inTopK(yTrue.argmax(-1), yPred, this.options.k ?? 5)
  }
}

/** The share of samples whose target (a class number) is among the k largest predictions. */
export class SparseTopKCategoricalAccuracy extends MeanOf<TopKOptions> {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return inTopK(labelsOf(yTrue, yPred), yPred, this.options.k ?? 5)
  }
}
