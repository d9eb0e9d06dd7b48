/** Callbacks that change the learning rate; both write `learning_rate` into the logs. */
import { optionsOf, ValueError, type Filled } from '@typegrad/tensor'
import { standardOutput } from '../output.ts'
import type { State } from '../storage.ts'
import { Callback, type Logs } from './callback.ts'
import { MonitorCallback, monitorDefaults, type MonitorOptions } from './monitor.ts'

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied with. @defaultValue `0.1` */
  readonly factor?: number
  /** Epochs without an improvement before that. @defaultValue `10` */
  readonly patience?: number
  /** Epochs to wait after a reduction. @defaultValue `0` */
  readonly cooldown?: number
  /** @defaultValue `0` */
  readonly minLr?: number
  readonly verbose?: 0 | 1
}

const plateauDefaults = {
  ...monitorDefaults,
  minDelta: 1e-4,
  factor: 0.1,
  patience: 10,
  cooldown: 0,
  minLr: 0,
  verbose: 0,
} as const

/** Lowers the learning rate when a figure has stopped improving. */
export class ReduceLROnPlateau extends MonitorCallback {
  readonly #options: Filled<ReduceLROnPlateauOptions, typeof plateauDefaults>
  #wait = 0
  #cooldown = 0

  constructor(given?: ReduceLROnPlateauOptions) {
    const options = optionsOf('ReduceLROnPlateau', given, plateauDefaults)
    super(options)
    if (options.factor >= 1) throw new ValueError(`ReduceLROnPlateau: factor must be below 1, got ${options.factor}`)
    this.#options = options
  }

  override getState(): State {
    return { wait: this.#wait, cooldown: this.#cooldown, best: this.best ?? null }
  }

  override setState(state: State): void {
    const { wait, cooldown, best } = state as { wait: number; cooldown: number; best: number | null }
    this.#wait = wait
    this.#cooldown = cooldown
    this.best = best ?? undefined
  }

  override onTrainBegin(): void {
    this.best = undefined
    this.#wait = 0
    this.#cooldown = 0
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { factor, patience, cooldown, minLr, verbose } = this.#options
    const { optimizer } = this.model
    const rate = optimizer.currentLearningRate()
    logs['learning_rate'] = rate
    const value = this.valueIn(logs)
    if (value === undefined) return
    if (this.#cooldown > 0) {
      this.#cooldown--
      this.#wait = 0
    }
    if (this.improves(value, this.best)) {
      this.best = value
      this.#wait = 0
    } else if (this.#cooldown === 0 && ++this.#wait >= patience && rate > minLr) {
      const lower = Math.max(rate * factor, minLr)
      optimizer.learningRate = lower
      if (verbose > 0) standardOutput().print(`Epoch ${epoch + 1}: the learning rate is now ${lower}`)
      this.#cooldown = cooldown
      this.#wait = 0
    }
  }
}

/** Sets the learning rate of every epoch: `schedule(epoch, rate)`. */
export class LearningRateScheduler extends Callback {
  readonly #schedule: (epoch: number, rate: number) => number
  readonly #verbose: number

  constructor(schedule: (epoch: number, rate: number) => number, options?: { verbose?: 0 | 1 }) {
    super()
    this.#schedule = schedule
    this.#verbose = optionsOf('LearningRateScheduler', options, { verbose: 0 }).verbose
  }

  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model
    const rate = this.#schedule(epoch, optimizer.currentLearningRate())
    if (!(rate >= 0 && Number.isFinite(rate))) {
      throw new ValueError(`LearningRateScheduler: the schedule gave ${rate} for epoch ${epoch}, expected a number ≥ 0`)
    }
    optimizer.learningRate = rate
    if (this.#verbose > 0) standardOutput().print(`Epoch ${epoch + 1}: the learning rate is ${rate}`)
  }

  override onEpochEnd(_: number, logs: Logs): void {
    logs['learning_rate'] = this.model.optimizer.currentLearningRate()
  }
}
