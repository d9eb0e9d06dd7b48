/** Images flipped and moved at random in training. */
import { full, stack, ValueError, type Tensor } from '@typegrad/tensor'
import { required, type Defaults } from '../layer-config.ts'
import { assertName } from '../spatial.ts'
import { option } from './encode.ts'
import { affineTransform, fillModes, type AffineOptions } from './image.ts'
import { factorRange, RandomImageLayer, type Factor, type RandomImageOptions } from './image-layer.ts'

type Flips = 'horizontal' | 'vertical' | 'horizontalAndVertical'

export interface RandomFlipOptions extends RandomImageOptions {
  /** @defaultValue `'horizontalAndVertical'` */
  readonly mode?: Flips | 'horizontal_and_vertical'
}

/** In training flips every second image on average: left and right, top and bottom, or both at once. */
export class RandomFlip extends RandomImageLayer<RandomFlipOptions> {
  static override readonly defaults = {
    mode: 'horizontalAndVertical',
    seed: null,
    dataFormat: 'channelsLast',
  } satisfies Defaults<RandomFlipOptions>
  readonly #axes: readonly number[]

  constructor(options: RandomFlipOptions = {}) {
    super(options)
    const mode = option<Flips>('RandomFlip', 'mode', this.options.mode, ['horizontal', 'vertical', 'horizontalAndVertical'])
    this.#axes = { horizontal: [2], vertical: [1], horizontalAndVertical: [1, 2] }[mode]
  }

  protected disturb(images: Tensor): Tensor {
    return this.draw(images).lessEqual(0.5).where(images.flip(this.#axes), images)
  }
}

/** A layer that moves pixels. */
abstract class RandomAffine<O extends RandomImageOptions & AffineOptions> extends RandomImageLayer<O> {
  constructor(options: O) {
    super(options)
    const { interpolation, fillMode } = this.options as Required<AffineOptions>
    assertName(this.kind, 'interpolation', interpolation, ['nearest', 'bilinear'])
    assertName(this.kind, 'fillMode', fillMode, fillModes)
  }

  /** `a₀ a₁ a₂ b₀ b₁ b₂` for each image, as tensors `[batch, 1, 1, 1]` or numbers. */
  protected abstract transform(images: Tensor): readonly (Tensor | number)[]

  protected disturb(images: Tensor): Tensor {
    const shape = [images.shape[0]]
    const columns = this.transform(images).map((entry) => (typeof entry === 'number' ? full(shape, entry) : entry.reshape(shape)))
    return affineTransform(images, stack(columns, 1), this.options)
  }
}

const affineDefaults = {
  fillMode: 'reflect',
  interpolation: 'bilinear',
  seed: null,
  fillValue: 0,
  dataFormat: 'channelsLast',
} as const

export interface RandomRotationOptions extends RandomImageOptions, AffineOptions {
  /** The range of the angle as a share of a whole turn; positive is counter-clockwise. */
  readonly factor: Factor
}

/** In training turns each image around its middle by an angle of `factor · 2π`. */
export class RandomRotation extends RandomAffine<RandomRotationOptions> {
  static override readonly defaults = { factor: required, ...affineDefaults } satisfies Defaults<RandomRotationOptions>

  constructor(options: RandomRotationOptions) {
    super({ ...options, factor: factorRange('RandomRotation', 'factor', options.factor) })
  }

  protected transform(images: Tensor): readonly Tensor[] {
    const angle = this.draw(images, this.options.factor as readonly [number, number]).mul(2 * Math.PI)
    const [sin, cos] = [angle.sin(), angle.cos()]
    const [y, x] = images.shape.slice(1, 3).map((length) => (length - 1) / 2)
    // The middle (x, y) stays where it is.
    return [cos, sin.neg(), cos.mul(-x).add(sin.mul(y)).add(x), sin, cos, sin.mul(-x).sub(cos.mul(y)).add(y)]
  }
}

export interface RandomTranslationOptions extends RandomImageOptions, AffineOptions {
  /** The range of the move as a share of the height; positive is down. */
  readonly heightFactor: Factor
  /** The range of the move as a share of the width; positive is to the right. */
  readonly widthFactor: Factor
}

/** In training moves each image. */
export class RandomTranslation extends RandomAffine<RandomTranslationOptions> {
  static override readonly defaults = {
    heightFactor: required,
    widthFactor: required,
    ...affineDefaults,
  } satisfies Defaults<RandomTranslationOptions>
  readonly #ranges: readonly (readonly [number, number])[]

  constructor(options: RandomTranslationOptions) {
    super(options)
    const { heightFactor, widthFactor } = this.options
    this.#ranges = [
      factorRange('RandomTranslation', 'heightFactor', heightFactor),
      factorRange('RandomTranslation', 'widthFactor', widthFactor),
    ]
  }

  protected transform(images: Tensor): readonly (Tensor | number)[] {
    const [dy, dx] = this.#ranges.map((range, i) => this.draw(images, range).mul(-images.shape[i + 1]))
    return [1, 0, dx, 0, 1, dy]
  }
}

export interface RandomZoomOptions extends RandomImageOptions, AffineOptions {
  /** The range by which the height that is seen changes; positive zooms out. */
  readonly heightFactor: Factor
  /** The same for the width. @defaultValue `null`: as the height, keeping the proportions */
  readonly widthFactor?: Factor | null
}

/** In training shows `1 + factor` times as much of each image, around its middle. */
export class RandomZoom extends RandomAffine<RandomZoomOptions> {
  static override readonly defaults = {
    heightFactor: required,
    widthFactor: null,
    ...affineDefaults,
  } satisfies Defaults<RandomZoomOptions>
  readonly #ranges: readonly (readonly [number, number])[]

  constructor(options: RandomZoomOptions) {
    super(options)
    const { heightFactor, widthFactor } = this.options
    const range = (name: string, factor: Factor): readonly [number, number] => {
      const [low, high] = factorRange('RandomZoom', name, factor)
      if ([factor].flat().includes(-1))
        throw new ValueError(`RandomZoom: ${name} must be larger than -1, got ${JSON.stringify(factor)}`)
      return [1 + low, 1 + high]
    }
    this.#ranges = [range('heightFactor', heightFactor), ...(widthFactor === null ? [] : [range('widthFactor', widthFactor)])]
  }

  protected transform(images: Tensor): readonly (Tensor | number)[] {
    const zooms = this.#ranges.map((range) => this.draw(images, range))
    const [y, x] = images.shape.slice(1, 3).map((length) => (length - 1) / 2)
    const [zy, zx] = [zooms[0], zooms.at(-1)!]
    return [zx, 0, zx.neg().add(1).mul(x), 0, zy, zy.neg().add(1).mul(y)]
  }
}
