/** The export list is the registry: what is exported here can be named in `kernelRegularizer` and the like. */
import { eye, formatShape, lookup, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'
import {
  Configured,
  deserialize,
  oneOf,
  serialize,
  type ConfiguredClass,
  type Defaults,
  type SerializedObject,
} from '@typegrad/tensor/config'

/** A penalty of a weight, which is added to the loss. */
export abstract class Regularizer<O extends object = object> extends Configured<O> {
  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    for (const [option, value] of Object.entries(this.options)) {
      if (typeof value !== 'string' && !(typeof value === 'number' && value >= 0 && Number.isFinite(value)))
        throw new ValueError(`${new.target.name}: ${option} is ${String(value)}, expected a number ≥ 0`, {
          [option]: value,
        })
    }
  }

  /** The penalty, a scalar. */
  abstract call(x: Tensor): Tensor
}

export interface L1Options {
  /** @defaultValue `0.01` */
  readonly l1?: number
}

/** `l1 · Σ|x|`: makes many weights 0. */
export class L1 extends Regularizer<L1Options> {
  static override readonly defaults = { l1: 0.01 } satisfies Defaults<L1Options>

  call(x: Tensor): Tensor {
    return x.abs().sum().mul(this.options.l1)
  }
}

export interface L2Options {
  /** @defaultValue `0.01` */
  readonly l2?: number
}

/** `l2 · Σx²`: keeps weights small. */
export class L2 extends Regularizer<L2Options> {
  static override readonly defaults = { l2: 0.01 } satisfies Defaults<L2Options>

  call(x: Tensor): Tensor {
    return x.square().sum().mul(this.options.l2)
  }
}

export interface L1L2Options {
  /** @defaultValue `0` */
  readonly l1?: number
  /** @defaultValue `0` */
  readonly l2?: number
}

/** `l1 · Σ|x| + l2 · Σx²`. By its name `'l1_l2'` both are 0.01. */
export class L1L2 extends Regularizer<L1L2Options> {
  static override readonly defaults = { l1: 0, l2: 0 } satisfies Defaults<L1L2Options>

  call(x: Tensor): Tensor {
    const { l1, l2 } = this.options
    return x.abs().mul(l1).add(x.square().mul(l2)).sum()
  }
}

const modes = ['rows', 'columns'] as const

export interface OrthogonalRegularizerOptions {
  /** @defaultValue `0.01` */
  readonly factor?: number
  /** What is to be orthogonal. @defaultValue `'rows'` */
  readonly mode?: (typeof modes)[number]
}

/** `factor · mean |cos(xᵢ, xⱼ)|` over all pairs of rows or columns of a matrix: 0 when they are orthogonal. */
export class OrthogonalRegularizer extends Regularizer<OrthogonalRegularizerOptions> {
  static override readonly defaults = { factor: 0.01, mode: 'rows' } satisfies Defaults<OrthogonalRegularizerOptions>

  constructor(options: OrthogonalRegularizerOptions = {}) {
    super(options)
    oneOf('OrthogonalRegularizer: mode', this.options.mode, modes)
  }

  call(x: Tensor): Tensor {
    if (x.rank !== 2)
      throw new ShapeError(`OrthogonalRegularizer: shape ${formatShape(x.shape)}, expected a matrix`, { shape: x.shape })
    const vectors = this.options.mode === 'rows' ? x : x.transpose()
    const length = vectors.square().sum(1, { keepdims: true }).maximum(1e-14).rsqrt()
    const unit = vectors.mul(length)
    const n = vectors.shape[0]
    const cosines = unit.matmul(unit.transpose()).mul(eye(n).neg().add(1))
    return cosines
      .abs()
      .sum()
      .mul(this.options.factor / Math.max(1, n * (n - 1)))
  }
}

const classes = { L1, L2, L1L2, OrthogonalRegularizer } as const
const table: Readonly<Record<string, ConfiguredClass<Regularizer<any>>>> = classes

/** `new L1({ l1 })`, as Keras' `regularizers.l1(0.01)`. */
export const l1 = (factor = 0.01): L1 => new L1({ l1: factor })
/** `new L2({ l2 })`, as Keras' `regularizers.l2(0.01)`. */
export const l2 = (factor = 0.01): L2 => new L2({ l2: factor })
/** `new L1L2({ l1, l2 })`, each 0.01 unless it is given. */
export const l1L2 = (options: L1L2Options = {}): L1L2 => new L1L2({ l1: 0.01, l2: 0.01, ...options })

const named: Readonly<Record<string, () => Regularizer<any>>> = {
  l1,
  l2,
  l1L2,
  orthogonalRegularizer: () => new OrthogonalRegularizer(),
}

export type RegularizerName =
  | 'l1'
  | 'l2'
  | 'l1L2'
  | 'l1_l2'
  | 'orthogonalRegularizer'
  | 'orthogonal_regularizer'
  | keyof typeof classes
export type RegularizerLike = RegularizerName | Regularizer<any> | SerializedObject | ((x: Tensor) => Tensor)

const isSerialized = (value: object): value is SerializedObject => 'class_name' in value && 'config' in value

/** The penalty that a name, a regularizer, a function or Keras' JSON stands for; `undefined` for none. */
export function resolveRegularizer(regularizer: RegularizerLike | null | undefined): ((x: Tensor) => Tensor) | undefined {
  if (regularizer === null || regularizer === undefined) return undefined
  if (typeof regularizer === 'function') return regularizer
  const made = regularizerOf(regularizer)
  return (x) => made.call(x)
}

function regularizerOf(regularizer: Exclude<RegularizerLike, Function>): Regularizer<any> {
  if (typeof regularizer !== 'string') return isSerialized(regularizer) ? deserializeRegularizer(regularizer) : regularizer
  if (Object.hasOwn(table, regularizer)) return new table[regularizer]()
  return lookup('regularizer', regularizer, named, { l1l2: 'l1L2' })()
}

/** A regularizer as Keras writes it into JSON, `{ class_name, config }`, and `null` for none; throws for a function. */
export function serializeRegularizer(regularizer: RegularizerLike | null | undefined): SerializedObject | null {
  if (regularizer === null || regularizer === undefined) return null
  if (typeof regularizer === 'function') throw new ValueError('regularizer: a function cannot be written into a config')
  return serialize(regularizerOf(regularizer), 'keras.regularizers', table)
}

/** The regularizer that {@link serializeRegularizer} or Keras wrote; `customObjects` names further classes. */
export const deserializeRegularizer = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<Regularizer<any>>>> = {},
): Regularizer => deserialize('regularizer', object, { ...table, ...customObjects })
