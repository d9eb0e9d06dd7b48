/** The export list is the registry: what is exported here can be named in `kernelInitializer` and the like. */
import {
  camelCase,
  formatShape,
  lookup,
  sameShape,
  ShapeError,
  Tensor,
  toTensor,
  ValueError,
  type Shape,
  type SnakeCase,
} from '@typegrad/tensor'
import { Configured, deserialize, serialize, type ConfiguredClass, type SerializedObject } from '@typegrad/tensor/config'
import { Constant, Identity, Ones, Zeros, type Initializer } from './initializers/constant.ts'
import { Orthogonal } from './initializers/orthogonal.ts'
import { RandomNormal, RandomUniform, TruncatedNormal } from './initializers/random.ts'
import {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  VarianceScaling,
} from './initializers/scaling.ts'
import { STFT } from './initializers/stft.ts'

export type { ConstantOptions, IdentityOptions, Initializer } from './initializers/constant.ts'
export type { OrthogonalOptions } from './initializers/orthogonal.ts'
export type { NormalOptions, SeedOptions, UniformOptions } from './initializers/random.ts'
export { fans, type FanOptions, type VarianceScalingOptions } from './initializers/scaling.ts'
export type { STFTOptions } from './initializers/stft.ts'
export {
  Constant,
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  Identity,
  LecunNormal,
  LecunUniform,
  Ones,
  Orthogonal,
  RandomNormal,
  RandomUniform,
  STFT,
  TruncatedNormal,
  VarianceScaling,
  Zeros,
}

const classes = {
  Constant,
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  Identity,
  LecunNormal,
  LecunUniform,
  Ones,
  Orthogonal,
  RandomNormal,
  RandomUniform,
  STFT,
  TruncatedNormal,
  VarianceScaling,
  Zeros,
} as const

/** Keras' other names. */
const aliases = {
  uniform: 'randomUniform',
  normal: 'randomNormal',
  zero: 'zeros',
  one: 'ones',
  orthogonalInitializer: 'orthogonal',
  identityInitializer: 'identity',
} as const

const table: Readonly<Record<string, ConfiguredClass<any>>> = classes
const named = Object.fromEntries(Object.entries(table).map(([name, Class]) => [camelCase(name), Class]))

type Camel = Uncapitalize<Exclude<keyof typeof classes, 'STFT'>> | 'stft' | keyof typeof aliases
export type InitializerName = keyof typeof classes | Camel | SnakeCase<Camel>
export type InitializerLike = InitializerName | Initializer | SerializedObject | Tensor | ((shape: Shape) => Tensor)

const isSerialized = (value: object): value is SerializedObject => 'class_name' in value && 'config' in value

/** The initializer that a name, a function, a value or Keras' JSON stands for. */
export function resolveInitializer(initializer: InitializerLike): Initializer {
  if (typeof initializer === 'string') return new (lookup('initializer', initializer, named, aliases))()
  if (typeof initializer === 'function') return { call: (shape) => toTensor(initializer(shape)) }
  if (initializer instanceof Tensor) return { call: (shape) => fitting(initializer, shape) }
  return isSerialized(initializer) ? deserializeInitializer(initializer) : initializer
}

function fitting(value: Tensor, shape: Shape): Tensor {
  if (sameShape(value.shape, shape)) return value.value
  throw new ShapeError(`initializer: a value of shape ${formatShape(value.shape)} for a weight of shape ${formatShape(shape)}`)
}

/** An initializer as Keras writes it into JSON, `{ class_name, config }`; throws for a function or a value. */
export function serializeInitializer(initializer: InitializerLike): SerializedObject {
  const made = resolveInitializer(initializer)
  if (made instanceof Configured) return serialize(made, 'keras.initializers', table)
  throw new ValueError('initializer: a function or a value cannot be written into a config; give an object with getConfig')
}

/** The initializer that {@link serializeInitializer} or Keras wrote; `customObjects` names further classes. */
export const deserializeInitializer = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<any>>> = {},
): Initializer => deserialize('initializer', object, { ...table, ...customObjects })
