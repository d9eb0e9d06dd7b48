import type { Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import type { Defaults } from './layer-config.ts'
import { Layer } from './layer.ts'
import type { Mask } from './masks.ts'

export interface MaskingOptions extends FirstLayerOptions {
  /** @defaultValue `0` */
  readonly maskValue?: number
}

/** Steps whose features are all `maskValue` are set to 0, and the layers after this one skip them. */
export class Masking extends Layer<MaskingOptions> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  static override readonly defaults = { maskValue: 0 } satisfies Defaults<MaskingOptions>
  override readonly samplewise = true

  constructor(options: MaskingOptions = {}) {
    super(options)
    this.supportsMasking = true
  }

  call(x: Tensor): Tensor {
    return this.computeMask(x).expandDims(-1).where(x, 0)
  }

  override computeMask(x: Tensor): Mask & Tensor {
    return x.notEqual(this.options.maskValue).any(-1)
  }
}
