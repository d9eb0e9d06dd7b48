import { optionsOf, type Filled } from '@typegrad/tensor'
import type { Tensor } from '@typegrad/tensor'
import { standardOutput } from '../output.ts'
import type { State } from '../storage.ts'
import type { Logs } from './callback.ts'
import { MonitorCallback, monitorDefaults, type MonitorOptions } from './monitor.ts'

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without an improvement before training stops. @defaultValue `0` */
  readonly patience?: number
  /** Training stops if the figure does not get better than this within the patience. */
  readonly baseline?: number
  /** Gives the model the weights of its best epoch when training ends. @defaultValue `false` */
  readonly restoreBestWeights?: boolean
  /** Epochs before this one are not watched. @defaultValue `0` */
  readonly startFromEpoch?: number
  readonly verbose?: 0 | 1
}

const defaults = {
  ...monitorDefaults,
  patience: 0,
  baseline: undefined,
  restoreBestWeights: false,
  startFromEpoch: 0,
  verbose: 0,
} as const

/** Stops `fit` when a figure has stopped improving. */
export class EarlyStopping extends MonitorCallback {
  readonly #options: Filled<EarlyStoppingOptions, typeof defaults>
  #wait = 0
  #bestWeights: Tensor[] | undefined
  #bestEpoch = 0
  /** The epoch after which training was stopped; 0 if it was not. */
  stoppedEpoch = 0

  constructor(given?: EarlyStoppingOptions) {
    const options = optionsOf('EarlyStopping', given, defaults)
    super(options)
    this.#options = options
  }

  override getState(): State {
    return { wait: this.#wait, best: this.best ?? null, bestEpoch: this.#bestEpoch, bestWeights: this.#bestWeights ?? null }
  }

  override setState(state: State): void {
    const { wait, best, bestEpoch, bestWeights } = state as {
      wait: number
      best: number | null
      bestEpoch: number
      bestWeights: Tensor[] | null
    }
    this.#wait = wait
    this.best = best ?? undefined
    this.#bestEpoch = bestEpoch
    this.#bestWeights = bestWeights ?? undefined
  }

  override onTrainBegin(): void {
    this.#wait = 0
    this.stoppedEpoch = 0
    this.best = undefined
    this.#bestWeights = undefined
    this.#bestEpoch = 0
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { patience, baseline, restoreBestWeights, startFromEpoch } = this.#options
    const value = this.valueIn(logs)
    if (value === undefined || epoch < startFromEpoch) return
    const keep = (): void => {
      if (restoreBestWeights) this.#bestWeights = this.model.getWeights()
      this.#bestEpoch = epoch
    }
    if (restoreBestWeights && !this.#bestWeights) keep()
    this.#wait++
    if (this.improves(value, this.best)) {
      this.best = value
      keep()
      // Patience begins anew only with a value that beats the baseline too.
      if (baseline === undefined || this.improves(value, baseline)) this.#wait = 0
      return
    }
    if (this.#wait >= patience && epoch > 0) {
      this.stoppedEpoch = epoch
      this.model.stopTraining = true
    }
  }

  override onTrainEnd(): void {
    const { verbose } = this.#options
    if (verbose > 0 && this.stoppedEpoch > 0) standardOutput().print(`Epoch ${this.stoppedEpoch + 1}: early stopping`)
    if (!this.#bestWeights) return
    if (verbose > 0) standardOutput().print(`Restoring the weights of the best epoch: ${this.#bestEpoch + 1}`)
    this.model.setWeights(this.#bestWeights)
  }
}
