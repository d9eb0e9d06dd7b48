import type { Model } from '../model.ts'
import type { TrainingRun } from '../fit.ts'
import type { State } from '../storage.ts'
import { describe, snakeCase, ValueError } from '@typegrad/tensor'

/** Figures by name, as they appear in progress lines and histories. */
export type Logs = Record<string, number>

/** The figure of this name, in Keras' spelling (`val_loss`) or ours (`valLoss`). */
export const figureIn = (logs: Logs, name: string): number | undefined => logs[name] ?? logs[snakeCase(name)]

/** Told of every stage of `fit`, `evaluate` and `predict`. A hook may be asynchronous. */
export abstract class Callback {
  /** The model that is trained; set before the first hook. */
  model!: Model
  /** How `fit` was called. */
  params: FitParams = { epochs: 0, steps: 0, verbose: 0 }

  /** @internal How far `fit` is. */
  run: TrainingRun | undefined

  /** @internal Called after every `onTrainBegin`, by a callback that lets `fit` go on from a checkpoint. */
  restore(_callbacks: readonly Callback[]): void | Promise<void> {}

  /** @internal Called when all callbacks have been told of the end of a batch, or of an epoch. */
  settled(_what: 'batch' | 'epoch'): void | Promise<void> {}

  /** @internal Called where `fit` ends by an error, in place of {@link onTrainEnd}: gives back what is open. */
  abandon(): void | Promise<void> {}

  /** @internal Whether batch figures are wanted now. */
  due(): boolean {
    return true
  }

  /** What the callback remembers between epochs, for a checkpoint; `undefined` for nothing. */
  getState(): State | undefined {
    return undefined
  }

  /** Puts back what {@link getState} gave. `fit` calls it after every `onTrainBegin`. */
  setState(_state: State): void {}

  onTrainBegin(_logs: Logs): void | Promise<void> {}
  onTrainEnd(_logs: Logs): void | Promise<void> {}
  onEpochBegin(_epoch: number, _logs: Logs): void | Promise<void> {}
  onEpochEnd(_epoch: number, _logs: Logs): void | Promise<void> {}
  onTrainBatchBegin(_batch: number, _logs: Logs): void | Promise<void> {}
  onTrainBatchEnd(_batch: number, _logs: Logs): void | Promise<void> {}
  onTestBegin(_logs: Logs): void | Promise<void> {}
  onTestEnd(_logs: Logs): void | Promise<void> {}
  onTestBatchBegin(_batch: number, _logs: Logs): void | Promise<void> {}
  onTestBatchEnd(_batch: number, _logs: Logs): void | Promise<void> {}
  onPredictBegin(_logs: Logs): void | Promise<void> {}
  onPredictEnd(_logs: Logs): void | Promise<void> {}
  onPredictBatchBegin(_batch: number, _logs: Logs): void | Promise<void> {}
  onPredictBatchEnd(_batch: number, _logs: Logs): void | Promise<void> {}
}

export interface FitParams {
  readonly epochs: number
  readonly steps: number
  readonly verbose: 0 | 1 | 2
}

type Hook = Extract<keyof Callback, `on${string}`>

/** Callbacks as they are given: none, one, or a list. */
export function callbacksOf(given: Callback | readonly Callback[] | undefined): readonly Callback[] {
  const list = given === undefined ? [] : Array.isArray(given) ? (given as readonly Callback[]) : [given as Callback]
  const wrong: unknown = list.find((callback) => !(callback instanceof Callback))
  if (wrong === undefined) return list
  throw new ValueError(
    `callbacks: expected callbacks, such as new EarlyStopping() or new LambdaCallback({ onEpochEnd }), got ${describe(wrong)}`,
  )
}

/** Calls one hook of several callbacks in order, skipping those that leave it alone. */
export class CallbackList {
  readonly #callbacks: readonly Callback[]
  readonly #settled: readonly Callback[]

  constructor(callbacks: readonly Callback[], model: Model, params: FitParams) {
    this.#callbacks = callbacks
    this.#settled = callbacks.filter((callback) => callback.settled !== Callback.prototype.settled)
    for (const callback of callbacks) {
      callback.model = model
      callback.params = params
    }
  }

  set run(run: TrainingRun | undefined) {
    for (const callback of this.#callbacks) callback.run = run
  }

  /** Lets the callbacks that can go on from a checkpoint. */
  async restore(): Promise<void> {
    for (const callback of this.#callbacks) await callback.restore(this.#callbacks)
  }

  /** All hooks of a batch, or of an epoch, have been called. */
  settle(what: 'batch' | 'epoch'): void | Promise<void> {
    if (this.#settled.length > 0) return this.#settleAll(what)
  }

  async #settleAll(what: 'batch' | 'epoch'): Promise<void> {
    for (const callback of this.#settled) await callback.settled(what)
  }

  /** A promise only where a callback is asynchronous: waiting for nothing would cost more than a small step. */
  call<H extends Hook>(hook: H, ...args: Parameters<Callback[H]>): void | Promise<void> {
    return this.#callFrom(0, hook, args)
  }

  #callFrom<H extends Hook>(first: number, hook: H, args: Parameters<Callback[H]>): void | Promise<void> {
    for (let i = first; i < this.#callbacks.length; i++) {
      const callback = this.#callbacks[i]
      if (callback[hook] === Callback.prototype[hook]) continue
      const result = (callback[hook] as (...all: unknown[]) => void | Promise<void>).apply(callback, args)
      if (result) return result.then(() => this.#callFrom(i + 1, hook, args))
    }
  }

  /** Whether a callback wants the figures after this batch; reading them every time would cost more than a small step. */
  wantsBatchLogs(): boolean {
    return this.#callbacks.some((callback) => callback.onTrainBatchEnd !== Callback.prototype.onTrainBatchEnd && callback.due())
  }

  /** Whether any callback listens to the hook. */
  has(hook: Hook): boolean {
    return this.#callbacks.some((callback) => callback[hook] !== Callback.prototype[hook])
  }
}

/** The figures of every epoch: what `fit` returns. */
export class History extends Callback {
  /** One list per figure, an entry per epoch. */
  readonly history: Record<string, number[]> = {}
  /** The numbers of the epochs, from 0. */
  readonly epoch: number[] = []

  override getState(): State {
    return { epoch: this.epoch, history: this.history }
  }

  override setState(state: State): void {
    const { epoch, history } = state as unknown as History
    this.epoch.splice(0, Infinity, ...epoch)
    for (const [name, values] of Object.entries(history)) this.history[name] = [...values]
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch)
    for (const [name, value] of Object.entries(logs)) (this.history[name] ??= []).push(value)
  }

  /** The record of figures alone. */
  toJSON(): { epoch: number[]; history: Record<string, number[]> } {
    return { epoch: this.epoch, history: this.history }
  }
}
