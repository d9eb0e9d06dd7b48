/** Callbacks of a few lines. */
import { standardOutput } from '../output.ts'
import { Callback, type Logs } from './callback.ts'

/** Stops `fit` at the first batch whose loss is not finite. */
export class TerminateOnNaN extends Callback {
  override onTrainBatchEnd(batch: number, logs: Logs): void {
    if (Number.isFinite(logs['loss'])) return
    standardOutput().print(`Batch ${batch}: the loss is ${logs['loss']}, training stops`)
    this.model.stopTraining = true
  }
}

type Hooks = { readonly [K in Extract<keyof Callback, `on${string}`>]?: Callback[K] }

/** A callback from functions: `new LambdaCallback({ onEpochEnd: (epoch, logs) => … })`. */
export class LambdaCallback extends Callback {
  constructor(hooks: Hooks) {
    super()
    Object.assign(this, hooks)
  }
}
