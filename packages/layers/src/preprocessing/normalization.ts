/** Inputs brought to mean 0 and variance 1 by statistics of a data set. */
import {
  formatShape,
  normalizeAxes,
  ShapeError,
  tensor,
  toTensor,
  ValueError,
  type NestedArray,
  type Shape,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import { required, type Defaults } from '../layer-config.ts'
import { Layer } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { batchesOf, type AdaptData } from './adapt.ts'

export interface NormalizationOptions extends FirstLayerOptions {
  /** The axes whose every position has its own mean and variance; `null`: one for all. @defaultValue `-1` */
  readonly axis?: number | readonly number[] | null
  /** In place of `adapt`. */
  readonly mean?: number | NestedArray | null
  /** In place of `adapt`. */
  readonly variance?: number | NestedArray | null
  /** Whether to do the inverse, `x · √variance + mean`. @defaultValue `false` */
  readonly invert?: boolean
}

/** `(x - mean) / √variance`, with the mean and the variance of the data that {@link adapt} saw. */
export class Normalization extends Layer<NormalizationOptions> {
  static override readonly keepsShape = true
  static override readonly defaults = {
    axis: -1,
    invert: false,
    mean: null,
    variance: null,
  } satisfies Defaults<NormalizationOptions>
  override readonly samplewise = true
  mean?: Variable
  variance?: Variable
  count?: Variable

  constructor(options: NormalizationOptions = {}) {
    const { axis = -1, mean = null, variance = null } = options
    super({ ...options, axis: axis === null ? [] : [axis].flat() })
    this.supportsMasking = true
    if ((mean === null) !== (variance === null))
      throw new ValueError('Normalization: mean and variance must be given together', { mean, variance })
    if (mean === null || variance === null) return
    const [m, v] = [toTensor(mean), toTensor(variance)]
    if (formatShape(m.shape) !== formatShape(v.shape) || m.rank > this.#axis.length) {
      throw new ShapeError(
        `Normalization: mean ${formatShape(m.shape)} and variance ${formatShape(v.shape)}, expected one shape of at most ${this.#axis.length} axes`,
        { mean: m.shape, variance: v.shape },
      )
    }
  }

  get #axis(): readonly number[] {
    return this.options.axis as readonly number[]
  }

  override build(inputShape: SymbolicShape): void {
    const shape = normalizeAxes(this.#axis, inputShape.length, 'Normalization').map((axis) => {
      const length = inputShape[axis]
      if (length !== null) return length
      throw new ShapeError(`Normalization: axis ${axis} of input ${formatShape(inputShape)} has no known length`, {
        shape: inputShape,
      })
    })
    if (this.options.mean !== null) return
    this.mean = this.addWeight(shape, { initializer: 'zeros', trainable: false })
    this.variance = this.addWeight(shape, { initializer: 'ones', trainable: false })
    // Keras has it, for files of old.
    this.count = this.addWeight([], { initializer: 'zeros', trainable: false, dtype: 'int32' })
  }

  /** Takes the mean and the variance of all data, given at once or in batches. */
  adapt(data: AdaptData): void {
    if (this.options.mean !== null) throw new ValueError('Normalization: mean and variance were given, there is nothing to adapt')
    const batches = batchesOf(data, 'Normalization').map((batch) => batch.cast('float64'))
    this.buildFor([null, ...batches[0].shape.slice(1)])
    let [mean, variance, count]: [Tensor?, Tensor?, number?] = []
    for (const x of batches) {
      const kept = normalizeAxes(this.#axis, x.rank, 'Normalization')
      const lengths = kept.map((axis) => x.shape[axis])
      if (formatShape(lengths) !== formatShape(this.mean!.shape)) {
        throw new ShapeError(
          `Normalization: adapt got a batch ${formatShape(x.shape)}, expected ${formatShape(this.mean!.shape)} at axis ${this.#axis.join(', ')}`,
          {
            shape: x.shape,
          },
        )
      }
      const others = [...x.shape.keys()].filter((axis) => !kept.includes(axis))
      const [m, v] = [x.mean(others), x.variance(others)]
      const n = others.reduce((product, axis) => product * x.shape[axis], 1)
      if (!mean || !variance || !count) [mean, variance, count] = [m, v, n]
      else {
        // The variance of a union is the mean of the variances and the variance of the means.
        const share = n / (count + n)
        const between = m.sub(mean)
        variance = variance
          .mul(1 - share)
          .add(v.mul(share))
          .add(between.square().mul(share * (1 - share)))
        mean = mean.add(between.mul(share))
        count += n
      }
    }
    this.mean!.assign(mean!.cast(this.dtype))
    this.variance!.assign(variance!.cast(this.dtype))
  }

  call(x: Tensor): Tensor {
    const input = x.cast(this.dtype)
    const mean = this.#along(this.mean ?? toTensor(this.options.mean!), input)
    const deviation = this.#along(this.variance ?? toTensor(this.options.variance!), input)
      .sqrt()
      .maximum(1e-7)
    return this.options.invert ? input.mul(deviation).add(mean) : input.sub(mean).div(deviation)
  }

  /** A statistic as a tensor that broadcasts to x: its axes are the last of those that are kept. */
  #along(statistic: Tensor, x: Tensor): Tensor {
    const kept = normalizeAxes(this.#axis, x.rank, 'Normalization').slice(this.#axis.length - statistic.rank)
    const shape: Shape = x.shape.map((_, axis) => (kept.includes(axis) ? statistic.shape[kept.indexOf(axis)] : 1))
    return statistic.cast(this.dtype).reshape(shape)
  }
}

export interface RescalingOptions extends FirstLayerOptions {
  /** A factor, or one for each position of the last axes. */
  readonly scale: number | NestedArray
  /** @defaultValue `0` */
  readonly offset?: number | NestedArray
}

/** `x · scale + offset`. */
export class Rescaling extends Layer<RescalingOptions> {
  static override readonly keepsShape = true
  static override readonly defaults = { scale: required, offset: 0 } satisfies Defaults<RescalingOptions>
  override readonly samplewise = true

  constructor(options: RescalingOptions) {
    super(options)
    this.supportsMasking = true
    for (const name of ['scale', 'offset'] as const) {
      const value = this.options[name] as unknown
      const finite = [value].flat(9).every((n) => typeof n === 'number')
      if (!finite)
        throw new ValueError(`Rescaling: ${name} must be a number or a list of them, got ${JSON.stringify(value)}`, {
          [name]: value,
        })
    }
  }

  call(x: Tensor): Tensor {
    const { scale, offset } = this.options
    const factor = typeof scale === 'number' ? scale : tensor(scale, { dtype: this.dtype })
    const added = typeof offset === 'number' ? offset : tensor(offset, { dtype: this.dtype })
    return x.cast(this.dtype).mul(factor).add(added)
  }
}
