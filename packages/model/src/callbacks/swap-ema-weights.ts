import { optionsOf, ValueError } from '@typegrad/tensor'
import { Callback } from './callback.ts'

export interface SwapEMAWeightsOptions {
  /** Swaps at the end of every epoch, too, so that checkpoints hold the averages. @defaultValue `false` */
  readonly swapOnEpoch?: boolean
}

/** Evaluates and predicts with the averages of the weights that an optimizer with `useEma` keeps, and trains with the weights. */
export class SwapEMAWeights extends Callback {
  readonly #swapOnEpoch: boolean
  /** Whether the model has the averages, and the optimizer the weights. */
  #swapped = false

  constructor(options?: SwapEMAWeightsOptions) {
    super()
    const { swapOnEpoch } = optionsOf('SwapEMAWeights', options, { swapOnEpoch: false })
    this.#swapOnEpoch = swapOnEpoch
  }

  #have(averages: boolean): void {
    if (averages === this.#swapped) return
    const { optimizer } = this.model
    if (!optimizer.options.useEma) throw new ValueError('SwapEMAWeights: the optimizer keeps no averages, give it useEma: true')
    // Before the first step there are none.
    if (optimizer.steps === 0) return
    this.#swapped = averages
    for (const weight of this.model.trainableWeights) {
      const average = optimizer.slots(weight)['average']
      const value = weight.value
      weight.assign(average.value)
      average.assign(value)
    }
  }

  override onTrainBegin(): void {
    this.#swapped = false
  }

  override getState(): boolean {
    return this.#swapped
  }

  override setState(swapped: unknown): void {
    this.#swapped = swapped === true
  }

  override onEpochEnd(): void {
    if (this.#swapOnEpoch) this.#have(true)
  }

  override settled(): void {
    this.#have(false)
  }

  override onTestBegin(): void {
    this.#have(true)
  }

  override onTestEnd(): void {
    this.#have(false)
  }

  override onPredictBegin(): void {
    this.#have(true)
  }

  override onPredictEnd(): void {
    this.#have(false)
  }
}
