import type { Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { epsilon } from './crossentropy.ts'
import { Loss, lossFunction, type LossOptions } from './loss.ts'

export interface DiceOptions extends LossOptions {
  /** The axes of one overlap; `null` for one over all elements. @defaultValue `null` */
  readonly axis?: number | readonly number[] | null
}

/** `1 - 2 Σ y·p / (Σ y + Σ p)`: how little two masks overlap. */
export class Dice extends Loss<DiceOptions> {
  static override readonly defaults = { ...Loss.defaults, axis: null } satisfies Defaults<DiceOptions>

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { axis } = this.options
    const both = yTrue.mul(yPred).sum(axis)
    return both
      .mul(2)
      .div(yTrue.sum(axis).add(yPred.sum(axis)).add(epsilon))
      .neg()
      .add(1)
  }
}

export interface TverskyOptions extends DiceOptions {
  /** Weight of what is true and not predicted. @defaultValue `0.5` */
  readonly alpha?: number
  /** Weight of what is predicted and not true. @defaultValue `0.5` */
  readonly beta?: number
}

/** `1 - Σ y·p / (Σ y·p + alpha · Σ y·(1 - p) + beta · Σ (1 - y)·p)`; Salehi et al. (2017). */
export class Tversky extends Loss<TverskyOptions> {
  static override readonly defaults = { ...Dice.defaults, alpha: 0.5, beta: 0.5 } satisfies Defaults<TverskyOptions>

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { alpha, beta, axis } = this.options
    const both = yTrue.mul(yPred).sum(axis)
    const missed = yTrue.mul(yPred.neg().add(1)).sum(axis)
    const wrong = yTrue.neg().add(1).mul(yPred).sum(axis)
    return both
      .div(both.add(missed.mul(alpha)).add(wrong.mul(beta)).add(epsilon))
      .neg()
      .add(1)
  }
}

export const dice = lossFunction(Dice)
export const tversky = lossFunction(Tversky)
