/** Normalization of each sample: to mean 0 and variance 1, or to length 1. */
import { ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import type { Defaults, LayerConfig } from './layer-config.ts'
import { NormalizationLayer, ScaledNormalization, scaling, type ScaleOptions } from './normalization-base.ts'
import { standardize } from './normalize.ts'
import type { SymbolicShape } from './symbolic.ts'
import { unit } from './unit.ts'

/** A config with a list of axes once the layer is built, as Keras has it. */
const withAxes = (config: LayerConfig, built: boolean): LayerConfig =>
  built ? { ...config, axis: [config['axis']].flat() } : config

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
    return this.scaled(standardize(x, { axes: this.axes(x.rank), epsilon: this.options.epsilon }))
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
    return this.scaled(standardize(split, { axes: others, epsilon: this.options.epsilon }).reshape(x.shape))
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
