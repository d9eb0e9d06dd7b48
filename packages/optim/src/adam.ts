import { hostNumber, updateKernel, ValueError, Variable, full, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

/** The options of the two moments. */
export interface MomentsOptions extends OptimizerOptions {
  /** @defaultValue `0.9` */
  readonly beta1?: number
  /** @defaultValue `0.999` */
  readonly beta2?: number
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
}

export interface AdamOptions extends MomentsOptions {
  /** Divides by the largest second moment so far. @defaultValue `false` */
  readonly amsgrad?: boolean
}

export const momentsDefaults = {
  ...Optimizer.defaults,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
} satisfies Defaults<MomentsOptions>

const inputs = ['g', 'alpha', 'beta1', 'beta2', 'epsilon']
export const moments = {
  momentum: 'momentum + (g - momentum) * (1 - beta1)',
  velocity: 'velocity + (g * g - velocity) * (1 - beta2)',
}
export const adam = updateKernel(['w', 'momentum', 'velocity'], inputs, {
  ...moments,
  w: 'w - alpha * momentum / (sqrt(velocity) + epsilon)',
})
const amsgrad = updateKernel(['w', 'momentum', 'velocity', 'velocityHat'], inputs, {
  ...moments,
  velocityHat: 'max(velocityHat, velocity)',
  w: 'w - alpha * momentum / (sqrt(velocityHat) + epsilon)',
})

/** Adam's step size at iteration t, `rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ)`. */
export const adamRate = (rate: number, t: number, beta1: number, beta2: number): number =>
  (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t)

/**
 * Kingma and Ba (2014): `m ← β₁m + (1 - β₁)g; v ← β₂v + (1 - β₂)g²; w ← w - α · m / (√v + ε)`, where
 * `α = rate · √(1 - β₂ᵗ) / (1 - β₁ᵗ)`. Default learning rate 0.001.
 */
export class Adam extends Optimizer<AdamOptions> {
  static override readonly defaults = { ...momentsDefaults, amsgrad: false } satisfies Defaults<AdamOptions>

  protected get rule(): Update {
    return this.options.amsgrad ? amsgrad : adam
  }

  protected override get slotGroups(): readonly (readonly string[])[] {
    return [['momentum', 'velocity'], this.options.amsgrad ? ['velocityHat'] : []]
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { beta1, beta2, epsilon } = this.options
    return { alpha: adamRate(rate, t, beta1, beta2), beta1, beta2, epsilon }
  }
}

/** Loshchilov and Hutter (2017): {@link Adam} with decoupled weight decay, `w ← w - weightDecay · rate · w` before each step. */
export class AdamW extends Adam {
  static override readonly defaults = { ...Adam.defaults, weightDecay: 0.004 }

  constructor(options: AdamOptions = {}) {
    super(options)
    if (this.options.weightDecay === null) throw new ValueError('AdamW: weightDecay is null, expected a number ≥ 0; use Adam')
  }
}

const adamax = updateKernel(['w', 'momentum', 'norm'], ['g', 'alpha', 'beta1', 'beta2', 'epsilon'], {
  momentum: moments.momentum,
  norm: 'max(beta2 * norm, abs(g))',
  w: 'w - alpha * momentum / (norm + epsilon)',
})

/** Adam by the infinity norm: `u ← max(β₂u, |g|); w ← w - rate / (1 - β₁ᵗ) · m / (u + ε)`. Default learning rate 0.001. */
export class Adamax extends Optimizer<MomentsOptions> {
  static override readonly defaults = momentsDefaults

  protected get rule(): Update {
    return adamax
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { beta1, beta2, epsilon } = this.options
    return { alpha: rate / (1 - beta1 ** t), beta1, beta2, epsilon }
  }
}

const nadam = updateKernel(['w', 'momentum', 'velocity'], ['g', 'rate', 'ahead', 'now', 'beta1', 'beta2', 'unbias', 'epsilon'], {
  ...moments,
  w: 'w - rate * (ahead * momentum + now * g) / (sqrt(velocity * unbias) + epsilon)',
})

/**
 * Dozat (2015): {@link Adam} with Nesterov momentum, `w ← w - rate · (u' m / (1 - Πu·u') + (1 - u) g / (1 - Πu)) / (√v̂ + ε)`, where
 * `u = β₁ (1 - 0.96ᵗ / 2)` and `u'` is the next one. Default learning rate 0.001.
 */
export class Nadam extends Optimizer<MomentsOptions> {
  static override readonly defaults = momentsDefaults
  /** The product of all `u` so far; Keras gives it no better name. */
  readonly #product = new Variable(full([], 1), { name: 'variable', trainable: false })
  /** The same for the last iteration asked for: it follows from the options, so that no device has to be asked. */
  #known = { t: 0, product: 1 }

  protected get rule(): Update {
    return nadam
  }

  override get ownVariables(): readonly Variable[] {
    return [this.#product]
  }

  #u(t: number): number {
    return this.options.beta1 * (1 - 0.5 * 0.96 ** t)
  }

  #productAt(t: number): number {
    if (t < this.#known.t) this.#known = { t: 0, product: 1 }
    while (this.#known.t < t) this.#known.product *= this.#u(++this.#known.t)
    return this.#known.product
  }

  protected override beginIteration(): void {
    this.#product.assign(hostNumber(() => this.#productAt(this.iterations + 1)))
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { beta1, beta2, epsilon } = this.options
    const [u, next, product] = [this.#u(t), this.#u(t + 1), this.#productAt(t)]
    return {
      rate,
      ahead: next / (1 - product * next),
      now: (1 - u) / (1 - product),
      beta1,
      beta2,
      unbias: 1 / (1 - beta2 ** t),
      epsilon,
    }
  }
}
