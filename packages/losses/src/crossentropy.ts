import { formatShape, sameShape, ShapeError, type Tensor } from '@typegrad/tensor'
import { Loss, lossFunction, mismatch, type LossOptions } from './loss.ts'

/** Probabilities are kept this far from 0 and 1, as Keras does. */
const epsilon = 1e-7

export interface CrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities: more exact, and without saturation. @defaultValue `false` */
  readonly fromLogits?: boolean
  /** Moves targets this share of the way to the uniform distribution. @defaultValue `0` */
  readonly labelSmoothing?: number
  /** The axis of the classes. @defaultValue `-1` */
  readonly axis?: number
}

/** `-y · log(p) - (1 - y) · log(1 - p)` of every element, p from probabilities or logits. */
export function binaryCrossentropyOf(target: Tensor, output: Tensor, fromLogits: boolean): Tensor {
  if (fromLogits) return output.relu().sub(output.mul(target)).add(output.abs().neg().exp().log1p())
  const p = output.clip(epsilon, 1 - epsilon)
  return target
    .mul(p.log())
    .add(target.neg().add(1).mul(p.neg().add(1).log()))
    .neg()
}

/** The logarithms of class probabilities, from logits or from probabilities that are scaled to sum 1. */
export function logProbabilities(output: Tensor, fromLogits: boolean, axis: number): Tensor {
  if (fromLogits) return output.logSoftmax(axis)
  return output
    .div(output.sum(axis, { keepdims: true }))
    .clip(epsilon, 1 - epsilon)
    .log()
}

/** `mean(-y · log(p) - (1 - y) · log(1 - p))`: independent yes/no targets in [0, 1]. */
export class BinaryCrossentropy extends Loss<CrossentropyOptions> {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits = false, labelSmoothing = 0, axis = -1 } = this.options
    const target = labelSmoothing === 0 ? yTrue : yTrue.mul(1 - labelSmoothing).add(0.5 * labelSmoothing)
    return binaryCrossentropyOf(target, yPred, fromLogits).mean(axis)
  }
}

/** `-Σ y · log(p)` over the classes; targets are one-hot or distributions. */
export class CategoricalCrossentropy extends Loss<CrossentropyOptions> {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits = false, labelSmoothing = 0, axis = -1 } = this.options
    const classes = yPred.shape.at(axis)!
    if (classes === 1)
      throw new ShapeError(`${this.name}: predictions ${formatShape(yPred.shape)} have one class; use binaryCrossentropy`)
    const target = labelSmoothing === 0 ? yTrue : yTrue.mul(1 - labelSmoothing).add(labelSmoothing / classes)
    return target
      .mul(logProbabilities(yPred, fromLogits, axis))
      .sum(axis)
      .neg()
  }
}

export interface SparseCrossentropyOptions extends LossOptions {
  readonly fromLogits?: boolean
  /** Samples with this label count nothing. */
  readonly ignoreClass?: number
  readonly axis?: number
}

/** `-log(p[y])`: targets are class numbers. Throws an IndexError for a label outside the classes. */
export class SparseCategoricalCrossentropy extends Loss<SparseCrossentropyOptions> {
  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const labels = yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 ? yTrue.squeeze(-1) : yTrue
    const { axis = -1 } = this.options
    const at = axis < 0 ? axis + yPred.rank : axis
    if (
      !sameShape(
        labels.shape,
        yPred.shape.filter((_, i) => i !== at),
      )
    )
      throw mismatch(this.name, yTrue, yPred)
    return [labels.cast('int32'), yPred]
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits = false, ignoreClass, axis = -1 } = this.options
    const ignored = ignoreClass === undefined ? undefined : yTrue.equal(ignoreClass)
    const labels = ignored ? ignored.where(0, yTrue) : yTrue
    const losses = logProbabilities(yPred, fromLogits, axis).takeAlongAxis(labels.expandDims(axis), axis).squeeze(axis).neg()
    return ignored ? ignored.where(0, losses) : losses
  }
}

export const binaryCrossentropy = lossFunction(BinaryCrossentropy)
export const categoricalCrossentropy = lossFunction(CategoricalCrossentropy)
export const sparseCategoricalCrossentropy = lossFunction(SparseCategoricalCrossentropy)
