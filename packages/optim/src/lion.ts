import { updateKernel, ValueError, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

export interface LionOptions extends OptimizerOptions {
  /** How much of the direction is momentum, in (0, 1). @defaultValue `0.9` */
  readonly beta1?: number
  /** How slowly the momentum moves. @defaultValue `0.99` */
  readonly beta2?: number
}

const lion = updateKernel(['w', 'momentum'], ['g', 'rate', 'beta1', 'beta2'], {
  w: 'w - rate * sign(beta1 * momentum + (1 - beta1) * g)',
  momentum: 'beta2 * momentum + (1 - beta2) * g',
})

/** Chen et al. (2023): `w ← w - rate · sign(β₁m + (1 - β₁)g); m ← β₂m + (1 - β₂)g`. Default learning rate 0.001. */
export class Lion extends Optimizer<LionOptions> {
  static override readonly defaults = { ...Optimizer.defaults, beta1: 0.9, beta2: 0.99 } satisfies Defaults<LionOptions>

  constructor(options: LionOptions = {}) {
    super(options)
    if (this.options.beta1 === 0) throw new ValueError('Lion: beta1 is 0, expected a number in (0, 1)', { beta1: 0 })
  }

  protected get rule(): Update {
    return lion
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, beta1: this.options.beta1, beta2: this.options.beta2 }
  }
}
