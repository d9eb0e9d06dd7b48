/** Activations as layers. */
import { formatShape, sameShape, ShapeError, ValueError, type DType, type Tensor, type Variable } from '@typegrad/tensor'
import { activations } from './activations.ts'
import type { FirstLayerOptions } from './core.ts'
import type { ConstraintLike } from './constraints.ts'
import type { InitializerLike } from './initializers.ts'
import type { Defaults } from './layer-config.ts'
import { Layer, type CallContext } from './layer.ts'
import type { RegularizerLike } from './regularizers.ts'
import type { SymbolicShape } from './symbolic.ts'

/** A function of the input alone. */
abstract class ActivationLayer<O extends FirstLayerOptions> extends Layer<O> {
  static override readonly keepsShape = true
  override readonly samplewise = true

  constructor(options: O) {
    super(options)
    this.supportsMasking = true
  }

  /** Throws if one of these options is negative or not a number. */
  protected notNegative(...names: readonly (keyof O & string)[]): void {
    for (const name of names) {
      const value = this.options[name]
      if (!((value as number) >= 0)) {
        throw new ValueError(`${this.constructor.name}: ${name} must be a number ≥ 0, got ${JSON.stringify(value)}`, {
          [name]: value,
        })
      }
    }
  }
}

export interface ReLUOptions extends FirstLayerOptions {
  /** The largest value. @defaultValue `null`, none */
  readonly maxValue?: number | null
  /** The slope below `threshold`. @defaultValue `0` */
  readonly negativeSlope?: number
  /** Where the slope begins to be 1. @defaultValue `0` */
  readonly threshold?: number
}

/** `min(x, maxValue)` above `threshold`, `negativeSlope · (x - threshold)` below. */
export class ReLU extends ActivationLayer<ReLUOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = { maxValue: null, negativeSlope: 0, threshold: 0 } satisfies Defaults<ReLUOptions>

  constructor(options: ReLUOptions = {}) {
    super(options)
    this.notNegative('negativeSlope', 'threshold')
    if (this.options.maxValue !== null) this.notNegative('maxValue')
  }

  call(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold } = this.options
    return activations.relu(x, { maxValue, negativeSlope, threshold })
  }

  override computeOutputDType(inputs: readonly DType[]): DType {
    const { maxValue, negativeSlope, threshold } = this.options
    const plain = maxValue === null && negativeSlope === 0 && threshold === 0
    return plain ? super.computeOutputDType(inputs) : this.dtype
  }
}

export interface LeakyReLUOptions extends FirstLayerOptions {
  /** The slope below 0. @defaultValue `0.3` */
  readonly negativeSlope?: number
}

/** x above 0, `negativeSlope · x` below. */
export class LeakyReLU extends ActivationLayer<LeakyReLUOptions> {
  static override readonly defaults = { negativeSlope: 0.3 } satisfies Defaults<LeakyReLUOptions>

  constructor(options: LeakyReLUOptions = {}) {
    super(options)
    this.notNegative('negativeSlope')
  }

  call(x: Tensor): Tensor {
    return x.leakyRelu({ negativeSlope: this.options.negativeSlope })
  }
}

export interface PReLUOptions extends FirstLayerOptions {
  /** @defaultValue `'zeros'` */
  readonly alphaInitializer?: InitializerLike
  readonly alphaRegularizer?: RegularizerLike | null
  readonly alphaConstraint?: ConstraintLike | null
  /** Axes of the input along which all elements have one slope, counted from 1. @defaultValue `null`, none */
  readonly sharedAxes?: number | readonly number[] | null
}

/** x above 0, `alpha · x` below, with a learned `alpha` for every element of a sample (He et al., 2015). */
export class PReLU extends ActivationLayer<PReLUOptions> {
  static override readonly defaults = {
    alphaInitializer: 'zeros',
    alphaRegularizer: null,
    alphaConstraint: null,
    sharedAxes: null,
  } satisfies Defaults<PReLUOptions>
  alpha!: Variable

  constructor(options: PReLUOptions = {}) {
    const { sharedAxes } = options
    super(typeof sharedAxes === 'number' ? { ...options, sharedAxes: [sharedAxes] } : options)
  }

  override build(inputShape: SymbolicShape): void {
    const { sharedAxes } = this.options
    const shared = (sharedAxes ?? []) as readonly number[]
    const outside = shared.find((axis) => !Number.isInteger(axis) || axis < 1 || axis >= inputShape.length)
    if (outside !== undefined) {
      throw new ShapeError(
        `PReLU: sharedAxes holds ${outside}, input ${formatShape(inputShape)} has the axes 1 to ${inputShape.length - 1}`,
        {
          sharedAxes,
        },
      )
    }
    const shape = inputShape.slice(1).map((length, i) => {
      if (shared.includes(i + 1)) return 1
      if (length !== null) return length
      throw new ShapeError(`PReLU: axis ${i + 1} of input ${formatShape(inputShape)} has no known length: name it in sharedAxes`)
    })
    this.alpha = this.addWeight(shape, this.weightOptions('alpha'))
  }

  call(x: Tensor): Tensor {
    return x.prelu(this.alpha)
  }
}

export interface ELUOptions extends FirstLayerOptions {
  /** What the value below 0 tends to, negated. @defaultValue `1` */
  readonly alpha?: number
}

/** x above 0, `alpha · (e^x - 1)` below. */
export class ELU extends ActivationLayer<ELUOptions> {
  static override readonly defaults = { alpha: 1 } satisfies Defaults<ELUOptions>

  constructor(options: ELUOptions = {}) {
    super(options)
  }

  call(x: Tensor): Tensor {
    return x.elu({ alpha: this.options.alpha })
  }
}

export interface SoftmaxOptions extends FirstLayerOptions {
  /** One axis, or several over which the result sums to 1. @defaultValue `-1` */
  readonly axis?: number | readonly number[]
}

/** `e^x / Σ e^x` along an axis; where the call's mask is false the result is 0, and the sum is over the others. */
export class Softmax extends ActivationLayer<SoftmaxOptions> {
  static override readonly defaults = { axis: -1 } satisfies Defaults<SoftmaxOptions>

  constructor(options: SoftmaxOptions = {}) {
    super(options)
  }

  call(x: Tensor, { mask }: CallContext): Tensor {
    const { axis } = this.options
    const z = mask && this.hides(mask as Tensor, x) ? (mask as Tensor).where(x, -Infinity) : x
    if (typeof axis === 'number') return z.softmax(axis)
    return z.sub(z.logsumexp(axis, { keepdims: true })).exp()
  }

  /** Whether a mask is one of elements, which broadcasts to x; one of whole steps hides none of them. */
  private hides(mask: Tensor, x: Tensor): boolean {
    const aligned = x.shape.slice(x.rank - mask.rank)
    if (mask.rank <= x.rank && mask.shape.every((length, i) => length === 1 || length === aligned[i])) return true
    if (sameShape(mask.shape, x.shape.slice(0, mask.rank))) return false
    throw new ShapeError(`Softmax: a mask ${formatShape(mask.shape)} does not broadcast to the input ${formatShape(x.shape)}`, {
      mask: mask.shape,
      shape: x.shape,
    })
  }
}
