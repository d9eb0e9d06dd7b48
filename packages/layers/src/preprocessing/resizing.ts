/** Images brought to one size. */
import { arange, interpolations, random, resize, ValueError, type Interpolation, type Tensor } from '@typegrad/tensor'
import { required, type Defaults } from '../layer-config.ts'
import type { CallContext } from '../layer.ts'
import { assertName } from '../spatial.ts'
import { cropMiddle, cropToProportions, padToProportions } from './image.ts'
import { SizedImageLayer, type SizeOptions } from './image-layer.ts'

export interface ResizingOptions extends SizeOptions {
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: Interpolation
  /** Whether to cut off what does not have the size's proportions, rather than distort. @defaultValue `false` */
  readonly cropToAspectRatio?: boolean
  /** Whether to add what lacks to the size's proportions, rather than distort. @defaultValue `false` */
  readonly padToAspectRatio?: boolean
  /** What is added. @defaultValue `0` */
  readonly fillValue?: number
  /** Whether a smaller image is made of all pixels. @defaultValue `false` */
  readonly antialias?: boolean
}

/** Images resized, of their dtype: integers are rounded. */
export class Resizing extends SizedImageLayer<ResizingOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = {
    height: required,
    width: required,
    interpolation: 'bilinear',
    cropToAspectRatio: false,
    padToAspectRatio: false,
    fillValue: 0,
    antialias: false,
    dataFormat: 'channelsLast',
  } satisfies Defaults<ResizingOptions>
  static override readonly fixed = { fill_mode: 'constant' }

  constructor(options: ResizingOptions) {
    super(options)
    const { interpolation, cropToAspectRatio, padToAspectRatio } = this.options
    assertName('Resizing', 'interpolation', interpolation, interpolations)
    if (cropToAspectRatio && padToAspectRatio)
      throw new ValueError('Resizing: cropToAspectRatio and padToAspectRatio exclude each other')
  }

  protected compute(x: Tensor): Tensor {
    const { cropToAspectRatio, padToAspectRatio, fillValue, interpolation, antialias } = this.options
    const images = cropToAspectRatio
      ? cropToProportions(x, this.size)
      : padToAspectRatio
        ? padToProportions(x, this.size, fillValue)
        : x
    return resize(images, this.size, { interpolation, antialias })
  }
}

/** The largest window in the middle that has the proportions of `size`, at that size. */
const fit = (images: Tensor, size: readonly [number, number]): Tensor => resize(cropToProportions(images, size), size)

const isLarger = (images: Tensor, size: readonly number[]): boolean => size.every((n, i) => images.shape[i + 1] >= n)

/** The pixels in the middle; of images that are too small, the largest window of the size's proportions, resized. */
export class CenterCrop extends SizedImageLayer<SizeOptions> {
  static override readonly defaults = {
    height: required,
    width: required,
    dataFormat: 'channelsLast',
  } satisfies Defaults<SizeOptions>

  protected compute(x: Tensor): Tensor {
    const images = x.cast(this.dtype)
    return isLarger(images, this.size) ? cropMiddle(images, this.size) : fit(images, this.size)
  }
}

export interface RandomCropOptions extends SizeOptions {
  /** Makes the draws the layer's own; without it they come from the global stream of `setSeed`. */
  readonly seed?: number | null
}

/**
 * In training a window at random, the same for all images of a batch; otherwise, and where the images are too small, the
 * largest window in the middle of the size's proportions, resized.
 */
export class RandomCrop extends SizedImageLayer<RandomCropOptions> {
  static override readonly defaults = {
    height: required,
    width: required,
    seed: null,
    dataFormat: 'channelsLast',
  } satisfies Defaults<RandomCropOptions>
  readonly #own: random.Generator | undefined

  constructor(options: RandomCropOptions) {
    super(options)
    this.#own = this.seeded(this.options.seed)
  }

  protected compute(x: Tensor, { training }: CallContext): Tensor {
    const images = x.cast(this.dtype)
    if (!training || !isLarger(images, this.size)) return fit(images, this.size)
    return this.size.reduce((window, n, i) => {
      const start = (this.#own ?? random.globalGenerator()).integers([1], { high: window.shape[i + 1] - n + 1 })
      return window.take(start.add(arange(n, { dtype: 'int32' })), i + 1)
    }, images)
  }
}
