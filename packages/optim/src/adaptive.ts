import { updateKernel, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, slotsOf, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

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
  static override readonly defaults = {
    ...Optimizer.defaults,
    initialAccumulatorValue: 0.1,
    epsilon: 1e-7,
  } satisfies Defaults<AdagradOptions>

  protected get rule(): Update {
    return adagrad
  }

  protected override initialSlot(): number {
    return this.options.initialAccumulatorValue
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, epsilon: this.options.epsilon }
  }
}

export interface AdadeltaOptions extends OptimizerOptions {
  /** How slowly the means of squares move. @defaultValue `0.95` */
  readonly rho?: number
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
}

const delta = 'sqrt(accumulatedDeltaVar + epsilon) * g / sqrt(accumulatedGrad + epsilon)'
const adadelta = updateKernel(['w', 'accumulatedGrad', 'accumulatedDeltaVar'], ['g', 'rate', 'rho', 'epsilon'], {
  accumulatedGrad: 'rho * accumulatedGrad + (1 - rho) * g * g',
  w: `w - rate * (${delta})`,
  accumulatedDeltaVar: `rho * accumulatedDeltaVar + (1 - rho) * (${delta}) * (${delta})`,
})

/** Zeiler (2012): `s ← ρs + (1 - ρ)g²; d = √(u + ε) / √(s + ε) · g; w ← w - rate · d; u ← ρu + (1 - ρ)d²`. Default learning rate 0.001. */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  static override readonly defaults = { ...Optimizer.defaults, rho: 0.95, epsilon: 1e-7 } satisfies Defaults<AdadeltaOptions>

  protected get rule(): Update {
    return adadelta
  }

  protected numbers(rate: number): StepNumbers {
    return { rate, rho: this.options.rho, epsilon: this.options.epsilon }
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
  static override readonly defaults = {
    ...Optimizer.defaults,
    rho: 0.9,
    momentum: 0,
    epsilon: 1e-7,
    centered: false,
  } satisfies Defaults<RMSpropOptions>

  protected get rule(): Update {
    return rmspropRules[Number(this.options.momentum > 0)][Number(this.options.centered)]
  }

  protected override get slotGroups(): readonly (readonly string[])[] {
    return slotsOf(this.rule).map((name) => [name])
  }

  protected numbers(rate: number): StepNumbers {
    const { rho, momentum, epsilon } = this.options
    return { rate, rho, mu: momentum, epsilon }
  }
}
