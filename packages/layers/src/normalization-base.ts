/** What normalizations have in common. */
import { elementwise, formatShape, normalizeAxes, ShapeError, ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { ConstraintLike } from './constraints.ts'
import type { FirstLayerOptions } from './core.ts'
import type { InitializerLike } from './initializers.ts'
import type { Defaults, Full } from './layer-config.ts'
import { Layer } from './layer.ts'
import type { RegularizerLike } from './regularizers.ts'
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

/** Their defaults. */
export const scaling = {
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
export abstract class NormalizationLayer<
  O extends FirstLayerOptions & { readonly axis?: number | readonly number[] },
> extends Layer<O> {
  static override readonly keepsShape = true
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

const scaleThenShift = elementwise('scaleThenShift', ['x', 'gamma', 'beta'], 'x * gamma + beta')

/** A normalization whose result is multiplied by `gamma` and moved by `beta`. */
export abstract class ScaledNormalization<
  O extends ScaleOptions & { readonly axis?: number | readonly number[] },
> extends NormalizationLayer<O> {
  gamma?: Variable
  beta?: Variable

  override build(inputShape: SymbolicShape): void {
    const { scale, center } = this.options as unknown as Full<ScaleOptions>
    const shape = this.lengths(inputShape)
    if (scale) this.gamma = this.addWeight(shape, this.weightOptions('gamma'))
    if (center) this.beta = this.addWeight(shape, this.weightOptions('beta'))
  }

  /** `gamma · x + beta`. */
  protected scaled(x: Tensor): Tensor {
    if (this.gamma && this.beta) return scaleThenShift(x, this.along(this.gamma, x), this.along(this.beta, x))
    const y = this.gamma ? x.mul(this.along(this.gamma, x)) : x
    return this.beta ? y.add(this.along(this.beta, y)) : y
  }
}
