import { updateKernel, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

export interface FtrlOptions extends OptimizerOptions {
  /** How the learning rate falls with the sum of squares, at most 0. @defaultValue `-0.5` */
  readonly learningRatePower?: number
  /** What the sum of squares begins with. @defaultValue `0.1` */
  readonly initialAccumulatorValue?: number
  /** @defaultValue `0` */
  readonly l1RegularizationStrength?: number
  /** @defaultValue `0` */
  readonly l2RegularizationStrength?: number
  /** Like `l2RegularizationStrength`, but of the loss: it acts on the gradient. @defaultValue `0` */
  readonly l2ShrinkageRegularizationStrength?: number
  /** @defaultValue `0` */
  readonly beta?: number
}

const grown = 'pow(accumulator + g * g, power)'
const ftrl = updateKernel(['w', 'accumulator', 'linear'], ['g', 'rate', 'power', 'l1', 'l2', 'shrinkage'], {
  linear: `linear + g + 2 * shrinkage * w - (${grown} - pow(accumulator, power)) / rate * w`,
  w: `(min(max(linear, -l1), l1) - linear) / (${grown} / rate + 2 * l2)`,
  accumulator: 'accumulator + g * g',
})

/**
 * Follow the regularized leader, McMahan et al. (2013): `z ← z + g + 2λw - ((s + g²)^p - s^p) / rate · w; s ← s + g²;
 * w ← (clip(z, ±l1) - z) / (s^p / rate + 2 l2)`, where p is `-learningRatePower`. Default learning rate 0.001.
 */
export class Ftrl extends Optimizer<FtrlOptions> {
  static override readonly defaults = {
    ...Optimizer.defaults,
    learningRatePower: -0.5,
    initialAccumulatorValue: 0.1,
    l1RegularizationStrength: 0,
    l2RegularizationStrength: 0,
    l2ShrinkageRegularizationStrength: 0,
    beta: 0,
  } satisfies Defaults<FtrlOptions>

  protected get rule(): Update {
    return ftrl
  }

  protected override initialSlot(slot: string): number {
    return slot === 'accumulator' ? this.options.initialAccumulatorValue : 0
  }

  protected numbers(rate: number): StepNumbers {
    const { learningRatePower, l1RegularizationStrength, l2RegularizationStrength, l2ShrinkageRegularizationStrength, beta } =
      this.options
    return {
      rate,
      power: -learningRatePower,
      l1: l1RegularizationStrength,
      l2: l2RegularizationStrength + beta / (2 * rate),
      shrinkage: l2ShrinkageRegularizationStrength,
    }
  }
}
