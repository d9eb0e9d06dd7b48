/** What layers of images have in common. */
import { random, ValueError, type Tensor } from '@typegrad/tensor'
import { positiveInteger, type CallContext } from '../layer.ts'
import { SpatialLayer, type SpatialOptions } from '../spatial.ts'
import type { SymbolicShape } from '../symbolic.ts'

/** A layer of images `[batch, height, width, channels]`, or of one image `[height, width, channels]`. */
export abstract class ImageLayer<O extends SpatialOptions> extends SpatialLayer<O> {
  static override readonly rank: number = 2

  override call(x: Tensor, context: CallContext): Tensor {
    return x.rank === 3 ? super.call(x.expandDims(0), context).squeeze(0) : super.call(x, context)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return inputShape.length === 3 ? super.computeOutputShape([1, ...inputShape]).slice(1) : super.computeOutputShape(inputShape)
  }
}

export interface SizeOptions extends SpatialOptions {
  /** The height of the result. */
  readonly height: number
  /** The width of the result. */
  readonly width: number
}

/** A layer that gives images of one size. */
export abstract class SizedImageLayer<O extends SizeOptions> extends ImageLayer<O> {
  constructor(options: O) {
    super(options)
    positiveInteger(this.options.height, this.kind, 'height')
    positiveInteger(this.options.width, this.kind, 'width')
  }

  protected get size(): readonly [height: number, width: number] {
    return [this.options.height, this.options.width]
  }

  protected outputLength(_length: number | null, axis: number): number {
    return this.size[axis]
  }

  /** The size does not depend on the input's, which may be unknown. */
  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    if (inputShape.length === 3) return this.computeOutputShape([1, ...inputShape]).slice(1)
    this.assertInput(inputShape)
    const { batch, channels } = this.parts(inputShape)
    return this.assemble(batch, this.size, channels)
  }
}

export interface RandomImageOptions extends SpatialOptions {
  /** Makes the draws the layer's own; without it they come from the global stream of `setSeed`. */
  readonly seed?: number | null
}

/** Moves or recolours images in training, each in its own way; otherwise gives them as they are. The result is float. */
export abstract class RandomImageLayer<O extends RandomImageOptions> extends ImageLayer<O> {
  readonly #own: random.Generator | undefined

  constructor(options: O) {
    super(options)
    this.#own = this.seeded(this.options.seed)
  }

  /** A number in [low, high) for each of the images, `[batch, 1, 1, 1]`. */
  protected draw(images: Tensor, [low, high]: readonly [number, number] = [0, 1]): Tensor {
    return (this.#own ?? random.globalGenerator()).uniform([images.shape[0], 1, 1, 1], { low, high })
  }

  /** The result in training. */
  protected abstract disturb(images: Tensor): Tensor

  protected compute(images: Tensor, { training }: CallContext): Tensor {
    const x = images.cast(this.dtype)
    return training ? this.disturb(x) : x
  }

  protected outputLength(length: number): number {
    return length
  }
}

/** A number f for `[-f, f]`, or two. */
export type Factor = number | readonly [number, number]

/** A range as `[low, high]`: a number f stands for `[-f, f]`; throws unless all lie in [least, most]. */
export function factorRange(
  layer: string,
  option: string,
  factor: number | readonly number[],
  [least, most]: readonly [number, number] = [-1, 1],
): readonly [number, number] {
  const given = typeof factor === 'number' ? [factor] : factor
  if (!Array.isArray(given) || given.length < 1 || given.length > 2 || !given.every((f) => f >= least && f <= most)) {
    throw new ValueError(`${layer}: ${option} must be a number in [${least}, ${most}] or two, got ${JSON.stringify(factor)}`, {
      [option]: factor,
    })
  }
  const ends = typeof factor === 'number' ? [-Math.abs(factor), Math.abs(factor)] : [Math.min(...given), Math.max(...given)]
  return [ends[0], ends[1]]
}
