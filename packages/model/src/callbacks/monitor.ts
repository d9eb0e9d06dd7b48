import { snakeCase, ValueError, type Filled } from '@typegrad/tensor'
import { Callback, figureIn, type Logs } from './callback.ts'

export interface MonitorOptions {
  /** The figure to watch, as the logs name it; `'valLoss'` is read as `'val_loss'`. @defaultValue `'val_loss'` */
  readonly monitor?: string
  /** Whether less or more is better; `auto` knows by the figure's name. @defaultValue `'auto'` */
  readonly mode?: 'auto' | 'min' | 'max'
  /** Changes smaller than this are no improvement. */
  readonly minDelta?: number
}

const growing =
  /acc|auc|precision|recall|sensitivity|specificity|f1|fbeta|iou|r2|true_positives|true_negatives|pearson|concordance|cosine/
const shrinking = /loss|error|mse|mae|mape|msle|rmse|crossentropy|divergence|hinge|poisson|logcosh|log_cosh|huber|false_/

export const monitorDefaults = { monitor: 'val_loss', mode: 'auto', minDelta: 0 } as const

/** A callback that watches whether a figure improves. */
export abstract class MonitorCallback extends Callback {
  readonly monitor: string
  readonly #minDelta: number
  readonly #better: 'min' | 'max'
  /** The best value so far. */
  best: number | undefined
  #warned = false

  constructor({ monitor, mode, minDelta }: Filled<MonitorOptions, typeof monitorDefaults>) {
    super()
    this.monitor = monitor
    this.#minDelta = Math.abs(minDelta)
    const name = snakeCase(monitor)
    const guess = growing.test(name) ? 'max' : shrinking.test(name) ? 'min' : undefined
    if (mode === 'auto' && !guess) {
      throw new ValueError(
        `${new.target.name}: it is not known whether more or less '${monitor}' is better; give mode: 'min' or 'max'`,
      )
    }
    this.#better = mode === 'auto' ? guess! : mode
  }

  /** Whether `value` is better than `reference` by more than minDelta. */
  protected improves(value: number, reference: number | undefined): boolean {
    if (reference === undefined) return true
    return this.#better === 'max' ? value - this.#minDelta > reference : value + this.#minDelta < reference
  }

  /** The watched figure, or `undefined` (said once) where the logs lack it. */
  protected valueIn(logs: Logs): number | undefined {
    const value = figureIn(logs, this.monitor)
    if (value === undefined && !this.#warned) {
      this.#warned = true
      globalThis.console.warn(
        `${this.constructor.name}: no figure '${this.monitor}' in the logs, which have ${Object.keys(logs).join(', ')}`,
      )
    }
    return value
  }
}
