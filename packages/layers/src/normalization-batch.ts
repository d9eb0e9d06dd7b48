/** Normalization by statistics of the batch. */
import {
  formatShape,
  sameShape,
  ShapeError,
  update,
  updateKernel,
  ValueError,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import type { InitializerLike } from './initializers.ts'
import type { Defaults } from './layer-config.ts'
import type { CallContext } from './layer.ts'
import { ScaledNormalization, scaling, type ScaleOptions } from './normalization-base.ts'
import { normalizeBatch, scaleAndShift } from './normalize.ts'
import type { SymbolicShape } from './symbolic.ts'

export interface BatchNormalizationOptions extends ScaleOptions {
  /** The axis of the features. @defaultValue `-1` */
  readonly axis?: number
  /** How slowly the moving statistics move. @defaultValue `0.99` */
  readonly momentum?: number
  /** @defaultValue `'zeros'` */
  readonly movingMeanInitializer?: InitializerLike
  /** @defaultValue `'ones'` */
  readonly movingVarianceInitializer?: InitializerLike
  /** Accepted for configs of Keras: there is one device. @defaultValue `false` */
  readonly synchronized?: boolean
}

const average = updateKernel(['moving'], ['batch', 'momentum', 'share'], { moving: 'moving * momentum + batch * share' })

/**
 * `gamma · (x - mean) / √(variance + epsilon) + beta` for every feature (Ioffe and Szegedy, 2015): statistics of the
 * batch in training, which also move the moving ones; the moving ones otherwise. The variance is `Σ(x - mean)² / n`, so that of
 * a batch with one value a feature is 0. Elements whose mask is false do not count in the statistics.
 */
export class BatchNormalization extends ScaledNormalization<BatchNormalizationOptions> {
  static override readonly defaults = {
    axis: -1,
    momentum: 0.99,
    ...scaling,
    movingMeanInitializer: 'zeros',
    movingVarianceInitializer: 'ones',
    synchronized: false,
  } satisfies Defaults<BatchNormalizationOptions>
  static override readonly fixed = { renorm: false, renorm_clipping: null, renorm_momentum: 0.99 }
  movingMean!: Variable
  movingVariance!: Variable

  constructor(options: BatchNormalizationOptions = {}) {
    super(options)
    const { momentum } = this.options
    if (!(momentum >= 0 && momentum <= 1))
      throw new ValueError(`BatchNormalization: momentum must lie in [0, 1], got ${momentum}`, { momentum })
  }

  override build(inputShape: SymbolicShape): void {
    if (inputShape.length < 2)
      throw new ShapeError(`BatchNormalization: input ${formatShape(inputShape)}, expected at least [batch, features]`, {
        shape: inputShape,
      })
    super.build(inputShape)
    const shape = this.lengths(inputShape)
    this.movingMean = this.addWeight(shape, { ...this.weightOptions('movingMean'), trainable: false })
    this.movingVariance = this.addWeight(shape, { ...this.weightOptions('movingVariance'), trainable: false })
  }

  call(x: Tensor, { training, mask }: CallContext): Tensor {
    let [mean, variance]: Tensor[] = [this.movingMean, this.movingVariance]
    // A frozen layer keeps its statistics and uses them, as in Keras; a batch of no samples has none.
    if (training && this.trainable && x.size > 0) {
      ;[mean, variance] = this.#moments(x, mask as Tensor | undefined)
      this.#move(this.movingMean, mean)
      this.#move(this.movingVariance, variance)
      if (!mask && this.gamma && this.beta) {
        const [m, v, gamma, beta] = [mean, variance, this.gamma, this.beta].map((one) => this.along(one, x))
        return normalizeBatch(x, m, v, gamma, beta, { axes: this.#others(x), epsilon: this.options.epsilon })
      }
    }
    let factor = variance.add(this.options.epsilon).rsqrt()
    if (this.gamma) factor = factor.mul(this.gamma)
    const [m, f] = [this.along(mean, x), this.along(factor, x)]
    return this.beta ? scaleAndShift(x, m, f, this.along(this.beta, x)) : x.sub(m).mul(f)
  }

  /** The axes that statistics are taken over. */
  #others(x: Tensor): number[] {
    const features = this.axes(x.rank)
    return [...x.shape.keys()].filter((axis) => !features.includes(axis))
  }

  #moments(x: Tensor, mask: Tensor | undefined): [mean: Tensor, variance: Tensor] {
    const others = this.#others(x)
    if (!mask) {
      const mean = x.mean(others)
      return [mean, x.squaredDifference(this.along(mean, x)).mean(others)]
    }
    if (mask.rank !== x.rank - 1 || !sameShape(mask.shape, x.shape.slice(0, -1))) {
      throw new ShapeError(`BatchNormalization: a mask ${formatShape(mask.shape)} for the input ${formatShape(x.shape)}`, {
        mask: mask.shape,
        shape: x.shape,
      })
    }
    const weights = mask.expandDims(-1).cast(x.dtype).broadcastTo(x.shape)
    const count = weights.sum(others).add(1e-7)
    const mean = x.mul(weights).sum(others).div(count)
    return [mean, x.squaredDifference(this.along(mean, x)).mul(weights).sum(others).div(count)]
  }

  #move(moving: Variable, batch: Tensor): void {
    const { momentum } = this.options
    update(average, { moving }, { batch, momentum, share: 1 - momentum })
  }
}
