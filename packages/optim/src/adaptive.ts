import { updateKernel, type Update } from '@typegrad/tensor'
import { Optimizer, type OptimizerOptions, type StepNumbers } from './optimizer.ts'

export interface AdagradOptions extends OptimizerOptions {
  /** What the sum of squares begins with. @defaultValue `0.1` */
  readonly initialAccumulatorValue?: number
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
}

const adagrad = updateKernel(['w', 'accumulator'], ['g', 'rate', 'epsilon'], {
  accumulator: 'accumulator + g * g',
  w: 'w - rate * g / sqrt(accumulator + epsilon)',
})

/** Duchi et al. (2011): `s ← s + g²; w ← w - rate · g / √(s + ε)`. Default learning rate 0.001. */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(options: AdagradOptions = {}) {
    super(options, 0.001)
  }

  protected get rule(): Update {
    return adagrad
  }

  protected override initialSlot(): number {
    return this.options.initialAccumulatorValue ?? 0.1
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, epsilon: this.options.epsilon ?? 1e-7 }
  }
}

export interface RMSpropOptions extends OptimizerOptions {
  /** How slowly the mean of squares moves. @defaultValue `0.9` */
  readonly rho?: number
  /** @defaultValue `0` */
  readonly momentum?: number
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
  /** Divides by the standard deviation instead of the root mean square. @defaultValue `false` */
  readonly centered?: boolean
}

/** The four variants of one rule. */
function rmsprop(momentum: boolean, centered: boolean): Update {
  const slots = ['velocity', ...(momentum ? ['momentum'] : []), ...(centered ? ['averageGradient'] : [])]
  const step = `rate * g / sqrt(${centered ? 'velocity - averageGradient * averageGradient' : 'velocity'} + epsilon)`
  return updateKernel(['w', ...slots], ['g', 'rate', 'rho', 'mu', 'epsilon'], {
    velocity: 'rho * velocity + (1 - rho) * g * g',
    ...(centered ? { averageGradient: 'rho * averageGradient + (1 - rho) * g' } : {}),
    ...(momentum ? { momentum: `mu * momentum + ${step}` } : {}),
    w: momentum ? 'w - momentum' : `w - ${step}`,
  })
}

const rmspropRules = [false, true].map((momentum) => [false, true].map((centered) => rmsprop(momentum, centered)))

/** Hinton: `v ← ρv + (1 - ρ)g²; w ← w - rate · g / √(v + ε)`, with optional momentum. Default learning rate 0.001. */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(options: RMSpropOptions = {}) {
    super(options, 0.001)
  }

  protected get rule(): Update {
    const { momentum = 0, centered = false } = this.options
    return rmspropRules[Number(momentum > 0)][Number(centered)]
  }

  protected numbers(rate: number): StepNumbers {
    const { rho = 0.9, momentum = 0, epsilon = 1e-7 } = this.options
    return { rate, rho, mu: momentum, epsilon }
  }
}
