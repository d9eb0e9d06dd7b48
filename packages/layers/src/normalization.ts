/** Layers that bring their inputs to mean 0 and variance 1, or to length 1. */
import { formatShape, normalizeAxes, ShapeError, sameShape, ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import type { ConstraintLike } from './constraints.ts'
import type { InitializerLike } from './initializers.ts'
import type { Defaults, Full, LayerConfig } from './layer-config.ts'
import { Layer, type CallContext } from './layer.ts'
import type { RegularizerLike } from './regularizers.ts'
import { unit } from './merging.ts'
import type { SymbolicShape } from './symbolic.ts'

/** The learned factor and offset after a normalization. */
export interface ScaleOptions extends FirstLayerOptions {
  /** Added to the variance. @defaultValue `1e-3` */
  readonly epsilon?: number
  /** Adds a learned offset `beta`. @defaultValue `true` */
  readonly center?: boolean
  /** Multiplies by a learned factor `gamma`. @defaultValue `true` */
  readonly scale?: boolean
  /** @defaultValue `'zeros'` */
  readonly betaInitializer?: InitializerLike
  /** @defaultValue `'ones'` */
  readonly gammaInitializer?: InitializerLike
  readonly betaRegularizer?: RegularizerLike | null
  readonly gammaRegularizer?: RegularizerLike | null
  readonly betaConstraint?: ConstraintLike | null
  readonly gammaConstraint?: ConstraintLike | null
}

const scaling = {
  epsilon: 1e-3,
  center: true,
  scale: true,
  betaInitializer: 'zeros',
  gammaInitializer: 'ones',
  betaRegularizer: null,
  gammaRegularizer: null,
  betaConstraint: null,
  gammaConstraint: null,
} as const satisfies Defaults<ScaleOptions>

/** A normalization along some axes. */
abstract class NormalizationLayer<O extends FirstLayerOptions & { readonly axis?: number | readonly number[] }> extends Layer<O> {
  constructor(options: O) {
    super(options)
    this.supportsMasking = true
    const { epsilon, axis } = this.options as { readonly epsilon?: unknown; readonly axis?: unknown }
    const kind = this.constructor.name
    if (epsilon !== undefined && !((epsilon as number) > 0))
      throw new ValueError(`${kind}: epsilon must be positive, got ${JSON.stringify(epsilon)}`, { epsilon })
    if (![axis].flat().every((one) => Number.isInteger(one)))
      throw new ValueError(`${kind}: axis must be an integer or a list of them, got ${JSON.stringify(axis)}`, { axis })
  }

  /** The axes, counted from the front, of an input of this rank. */
  protected axes(rank: number): number[] {
    return normalizeAxes(this.options.axis, rank, this.constructor.name)
  }

  /** The lengths of an input's axes, which must be known. */
  protected lengths(inputShape: SymbolicShape): number[] {
    return this.axes(inputShape.length).map((axis) => {
      const length = inputShape[axis]
      if (length !== null) return length
      throw new ShapeError(`${this.constructor.name}: axis ${axis} of input ${formatShape(inputShape)} has no known length`, {
        shape: inputShape,
      })
    })
  }

  /** A weight with the lengths of the axes, as a tensor that broadcasts to x. */
  protected along(weight: Tensor, x: Tensor): Tensor {
    const axes = this.axes(x.rank)
    // Broadcasting aligns at the last axis anyway.
    if (axes.every((axis, i) => axis === x.rank - axes.length + i)) return weight
    return weight.reshape(x.shape.map((length, axis) => (axes.includes(axis) ? length : 1)))
  }
}

/** A config with a list of axes once the layer is built, as Keras has it. */
const withAxes = (config: LayerConfig, built: boolean): LayerConfig =>
  built ? { ...config, axis: [config['axis']].flat() } : config

/** A normalization whose result is multiplied by `gamma` and moved by `beta`. */
abstract class ScaledNormalization<
  O extends ScaleOptions & { readonly axis?: number | readonly number[] },
> extends NormalizationLayer<O> {
  gamma?: Variable
  beta?: Variable

  override build(inputShape: SymbolicShape): void {
    const { scale, center, ...options } = this.options as unknown as Full<ScaleOptions>
    const shape = this.lengths(inputShape)
    if (scale) {
      const { gammaInitializer: initializer, gammaRegularizer: regularizer, gammaConstraint: constraint } = options
      this.gamma = this.addWeight(shape, { initializer, regularizer, constraint })
    }
    if (center) {
      const { betaInitializer: initializer, betaRegularizer: regularizer, betaConstraint: constraint } = options
      this.beta = this.addWeight(shape, { initializer, regularizer, constraint })
    }
  }

  /** `gamma · x + beta`. */
  protected scaled(x: Tensor): Tensor {
    const y = this.gamma ? x.mul(this.along(this.gamma, x)) : x
    return this.beta ? y.add(this.along(this.beta, y)) : y
  }
}

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
    const { movingMeanInitializer, movingVarianceInitializer } = this.options
    const shape = this.lengths(inputShape)
    this.movingMean = this.addWeight(shape, { initializer: movingMeanInitializer, trainable: false })
    this.movingVariance = this.addWeight(shape, { initializer: movingVarianceInitializer, trainable: false })
  }

  call(x: Tensor, { training, mask }: CallContext): Tensor {
    let [mean, variance]: Tensor[] = [this.movingMean, this.movingVariance]
    // A frozen layer keeps its statistics and uses them, as in Keras; a batch of no samples has none.
    if (training && this.trainable && x.size > 0) {
      ;[mean, variance] = this.#moments(x, mask as Tensor | undefined)
      this.#move(this.movingMean, mean)
      this.#move(this.movingVariance, variance)
    }
    let factor = variance.add(this.options.epsilon).rsqrt()
    if (this.gamma) factor = factor.mul(this.gamma)
    const y = x.sub(this.along(mean, x)).mul(this.along(factor, x))
    return this.beta ? y.add(this.along(this.beta, x)) : y
  }

  #moments(x: Tensor, mask: Tensor | undefined): [mean: Tensor, variance: Tensor] {
    const features = this.axes(x.rank)
    const others = [...x.shape.keys()].filter((axis) => !features.includes(axis))
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
    moving.assign(moving.mul(momentum).add(batch.stopGradient().mul(1 - momentum)))
  }
}

/** `(x - mean) / √(variance + epsilon)` with the statistics over `axes`. */
function standardized(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const centered = x.sub(x.mean(axes, { keepdims: true }))
  return centered.mul(centered.square().mean(axes, { keepdims: true }).add(epsilon).rsqrt())
}

export interface LayerNormalizationOptions extends ScaleOptions {
  /** The axes of a sample that are normalized together. @defaultValue `-1` */
  readonly axis?: number | readonly number[]
}

/** `gamma · (x - mean) / √(variance + epsilon) + beta`, with the statistics of each sample along the axes (Ba et al., 2016). */
export class LayerNormalization extends ScaledNormalization<LayerNormalizationOptions> {
  static override readonly defaults = { axis: -1, ...scaling } satisfies Defaults<LayerNormalizationOptions>
  static override readonly fixed = { rms_scaling: false }
  override readonly samplewise = true

  constructor(options: LayerNormalizationOptions = {}) {
    super(options)
  }

  call(x: Tensor): Tensor {
    return this.scaled(standardized(x, this.axes(x.rank), this.options.epsilon))
  }

  override getConfig(): LayerConfig {
    return withAxes(super.getConfig(), this.built)
  }
}

export interface GroupNormalizationOptions extends ScaleOptions {
  /** How many groups the features fall into; -1 makes each its own. @defaultValue `32` */
  readonly groups?: number
  /** The axis of the features. @defaultValue `-1` */
  readonly axis?: number
}

/**
 * `gamma · (x - mean) / √(variance + epsilon) + beta`, with the statistics of each sample over a group of features and all
 * other axes (Wu and He, 2018).
 */
export class GroupNormalization extends ScaledNormalization<GroupNormalizationOptions> {
  static override readonly defaults = { groups: 32, axis: -1, ...scaling } satisfies Defaults<GroupNormalizationOptions>
  override readonly samplewise = true

  constructor(options: GroupNormalizationOptions = {}) {
    super(options)
    const { groups } = this.options
    if (!Number.isInteger(groups) || (groups < 1 && groups !== -1))
      throw new ValueError(`GroupNormalization: groups must be a positive integer or -1, got ${JSON.stringify(groups)}`, {
        groups,
      })
  }

  override build(inputShape: SymbolicShape): void {
    const { groups } = this.options
    const [length] = this.lengths(inputShape)
    if (groups !== -1 && length % groups !== 0)
      throw new ValueError(`GroupNormalization: ${length} features do not fall into ${groups} groups`, { groups, length })
    super.build(inputShape)
  }

  call(x: Tensor): Tensor {
    const [at] = this.axes(x.rank)
    const groups = this.options.groups === -1 ? x.shape[at] : this.options.groups
    const split = x.reshape([...x.shape.slice(0, at), groups, x.shape[at] / groups, ...x.shape.slice(at + 1)])
    const others = [...split.shape.keys()].filter((axis) => axis !== 0 && axis !== at)
    return this.scaled(standardized(split, others, this.options.epsilon).reshape(x.shape))
  }

  /** With the number of groups that -1 stands for, once the layer is built, as Keras has it. */
  override getConfig(): LayerConfig {
    const { groups } = this.options
    const features = this.builtShape && this.lengths(this.builtShape as SymbolicShape)[0]
    return { ...super.getConfig(), groups: groups === -1 && features ? features : groups }
  }
}

export interface RMSNormalizationOptions extends FirstLayerOptions {
  /** The axes of a sample that are normalized together. @defaultValue `-1` */
  readonly axis?: number | readonly number[]
  /** Added to the mean square. @defaultValue `1e-6` */
  readonly epsilon?: number
}

/** `scale · x / √(mean(x²) + epsilon)` along the axes, with a learned `scale` (Zhang and Sennrich, 2019). */
export class RMSNormalization extends NormalizationLayer<RMSNormalizationOptions> {
  static override readonly defaults = { axis: -1, epsilon: 1e-6 } satisfies Defaults<RMSNormalizationOptions>
  override readonly samplewise = true
  scale!: Variable

  constructor(options: RMSNormalizationOptions = {}) {
    super(options)
  }

  override build(inputShape: SymbolicShape): void {
    this.scale = this.addWeight(this.lengths(inputShape), { initializer: 'ones' })
  }

  call(x: Tensor): Tensor {
    const square = x.square().mean(this.axes(x.rank), { keepdims: true })
    return x.mul(square.add(this.options.epsilon).rsqrt()).mul(this.along(this.scale, x))
  }

  override getConfig(): LayerConfig {
    return withAxes(super.getConfig(), this.built)
  }
}

export interface UnitNormalizationOptions extends FirstLayerOptions {
  /** The axes of a sample that are normalized together. @defaultValue `-1` */
  readonly axis?: number | readonly number[]
}

/** `x / √Σx²` along the axes; 0 stays 0. */
export class UnitNormalization extends NormalizationLayer<UnitNormalizationOptions> {
  static override readonly defaults = { axis: -1 } satisfies Defaults<UnitNormalizationOptions>
  override readonly samplewise = true

  constructor(options: UnitNormalizationOptions = {}) {
    super(options)
  }

  call(x: Tensor): Tensor {
    return unit(x, this.axes(x.rank), 1e-12)
  }
}
