/** Pooling over one, two and three axes: windows, everything, and to a given size. */
import { outputLength, tensor, type PerAxis, type Tensor } from '@typegrad/tensor'
import { required, type Defaults } from './layer-config.ts'
import type { CallContext } from './layer.ts'
import { assertName, multiplyAxis, SpatialLayer, type SpatialOptions } from './spatial.ts'
import type { SymbolicShape } from './symbolic.ts'

export interface PoolingOptions extends SpatialOptions {
  /** The lengths of the window. @defaultValue `2` */
  readonly poolSize?: PerAxis
  /** How far the window moves. @defaultValue `poolSize` */
  readonly strides?: PerAxis | null
  /** `'same'`: windows may reach beyond the edge, where nothing counts. @defaultValue `'valid'` */
  readonly padding?: 'valid' | 'same'
}

abstract class Pooling extends SpatialLayer<PoolingOptions> {
  static override readonly sizes = { poolSize: 1, strides: 1 }
  static override readonly defaults: Defaults<PoolingOptions> = {
    poolSize: 2,
    padding: 'valid',
    strides: null,
    dataFormat: 'channelsLast',
  }

  protected readonly window: readonly number[]
  protected readonly moves: { readonly strides: readonly number[]; readonly padding: 'valid' | 'same' }

  constructor(options: PoolingOptions = {}) {
    super({ ...options, strides: options.strides ?? options.poolSize ?? 2 })
    const { poolSize, strides, padding } = this.options
    this.window = poolSize as readonly number[]
    this.moves = { strides: strides as readonly number[], padding }
    assertName(this.kind, 'padding', padding, ['valid', 'same'])
  }

  protected outputLength(length: number, axis: number): number {
    const { strides, padding } = this.moves
    return outputLength(length, axis, { size: this.window[axis], stride: strides[axis], dilation: 1, padding }, this.kind)
  }
}

/** The largest element of each window, for every channel. */
abstract class MaxPooling extends Pooling {
  static override readonly keepsIntegers = true
  protected compute(x: Tensor): Tensor {
    return x.maxPool(this.window, this.moves)
  }
}

/** The largest of each window of `[batch, steps, channels]`. */
export class MaxPooling1D extends MaxPooling {
  static override readonly rank = 1
}

/** The largest of each window of `[batch, height, width, channels]`. */
export class MaxPooling2D extends MaxPooling {
  static override readonly rank = 2
}

/** The largest of each window of `[batch, depth, height, width, channels]`. */
export class MaxPooling3D extends MaxPooling {
  static override readonly rank = 3
}

/** The mean of each window, for every channel. */
abstract class AveragePooling extends Pooling {
  protected compute(x: Tensor): Tensor {
    return x.averagePool(this.window, this.moves)
  }
}

/** The mean of each window of `[batch, steps, channels]`. */
export class AveragePooling1D extends AveragePooling {
  static override readonly rank = 1
}

/** The mean of each window of `[batch, height, width, channels]`. */
export class AveragePooling2D extends AveragePooling {
  static override readonly rank = 2
}

/** The mean of each window of `[batch, depth, height, width, channels]`. */
export class AveragePooling3D extends AveragePooling {
  static override readonly rank = 3
}

export interface GlobalPoolingOptions extends SpatialOptions {
  /** Keep the spatial axes, with length 1. @defaultValue `false` */
  readonly keepdims?: boolean
}

abstract class GlobalPooling extends SpatialLayer<GlobalPoolingOptions> {
  static override readonly defaults: Defaults<GlobalPoolingOptions> = { dataFormat: 'channelsLast', keepdims: false }

  protected get axes(): number[] {
    return Array.from({ length: this.rank }, (_, axis) => axis + 1)
  }

  protected get reduction(): { keepdims: boolean } {
    return { keepdims: this.options.keepdims }
  }

  protected outputLength(): number {
    return 1
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    this.assertInput(inputShape)
    const { batch, spatial, channels } = this.parts(inputShape)
    return this.options.keepdims
      ? this.assemble(
          batch,
          spatial.map(() => 1),
          channels,
        )
      : [batch, channels]
  }
}

/** The largest element of every channel. */
abstract class GlobalMaxPooling extends GlobalPooling {
  static override readonly keepsIntegers = true
  protected compute(x: Tensor): Tensor {
    return x.max(this.axes, this.reduction)
  }
}

/** The largest of all steps, for every channel. */
export class GlobalMaxPooling1D extends GlobalMaxPooling {
  static override readonly rank = 1
}

/** The largest of the whole image, for every channel. */
export class GlobalMaxPooling2D extends GlobalMaxPooling {
  static override readonly rank = 2
}

/** The largest of the whole volume, for every channel. */
export class GlobalMaxPooling3D extends GlobalMaxPooling {
  static override readonly rank = 3
}

/** The mean of every channel. */
abstract class GlobalAveragePooling extends GlobalPooling {
  protected compute(x: Tensor, _context: CallContext): Tensor {
    return x.mean(this.axes, this.reduction)
  }
}

/** The mean of all steps, for every channel; of those that the mask holds, if there is one, which ends here. */
export class GlobalAveragePooling1D extends GlobalAveragePooling {
  static override readonly rank = 1
  override supportsMasking = true

  protected override compute(x: Tensor, context: CallContext): Tensor {
    if (!context.mask) return super.compute(x, context)
    const held = (context.mask as Tensor).expandDims(-1)
    return held.where(x, 0).sum(1, this.reduction).div(held.cast(x.dtype).sum(1, this.reduction))
  }

  override computeMask(): undefined {}
}

/** The mean of the whole image, for every channel. */
export class GlobalAveragePooling2D extends GlobalAveragePooling {
  static override readonly rank = 2
}

/** The mean of the whole volume, for every channel. */
export class GlobalAveragePooling3D extends GlobalAveragePooling {
  static override readonly rank = 3
}

export interface AdaptivePoolingOptions extends SpatialOptions {
  /** The lengths of the result. */
  readonly outputSize: PerAxis
}

/** Windows as even as can be: output `i` of `n` sees the elements from `⌊i·length / n⌋` to before `⌈(i + 1)·length / n⌉`. */
const adaptiveWindows = (length: number, n: number): { start: number; end: number }[] =>
  Array.from({ length: n }, (_, i) => ({ start: Math.floor((i * length) / n), end: Math.ceil(((i + 1) * length) / n) }))

abstract class AdaptivePooling extends SpatialLayer<AdaptivePoolingOptions> {
  static override readonly sizes = { outputSize: 1 }
  static override readonly defaults: Defaults<AdaptivePoolingOptions> = { outputSize: required, dataFormat: 'channelsLast' }

  protected get outputSize(): readonly number[] {
    return this.options.outputSize as readonly number[]
  }

  protected outputLength(_length: number, axis: number): number {
    return this.outputSize[axis]
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    this.assertInput(inputShape)
    const { batch, channels } = this.parts(inputShape)
    return this.assemble(batch, this.outputSize, channels)
  }
}

/** The mean of `outputSize` even windows: one matrix product for each axis. */
abstract class AdaptiveAveragePooling extends AdaptivePooling {
  protected compute(x: Tensor): Tensor {
    return this.outputSize.reduce((y, n, i) => {
      const length = y.shape[i + 1]
      const shares = new Float64Array(length * n)
      adaptiveWindows(length, n).forEach(({ start, end }, o) => {
        for (let at = start; at < end; at++) shares[at * n + o] = 1 / (end - start)
      })
      return multiplyAxis(y, i + 1, tensor(shares, { shape: [length, n], dtype: x.dtype === 'float64' ? 'float64' : 'float32' }))
    }, x)
  }
}

/** Adaptive average pooling of `[batch, steps, channels]`. */
export class AdaptiveAveragePooling1D extends AdaptiveAveragePooling {
  static override readonly rank = 1
}

/** Adaptive average pooling of `[batch, height, width, channels]`. */
export class AdaptiveAveragePooling2D extends AdaptiveAveragePooling {
  static override readonly rank = 2
}

/** Adaptive average pooling of `[batch, depth, height, width, channels]`. */
export class AdaptiveAveragePooling3D extends AdaptiveAveragePooling {
  static override readonly rank = 3
}

/** The largest of `outputSize` even windows: these are laid side by side, the shorter ones with their last element repeated. */
abstract class AdaptiveMaxPooling extends AdaptivePooling {
  static override readonly keepsIntegers = true
  protected compute(x: Tensor): Tensor {
    const sizes: number[] = []
    const spread = this.outputSize.reduce((y, n, i) => {
      const windows = adaptiveWindows(y.shape[i + 1], n)
      const size = Math.max(...windows.map(({ start, end }) => end - start))
      sizes.push(size)
      const positions = windows.flatMap(({ start, end }) => Array.from({ length: size }, (_, k) => Math.min(start + k, end - 1)))
      return y.take(positions, i + 1)
    }, x)
    return spread.maxPool(sizes)
  }
}

/** Adaptive max pooling of `[batch, steps, channels]`. */
export class AdaptiveMaxPooling1D extends AdaptiveMaxPooling {
  static override readonly rank = 1
}

/** Adaptive max pooling of `[batch, height, width, channels]`. */
export class AdaptiveMaxPooling2D extends AdaptiveMaxPooling {
  static override readonly rank = 2
}

/** Adaptive max pooling of `[batch, depth, height, width, channels]`. */
export class AdaptiveMaxPooling3D extends AdaptiveMaxPooling {
  static override readonly rank = 3
}
