import { formatShape, ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import type { InitializerLike } from './initializers.ts'
import { Layer, type CallContext } from './layer.ts'
import type { SymbolicShape } from './symbolic.ts'

export interface BatchNormalizationOptions extends FirstLayerOptions {
  /** The axis of the features. @defaultValue `-1` */
  readonly axis?: number
  /** How slowly the moving statistics move. @defaultValue `0.99` */
  readonly momentum?: number
  /** @defaultValue `1e-3` */
  readonly epsilon?: number
  /** Adds a learned offset `beta`. @defaultValue `true` */
  readonly center?: boolean
  /** Multiplies by a learned factor `gamma`. @defaultValue `true` */
  readonly scale?: boolean
  readonly betaInitializer?: InitializerLike
  readonly gammaInitializer?: InitializerLike
  readonly movingMeanInitializer?: InitializerLike
  readonly movingVarianceInitializer?: InitializerLike
}

/**
 * `gamma · (x - mean) / √(variance + epsilon) + beta` for every feature (Ioffe and Szegedy, 2015): statistics of the
 * batch in training, which also move the moving ones; the moving ones otherwise.
 */
export class BatchNormalization extends Layer<BatchNormalizationOptions> {
  gamma?: Variable
  beta?: Variable
  movingMean!: Variable
  movingVariance!: Variable

  constructor(options: BatchNormalizationOptions = {}) {
    super(options)
    const { momentum = 0.99, epsilon = 1e-3 } = options
    if (!(momentum >= 0 && momentum <= 1))
      throw new ValueError(`BatchNormalization: momentum must lie in [0, 1], got ${momentum}`)
    if (!(epsilon > 0)) throw new ValueError(`BatchNormalization: epsilon must be positive, got ${epsilon}`)
  }

  override build(inputShape: SymbolicShape): void {
    const { axis = -1, center = true, scale = true } = this.options
    const length = inputShape.at(axis)
    if (typeof length !== 'number')
      throw new ValueError(`BatchNormalization: axis ${axis} of input ${formatShape(inputShape)} has no known length`)
    const options = this.options
    if (scale) this.gamma = this.addWeight([length], { initializer: options.gammaInitializer ?? 'ones' })
    if (center) this.beta = this.addWeight([length], { initializer: options.betaInitializer ?? 'zeros' })
    this.movingMean = this.addWeight([length], { initializer: options.movingMeanInitializer ?? 'zeros', trainable: false })
    this.movingVariance = this.addWeight([length], { initializer: options.movingVarianceInitializer ?? 'ones', trainable: false })
  }

  call(x: Tensor, { training }: CallContext): Tensor {
    const { axis = -1, epsilon = 1e-3 } = this.options
    const at = axis < 0 ? axis + x.rank : axis
    const others = [...x.shape.keys()].filter((i) => i !== at)
    const shaped = (weight: Tensor): Tensor =>
      at === x.rank - 1 ? weight : weight.reshape(x.shape.map((length, i) => (i === at ? length : 1)))
    let [mean, variance]: Tensor[] = [this.movingMean, this.movingVariance]
    // A frozen layer keeps its statistics and uses them, as in Keras.
    if (training && this.trainable) {
      mean = x.mean(others)
      variance = x.squaredDifference(shaped(mean)).mean(others)
      this.#move(this.movingMean, mean)
      this.#move(this.movingVariance, variance)
    }
    let scale = variance.add(epsilon).rsqrt()
    if (this.gamma) scale = scale.mul(this.gamma)
    const y = x.sub(shaped(mean)).mul(shaped(scale))
    return this.beta ? y.add(shaped(this.beta)) : y
  }

  #move(moving: Variable, batch: Tensor): void {
    const { momentum = 0.99 } = this.options
    moving.assign(moving.mul(momentum).add(batch.stopGradient().mul(1 - momentum)))
  }
}
