import { updateKernel, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

export interface SGDOptions extends OptimizerOptions {
  /** @defaultValue `0` */
  readonly momentum?: number
  /** Looks one step ahead. @defaultValue `false` */
  readonly nesterov?: boolean
}

const plain = updateKernel(['w'], ['g', 'rate'], { w: 'w - rate * g' })
const withMomentum = updateKernel(['w', 'momentum'], ['g', 'rate', 'mu'], {
  momentum: 'mu * momentum - rate * g',
  w: 'w + momentum',
})
const ahead = updateKernel(['w', 'momentum'], ['g', 'rate', 'mu'], {
  momentum: 'mu * momentum - rate * g',
  w: 'w + mu * momentum - rate * g',
})

/** Gradient descent `w ← w - rate · g`, with momentum `m ← μm - rate · g; w ← w + m`. Default learning rate 0.01. */
export class SGD extends Optimizer<SGDOptions> {
  static override readonly defaults = {
    ...Optimizer.defaults,
    learningRate: 0.01,
    momentum: 0,
    nesterov: false,
  } satisfies Defaults<SGDOptions>

  protected get rule(): Update {
    const { momentum, nesterov } = this.options
    return momentum === 0 ? plain : nesterov ? ahead : withMomentum
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, mu: this.options.momentum }
  }
}
