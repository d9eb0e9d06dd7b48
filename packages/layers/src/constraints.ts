/** The export list is the registry: what is exported here can be named in `kernelConstraint` and the like. */
import { camelCase, lookup, ValueError, type Tensor } from '@typegrad/tensor'
import {
  Configured,
  deserialize,
  serialize,
  type ConfiguredClass,
  type Defaults,
  type SerializedObject,
} from '@typegrad/tensor/config'

/** Added to norms that are divided by. */
const epsilon = 1e-7

/** What a weight is made to be after every step of the optimizer. */
export abstract class Constraint<O extends object = object> extends Configured<O> {
  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    for (const [option, value] of Object.entries(this.options)) {
      const valid = option === 'axis' ? isAxis(value) : typeof value === 'number' && value >= 0 && Number.isFinite(value)
      if (!valid)
        throw new ValueError(
          `${new.target.name}: ${option} is ${JSON.stringify(value)}, expected ${option === 'axis' ? 'axes' : 'a number ≥ 0'}`,
          { [option]: value },
        )
    }
  }

  /** The weight as it shall be. */
  abstract call(w: Tensor): Tensor
}

const isAxis = (value: unknown): boolean => Number.isInteger(value) || (Array.isArray(value) && value.every(Number.isInteger))

export interface AxisOptions {
  /** The axes of the vectors whose norms count: 0 for a Dense kernel, `[0, 1, 2]` for the kernel of a Conv2D. @defaultValue `0` */
  readonly axis?: number | readonly number[]
}

const norms = (w: Tensor, axis: number | readonly number[]): Tensor => w.square().sum(axis, { keepdims: true }).sqrt()

/** w with its vectors scaled from the norms that they have to those that are desired. */
const scaled = (w: Tensor, norm: Tensor, desired: Tensor): Tensor => w.mul(desired.div(norm.add(epsilon)))

export interface MaxNormOptions extends AxisOptions {
  /** @defaultValue `2` */
  readonly maxValue?: number
}

/** Scales vectors that are longer than `maxValue` to it. */
export class MaxNorm extends Constraint<MaxNormOptions> {
  static override readonly defaults = { maxValue: 2, axis: 0 } satisfies Defaults<MaxNormOptions>

  call(w: Tensor): Tensor {
    const { maxValue, axis } = this.options
    const norm = norms(w, axis)
    return scaled(w, norm, norm.minimum(maxValue))
  }
}

/** Makes negative elements 0. */
export class NonNeg extends Constraint {
  call(w: Tensor): Tensor {
    return w.maximum(0)
  }
}

/** Scales vectors to length 1. */
export class UnitNorm extends Constraint<AxisOptions> {
  static override readonly defaults = { axis: 0 } satisfies Defaults<AxisOptions>

  call(w: Tensor): Tensor {
    return w.div(norms(w, this.options.axis).add(epsilon))
  }
}

export interface MinMaxNormOptions extends AxisOptions {
  /** @defaultValue `0` */
  readonly minValue?: number
  /** @defaultValue `1` */
  readonly maxValue?: number
  /** How much of the way to the limits a step goes. @defaultValue `1` */
  readonly rate?: number
}

/** Scales vectors by the share `rate` towards a length from `minValue` to `maxValue`. */
export class MinMaxNorm extends Constraint<MinMaxNormOptions> {
  static override readonly defaults = { minValue: 0, maxValue: 1, rate: 1, axis: 0 } satisfies Defaults<MinMaxNormOptions>

  constructor(options: MinMaxNormOptions = {}) {
    super(options)
    const { minValue, maxValue } = this.options
    if (minValue > maxValue)
      throw new ValueError(`MinMaxNorm: minValue ${minValue} and maxValue ${maxValue}, the first must not be the larger`, {
        minValue,
        maxValue,
      })
  }

  call(w: Tensor): Tensor {
    const { minValue, maxValue, rate, axis } = this.options
    const norm = norms(w, axis)
    return scaled(
      w,
      norm,
      norm
        .clip(minValue, maxValue)
        .mul(rate)
        .add(norm.mul(1 - rate)),
    )
  }
}

const classes = { MaxNorm, MinMaxNorm, NonNeg, UnitNorm } as const
const table: Readonly<Record<string, ConfiguredClass<Constraint<any>>>> = classes
const named = Object.fromEntries(Object.entries(table).map(([name, Class]) => [camelCase(name), Class]))

export type ConstraintName =
  | keyof typeof classes
  | 'maxNorm'
  | 'max_norm'
  | 'minMaxNorm'
  | 'min_max_norm'
  | 'nonNeg'
  | 'non_neg'
  | 'unitNorm'
  | 'unit_norm'
export type ConstraintLike = ConstraintName | Constraint<any> | SerializedObject | ((w: Tensor) => Tensor)

const isSerialized = (value: object): value is SerializedObject => 'class_name' in value && 'config' in value

/** The function of a weight that a name, a constraint, a function or Keras' JSON stands for; `undefined` for none. */
export function resolveConstraint(constraint: ConstraintLike | null | undefined): ((w: Tensor) => Tensor) | undefined {
  if (constraint === null || constraint === undefined) return undefined
  if (typeof constraint === 'function') return constraint
  const made = constraintOf(constraint)
  return (w) => made.call(w)
}

function constraintOf(constraint: Exclude<ConstraintLike, Function>): Constraint<any> {
  if (typeof constraint === 'string') return new (lookup('constraint', constraint, named))()
  return isSerialized(constraint) ? deserializeConstraint(constraint) : constraint
}

/** A constraint as Keras writes it into JSON, `{ class_name, config }`, and `null` for none; throws for a function. */
export function serializeConstraint(constraint: ConstraintLike | null | undefined): SerializedObject | null {
  if (constraint === null || constraint === undefined) return null
  if (typeof constraint === 'function') throw new ValueError('constraint: a function cannot be written into a config')
  return serialize(constraintOf(constraint), 'keras.constraints', table)
}

/** The constraint that {@link serializeConstraint} or Keras wrote; `customObjects` names further classes. */
export const deserializeConstraint = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<Constraint<any>>>> = {},
): Constraint => deserialize('constraint', object, { ...table, ...customObjects })
