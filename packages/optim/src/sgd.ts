import { updateKernel, ValueError, type Update } from '@typegrad/tensor'
import { Optimizer, type OptimizerOptions, type StepNumbers } from './optimizer.ts'

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
  constructor(options: SGDOptions = {}) {
    super(options, 0.01)
    const { momentum = 0 } = options
    if (!(momentum >= 0 && momentum <= 1)) throw new ValueError(`SGD: momentum must lie in [0, 1], got ${momentum}`, { momentum })
  }

  protected get rule(): Update {
    const { momentum = 0, nesterov = false } = this.options
    return momentum === 0 ? plain : nesterov ? ahead : withMomentum
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, mu: this.options.momentum ?? 0 }
  }
}
