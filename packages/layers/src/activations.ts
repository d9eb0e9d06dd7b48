/** Activations: functions of a tensor, by Keras' names. Any op of one tensor can be one. */
import {
  arange,
  lookup,
  normalizeAxis,
  optionsOf,
  unary,
  ValueError,
  type SnakeCase,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'

type Unary = keyof typeof unary

/** The options of an op as an options object. */
type OptionsOf<K extends Unary> = (typeof unary)[K] extends { readonly options: infer O }
  ? { readonly [P in keyof O]?: TensorLike }
  : { readonly [P in never]: never }

type UnaryFunctions = { readonly [K in Unary]: (x: Tensor, options?: OptionsOf<K>) => Tensor }

/** A function of this name: what an activation is called in a config. */
const named = <F extends (...args: never[]) => Tensor>(name: string, f: F): F => Object.defineProperty(f, 'name', { value: name })

const ops = Object.fromEntries(
  (Object.keys(unary) as Unary[]).map((name) => [
    name,
    named(name, (x: Tensor, options?: object): Tensor =>
      (x as unknown as Record<string, (options?: object) => Tensor>)[name](options),
    ),
  ]),
) as unknown as UnaryFunctions

export interface ReluOptions {
  /** The slope below `threshold`. @defaultValue `0` */
  readonly negativeSlope?: number
  /** The largest value. @defaultValue none */
  readonly maxValue?: number | null
  /** Where the slope begins to be 1. @defaultValue `0` */
  readonly threshold?: number
}

/** Activations that are more than a row of the op table, or have other options in Keras. */
const others = {
  /** x itself. */
  linear: (x: Tensor): Tensor => x,
  /** `min(x, maxValue)` above `threshold`, `negativeSlope · (x - threshold)` below; without options `max(x, 0)`. */
  relu(x: Tensor, options?: ReluOptions): Tensor {
    if (!options) return x.relu()
    const { negativeSlope, maxValue, threshold } = optionsOf('relu', options, { negativeSlope: 0, maxValue: null, threshold: 0 })
    const bounded = (maxValue ?? Infinity) !== Infinity || threshold !== 0
    if (bounded) return x.boundedRelu({ negativeSlope, maxValue: maxValue ?? Infinity, threshold })
    return negativeSlope === 0 ? x.relu() : x.leakyRelu({ negativeSlope })
  },
  /** `x · Φ(x)`, or its approximation by tanh. */
  gelu: (x: Tensor, options?: { readonly approximate?: boolean }): Tensor =>
    optionsOf('gelu', options, { approximate: false }).approximate ? x.geluTanh() : x.gelu(),
  /** `e^x`. */
  exponential: (x: Tensor): Tensor => x.exp(),
  /** x where `x > threshold`, else `defaultValue`. */
  threshold(x: Tensor, options?: { readonly threshold?: number; readonly defaultValue?: number }): Tensor {
    const { threshold, defaultValue } = optionsOf('threshold', options, { threshold: 0, defaultValue: 0 })
    return x.threshold({ threshold, value: defaultValue })
  },
  /** `e^x / Σ e^x` along an axis. */
  softmax: (x: Tensor, options?: AxisOptions): Tensor => x.softmax(axisOf('softmax', options)),
  /** `x - log Σ e^x` along an axis. */
  logSoftmax: (x: Tensor, options?: AxisOptions): Tensor => x.logSoftmax(axisOf('logSoftmax', options)),
  /**
   * The nearest point of the probability simplex, `max(x - τ, 0)` with the τ for which the sum along the axis is 1
   * (Martins and Astudillo, 2016).
   */
  sparsemax(x: Tensor, options?: AxisOptions): Tensor {
    const at = normalizeAxis(axisOf('sparsemax', options), x.rank, 'sparsemax')
    const ranks = arange(1, x.shape[at] + 1, { dtype: x.dtype }).reshape(x.shape.map((n, i) => (i === at ? n : 1)))
    const sums = x.sort(at, { descending: true }).cumsum(at)
    return x.sub(sums.sub(1).div(ranks).max(at, { keepdims: true })).relu()
  },
  /** The first half of an axis times the sigmoid of the second. */
  glu(x: Tensor, options?: AxisOptions): Tensor {
    const axis = axisOf('glu', options)
    const length = x.shape[normalizeAxis(axis, x.rank, 'glu')]
    if (length % 2 !== 0) throw new ValueError(`glu: axis ${axis} has length ${length}, expected an even one`, { axis, length })
    const [a, b] = x.split(2, axis)
    return a.mul(b.sigmoid())
  },
}

interface AxisOptions {
  /** @defaultValue `-1` */
  readonly axis?: number
}

const axisOf = (op: string, options: AxisOptions | undefined): number => optionsOf(op, options, { axis: -1 }).axis

/** All activations by name. */
export const activations: Omit<UnaryFunctions, keyof typeof others> & typeof others = { ...ops, ...others }

/** Keras' other names. */
const aliases = { swish: 'silu', hardSwish: 'hardSilu', leakyrelu: 'leakyRelu' } as const

type Camel = keyof typeof activations | keyof typeof aliases
export type ActivationName = Camel | SnakeCase<Camel>
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor)

/** The function that an activation's name stands for; a function is itself. */
export function resolveActivation(activation: ActivationLike | null | undefined): (x: Tensor) => Tensor {
  if (activation === undefined || activation === null) return others.linear
  return typeof activation === 'function' ? activation : lookup('activation', activation, activations, aliases)
}

/** `activation(x)`. */
export const activate = (x: Tensor, activation: ActivationLike | null | undefined): Tensor => resolveActivation(activation)(x)
