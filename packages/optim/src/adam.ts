import { updateKernel, type Update } from '@typegrad/tensor'
import { Optimizer, type OptimizerOptions, type StepNumbers } from './optimizer.ts'

export interface AdamOptions extends OptimizerOptions {
  /** @defaultValue `0.9` */
  readonly beta1?: number
  /** @defaultValue `0.999` */
  readonly beta2?: number
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
  /** Divides by the largest second moment so far. @defaultValue `false` */
  readonly amsgrad?: boolean
}

const inputs = ['g', 'alpha', 'beta1', 'beta2', 'epsilon']
const moments = {
  momentum: 'momentum + (g - momentum) * (1 - beta1)',
  velocity: 'velocity + (g * g - velocity) * (1 - beta2)',
}
const adam = updateKernel(['w', 'momentum', 'velocity'], inputs, {
  ...moments,
  w: 'w - alpha * momentum / (sqrt(velocity) + epsilon)',
})
const amsgrad = updateKernel(['w', 'momentum', 'velocity', 'velocityHat'], inputs, {
  ...moments,
  velocityHat: 'max(velocityHat, velocity)',
  w: 'w - alpha * momentum / (sqrt(velocityHat) + epsilon)',
})

/**
 * Kingma and Ba (2014): `m ← β₁m + (1 - β₁)g; v ← β₂v + (1 - β₂)g²; w ← w - α · m / (√v + ε)`, where
 * `α = rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ)`. Default learning rate 0.001.
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(options: AdamOptions = {}) {
    super(options, 0.001)
  }

  protected get rule(): Update {
    return this.options.amsgrad ? amsgrad : adam
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = this.options
    return { alpha: (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t), beta1, beta2, epsilon }
  }
}
