/** Penalties of what passes through. */
import { ValueError, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import type { Defaults } from './layer-config.ts'
import { Layer } from './layer.ts'

export interface ActivityRegularizationOptions extends FirstLayerOptions {
  /** Factor of `Σ|x|`. @defaultValue `0` */
  readonly l1?: number
  /** Factor of `Σx²`. @defaultValue `0` */
  readonly l2?: number
}

/** x itself; adds `(l1 · Σ|x| + l2 · Σx²) / batch` to the loss. */
export class ActivityRegularization extends Layer<ActivityRegularizationOptions> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  static override readonly defaults = { l1: 0, l2: 0 } satisfies Defaults<ActivityRegularizationOptions>
  override readonly samplewise = true

  constructor(options: ActivityRegularizationOptions = {}) {
    super(options)
    this.supportsMasking = true
    for (const name of ['l1', 'l2'] as const) {
      if (!(this.options[name] >= 0))
        throw new ValueError(`ActivityRegularization: ${name} must be a number ≥ 0, got ${JSON.stringify(this.options[name])}`)
    }
  }

  call(x: Tensor): Tensor {
    const { l1, l2 } = this.options
    const penalty = x.abs().sum().mul(l1).add(x.square().sum().mul(l2))
    this.addLoss(penalty.div(Math.max(1, x.shape[0])))
    return x
  }
}
