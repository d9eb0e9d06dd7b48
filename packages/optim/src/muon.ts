import { hostNumber, update, updateKernel, type Tensor, type Update, type Variable } from '@typegrad/tensor'
import { adam, adamRate } from './adam.ts'
import type { Defaults } from '@typegrad/tensor/config'
import { newSlot, Optimizer, type LiveNumbers, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

export interface MuonOptions extends OptimizerOptions {
  /** Of the variables that Adam moves. @defaultValue `0.9` */
  readonly adamBeta1?: number
  /** @defaultValue `0.999` */
  readonly adamBeta2?: number
  /** Decay of the variables that Adam moves. @defaultValue `0.004` */
  readonly adamWeightDecay?: number | null
  /** @defaultValue `1e-7` */
  readonly epsilon?: number
  /** Leaves variables whose name matches one of these regular expressions to Adam. @defaultValue `[]` */
  readonly excludeLayers?: readonly string[]
  /** Leaves embeddings to Adam. @defaultValue `true` */
  readonly excludeEmbeddings?: boolean
  /** Coefficients of the polynomial that is iterated. @defaultValue `3.4445` */
  readonly muonA?: number
  /** @defaultValue `-4.775` */
  readonly muonB?: number
  /** @defaultValue `2.0315` */
  readonly muonC?: number
  /** Adam's learning rate, as a multiple. @defaultValue `1` */
  readonly adamLrRatio?: number
  /** @defaultValue `0.95` */
  readonly momentum?: number
  /** Iterations of the polynomial. @defaultValue `5` */
  readonly nsSteps?: number
  /** Looks one step ahead. @defaultValue `true` */
  readonly nesterov?: boolean
  /** Scales updates by `rmsRate · √max(rows, columns)`; `null`: not at all. @defaultValue `0.2` */
  readonly rmsRate?: number | null
}

const remember = updateKernel(['momentum'], ['g', 'mu'], { momentum: 'mu * momentum + g' })
const move = updateKernel(['w'], ['direction', 'rate'], { w: 'w - rate * direction' })

/**
 * Jordan (2024): momentum whose matrix is replaced by the nearest orthogonal one, by iterating
 * `X ← aX + (bXXᵀ + c(XXᵀ)²)X`. For matrices; other variables are moved by Adam. Default learning rate 0.001.
 */
export class Muon extends Optimizer<MuonOptions> {
  static override readonly defaults = {
    ...Optimizer.defaults,
    weightDecay: 0.004,
    adamBeta1: 0.9,
    adamBeta2: 0.999,
    adamWeightDecay: 0.004,
    epsilon: 1e-7,
    excludeLayers: [] as readonly string[],
    excludeEmbeddings: true,
    muonA: 3.4445,
    muonB: -4.775,
    muonC: 2.0315,
    adamLrRatio: 1,
    momentum: 0.95,
    nsSteps: 5,
    nesterov: true,
    rmsRate: 0.2,
  } satisfies Defaults<MuonOptions>

  protected get rule(): Update {
    return adam
  }

  #isLeftToAdam({ rank, name }: Variable): boolean {
    const { excludeEmbeddings, excludeLayers } = this.options
    return (
      rank !== 2 ||
      (excludeEmbeddings && name.toLowerCase().includes('embedding')) ||
      excludeLayers.some((pattern) => new RegExp(pattern).test(name))
    )
  }

  protected override makeSlot(slot: string, variable: Variable): Variable | undefined {
    return slot === 'velocity' && !this.#isLeftToAdam(variable) ? undefined : newSlot(slot, variable)
  }

  protected override decayOf(variable: Variable): number | null {
    return this.#isLeftToAdam(variable) ? this.options.adamWeightDecay : this.options.weightDecay
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { adamBeta1: beta1, adamBeta2: beta2, epsilon, adamLrRatio } = this.options
    return { rate, alpha: adamRate(rate * adamLrRatio, t, beta1, beta2), beta1, beta2, epsilon }
  }

  protected override step(w: Variable, g: Tensor, numbers: LiveNumbers): void {
    const { momentum: mu, nesterov, rmsRate } = this.options
    const { momentum, velocity } = this.slots(w)
    if (velocity) super.step(w, g, numbers)
    else {
      update(remember, { momentum }, { g, mu })
      const direction = this.#orthogonal(nesterov ? g.add(momentum.mul(mu)) : momentum.value)
      const scale = rmsRate === null ? 1 : rmsRate * Math.sqrt(Math.max(...w.shape))
      update(move, { w }, { direction, rate: hostNumber(() => this.currentLearningRate() * scale, w.dtype) })
    }
  }

  /** Near the orthogonal matrix nearest to x: its singular values are all about 1. */
  #orthogonal(x: Tensor): Tensor {
    const { muonA, muonB, muonC, nsSteps } = this.options
    const tall = x.shape[0] > x.shape[1]
    let y = tall ? x.transpose() : x
    y = y.div(y.norm().add(1e-7))
    for (let i = 0; i < nsSteps; i++) {
      const square = y.matmul(y.transpose())
      y = y.mul(muonA).add(square.mul(muonB).add(square.matmul(square).mul(muonC)).matmul(y))
    }
    return tall ? y.transpose() : y
  }
}
