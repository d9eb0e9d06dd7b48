/** Images recoloured at random in training. */
import { ValueError, type Tensor } from '@typegrad/tensor'
import { required, type Defaults } from '../layer-config.ts'
import { factorRange, RandomImageLayer, type Factor, type RandomImageOptions } from './image-layer.ts'

export interface RandomColorOptions extends RandomImageOptions {
  readonly factor: Factor
  /** The smallest and the largest value of a pixel, to which results are limited. @defaultValue `[0, 255]` */
  readonly valueRange?: readonly [number, number]
}

abstract class RandomColor extends RandomImageLayer<RandomColorOptions> {
  static override readonly defaults: Defaults<RandomColorOptions> = {
    factor: required,
    valueRange: [0, 255],
    seed: null,
    dataFormat: 'channelsLast',
  }

  constructor(options: RandomColorOptions) {
    super(options)
    const { valueRange } = this.options
    if (!Array.isArray(valueRange) || valueRange.length !== 2 || !(valueRange[0] < valueRange[1]))
      throw new ValueError(`${this.kind}: valueRange must be two numbers, low and high, got ${JSON.stringify(valueRange)}`, {
        valueRange,
      })
  }

  /** Images recoloured, each by a number from a range. */
  protected abstract recolor(images: Tensor, factor: readonly [number, number]): Tensor

  protected disturb(images: Tensor): Tensor {
    const { factor, valueRange } = this.options
    return this.recolor(images, factor as readonly [number, number]).clip(...valueRange)
  }
}

/**
 * In training `(x - mean) · c + mean` with the mean of each channel of an image, and c from `[1 - factor, 1 + factor]`, or from
 * `[1 - factor₀, 1 + factor₁]`.
 */
export class RandomContrast extends RandomColor {
  constructor(options: RandomColorOptions) {
    const { factor } = options
    factorRange('RandomContrast', 'factor', factor, [0, 1])
    super({ ...options, factor: typeof factor === 'number' ? [factor, factor] : factor })
  }

  protected recolor(images: Tensor, [less, more]: readonly [number, number]): Tensor {
    const mean = images.mean([1, 2], { keepdims: true })
    return images
      .sub(mean)
      .mul(this.draw(images, [1 - less, 1 + more]))
      .add(mean)
  }
}

/** In training adds to all pixels of an image one share of the range of values, from `[-factor, factor]` or between two factors. */
export class RandomBrightness extends RandomColor {
  constructor(options: RandomColorOptions) {
    super({ ...options, factor: factorRange('RandomBrightness', 'factor', options.factor) })
  }

  protected recolor(images: Tensor, factor: readonly [number, number]): Tensor {
    const [low, high] = this.options.valueRange
    return images.add(this.draw(images, factor).mul(high - low))
  }
}
