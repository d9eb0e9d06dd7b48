/** Noise in training: a layer that does nothing otherwise. */
import { formatShape, random, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'
import { dropped, type FirstLayerOptions } from './core.ts'
import { required, type Defaults, type LayerConfig } from './layer-config.ts'
import { Layer, type CallContext } from './layer.ts'
import type { SpatialOptions } from './spatial.ts'
import type { SymbolicShape } from './symbolic.ts'

export interface NoiseOptions extends FirstLayerOptions {
  /** Makes the draws the layer's own; without it they come from the global stream of `setSeed`. */
  readonly seed?: number | null
}

abstract class Noise<O extends NoiseOptions> extends Layer<O> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  readonly #own: random.Generator | undefined

  constructor(options: O) {
    super(options)
    this.supportsMasking = true
    this.#own = this.seeded(options?.seed)
  }

  protected get generator(): random.Generator {
    return this.#own ?? random.globalGenerator()
  }

  /** Throws unless an option lies in [0, `most`], or below `most` if `open`. */
  protected between0And(most: number, option: keyof O & string, open = false): void {
    const value = this.options[option] as unknown as number
    if (!(value >= 0 && (open ? value < most : value <= most))) {
      const range = `[0, ${most}${open ? ')' : ']'}`
      throw new ValueError(`${this.constructor.name}: ${option} must lie in ${range}, got ${JSON.stringify(value)}`, {
        [option]: value,
      })
    }
  }

  /** The result in training. */
  protected abstract disturb(x: Tensor): Tensor

  call(x: Tensor, { training }: CallContext): Tensor {
    return training ? this.disturb(x) : x
  }
}

export interface GaussianNoiseOptions extends NoiseOptions {
  readonly stddev: number
}

/** In training `x + z` with normal `z` of mean 0 and this standard deviation. */
export class GaussianNoise extends Noise<GaussianNoiseOptions> {
  static override readonly defaults = { stddev: required, seed: null } satisfies Defaults<GaussianNoiseOptions>

  constructor(options: GaussianNoiseOptions) {
    super(options)
    this.between0And(1, 'stddev')
  }

  protected disturb(x: Tensor): Tensor {
    const { stddev } = this.options
    return stddev === 0 ? x : x.add(this.generator.normal(x.shape, { stddev }))
  }
}

export interface GaussianDropoutOptions extends NoiseOptions {
  /** The rate of the dropout that has this much noise. */
  readonly rate: number
}

/** In training `x · z` with normal `z` of mean 1 and standard deviation `√(rate / (1 - rate))` (Srivastava et al., 2014). */
export class GaussianDropout extends Noise<GaussianDropoutOptions> {
  static override readonly defaults = { rate: required, seed: null } satisfies Defaults<GaussianDropoutOptions>

  constructor(options: GaussianDropoutOptions) {
    super(options)
    this.between0And(1, 'rate', true)
  }

  protected disturb(x: Tensor): Tensor {
    const { rate } = this.options
    return rate === 0 ? x : x.mul(this.generator.normal(x.shape, { mean: 1, stddev: Math.sqrt(rate / (1 - rate)) }))
  }
}

export interface AlphaDropoutOptions extends NoiseOptions {
  /** The share of elements that are dropped. */
  readonly rate: number
  /** Axes of length 1 share their fate. */
  readonly noiseShape?: SymbolicShape | null
}

/** What SELU tends to below 0. */
const saturation = -1.7580993408473766

/**
 * In training sets each element to SELU's lower limit with probability `rate`, then scales and moves all so that mean 0 and
 * variance 1 are kept (Klambauer et al., 2017).
 */
export class AlphaDropout extends Noise<AlphaDropoutOptions> {
  static override readonly defaults = { rate: required, seed: null, noiseShape: null } satisfies Defaults<AlphaDropoutOptions>

  constructor(options: AlphaDropoutOptions) {
    super(options)
    this.between0And(1, 'rate', true)
  }

  protected disturb(x: Tensor): Tensor {
    const { rate, noiseShape } = this.options
    if (rate === 0) return x
    const kept = this.generator
      .uniform(noiseShape ? noiseShape.map((length, i) => length ?? x.shape[i]) : x.shape)
      .greaterEqual(rate)
    const a = ((1 - rate) * (1 + rate * saturation ** 2)) ** -0.5
    return kept
      .where(x, saturation)
      .mul(a)
      .add(-a * saturation * rate)
  }
}

export interface SpatialDropoutOptions extends NoiseOptions {
  /** The share of channels that are dropped. */
  readonly rate: number
}

/** In training sets each channel of a sample to 0 with probability `rate` and divides the others by `1 - rate`. */
abstract class SpatialDropout<O extends SpatialDropoutOptions & SpatialOptions> extends Noise<O> {
  /** The number of spatial axes. */
  protected abstract readonly rank: number

  constructor(options: O) {
    super(options)
    this.between0And(1, 'rate')
  }

  protected disturb(x: Tensor): Tensor {
    const { rate, dataFormat } = this.options as SpatialDropoutOptions & SpatialOptions
    if (x.rank !== this.rank + 2) {
      const kind = this.constructor.name
      throw new ShapeError(`${kind}: input ${formatShape(x.shape)}, expected ${this.rank + 2} axes`, { shape: x.shape })
    }
    const channels = /first$/i.test(dataFormat ?? '') ? 1 : x.rank - 1
    const noiseShape = x.shape.map((length, axis) => (axis === 0 || axis === channels ? length : 1))
    return rate === 0 ? x : dropped(x, rate, { generator: this.generator, noiseShape })
  }

  override getConfig(): LayerConfig {
    const { trainable: _, ...config } = super.getConfig()
    return { ...config, dtype: this.dtype }
  }
}

/** In training drops whole channels of `[batch, steps, channels]`: see {@link Dropout}. */
export class SpatialDropout1D extends SpatialDropout<SpatialDropoutOptions> {
  static override readonly defaults = { rate: required, seed: null } satisfies Defaults<SpatialDropoutOptions>
  protected readonly rank = 1
}

type Images = SpatialDropoutOptions & SpatialOptions

/** In training drops whole channels of `[batch, height, width, channels]`: see {@link Dropout}. */
export class SpatialDropout2D extends SpatialDropout<Images> {
  static override readonly defaults = { rate: required, seed: null, dataFormat: 'channelsLast' } satisfies Defaults<Images>
  protected readonly rank = 2
}

/** In training drops whole channels of `[batch, depth, height, width, channels]`: see {@link Dropout}. */
export class SpatialDropout3D extends SpatialDropout<Images> {
  static override readonly defaults = { rate: required, seed: null, dataFormat: 'channelsLast' } satisfies Defaults<Images>
  protected readonly rank = 3
}
