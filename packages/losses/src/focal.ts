import { ValueError, type Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import {
  BinaryCrossentropy,
  binaryCrossentropyOf,
  classesOf,
  safeProbabilities,
  smoothed,
  type CrossentropyOptions,
} from './crossentropy.ts'
import { assertClasses, classNumbers } from './labels.ts'
import { Loss, lossFunction, type LossOptions } from './loss.ts'

export interface FocalCrossentropyOptions extends CrossentropyOptions {
  /** Weight of the classes (of class 1, in a binary loss with class balancing). @defaultValue `0.25` */
  readonly alpha?: number
  /** How much easy samples are counted down. @defaultValue `2` */
  readonly gamma?: number
}

export interface BinaryFocalCrossentropyOptions extends FocalCrossentropyOptions {
  /** Weights class 1 by `alpha`, class 0 by `1 - alpha`. @defaultValue `false` */
  readonly applyClassBalancing?: boolean
}

/** `mean((1 - p_y)^gamma · crossentropy)`, where `p_y` is the probability of the true class; Lin et al. (2018). */
export class BinaryFocalCrossentropy extends Loss<BinaryFocalCrossentropyOptions> {
  static override readonly defaults = {
    ...BinaryCrossentropy.defaults,
    applyClassBalancing: false,
    alpha: 0.25,
    gamma: 2,
  } satisfies Defaults<BinaryFocalCrossentropyOptions>

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { applyClassBalancing, alpha, gamma, fromLogits, labelSmoothing, axis } = this.options
    const target = smoothed(yTrue, labelSmoothing, 2)
    const p = fromLogits ? yPred.sigmoid() : yPred
    const other = target.neg().add(1)
    const ofTruth = target.mul(p).add(other.mul(p.neg().add(1)))
    const losses = ofTruth
      .neg()
      .add(1)
      .pow(gamma)
      .mul(binaryCrossentropyOf(target, p, false))
    return (
      applyClassBalancing
        ? target
            .mul(alpha)
            .add(other.mul(1 - alpha))
            .mul(losses)
        : losses
    ).mean(axis)
  }
}

/** `-alpha · Σ (1 - p)^gamma · y · log(p)` over the classes. */
export class CategoricalFocalCrossentropy extends Loss<FocalCrossentropyOptions> {
  static override readonly defaults = {
    ...BinaryCrossentropy.defaults,
    alpha: 0.25,
    gamma: 2,
  } satisfies Defaults<FocalCrossentropyOptions>

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { alpha, gamma, fromLogits, labelSmoothing, axis } = this.options
    const target = smoothed(yTrue, labelSmoothing, classesOf(this.name, yPred, axis))
    const p = safeProbabilities(fromLogits ? yPred.softmax(axis) : yPred, axis)
    return p.neg().add(1).pow(gamma).mul(-alpha).mul(target.mul(p.log())).sum(axis)
  }
}

export interface GeneralizedCrossEntropyOptions extends LossOptions {
  /** Between crossentropy (towards 0) and the mean absolute error (towards 1). @defaultValue `0.5` */
  readonly q?: number
}

/** `(1 - p[y]^q) / q` for class numbers y, robust to wrong labels; Zhang and Sabuncu (2018). */
export class CategoricalGeneralizedCrossEntropy extends Loss<GeneralizedCrossEntropyOptions> {
  static override readonly defaults = { ...Loss.defaults, q: 0.5 } satisfies Defaults<GeneralizedCrossEntropyOptions>

  constructor(options: GeneralizedCrossEntropyOptions = {}) {
    super(options)
    const { q } = this.options
    if (!(q > 0 && q < 1)) throw new ValueError(`CategoricalGeneralizedCrossEntropy: q must lie between 0 and 1, got ${q}`, { q })
  }

  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const labels = classNumbers(this.name, yTrue, yPred)
    assertClasses(this.name, labels, yPred.shape.at(-1)!)
    return [labels.cast('int32'), yPred]
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { q } = this.options
    return yPred.takeAlongAxis(yTrue.expandDims(-1)).squeeze(-1).pow(q).neg().add(1).div(q)
  }
}

export const binaryFocalCrossentropy = lossFunction(BinaryFocalCrossentropy)
export const categoricalFocalCrossentropy = lossFunction(CategoricalFocalCrossentropy)
export const categoricalGeneralizedCrossEntropy = lossFunction(CategoricalGeneralizedCrossEntropy)
