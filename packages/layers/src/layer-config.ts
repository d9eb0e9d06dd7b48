/**
 * A layer's options are its config: their names in snake case, and what is not plain data as `{ class_name, config }`,
 * as Keras writes it. Which kind of thing an option holds shows in its name (`kernelInitializer`, `activation`, …).
 */
import { camelCase, describe, optionsOf, required, snakeCase, Tensor, ValueError, type DType } from '@typegrad/tensor'
import { activations, resolveActivation, type ActivationLike } from './activations.ts'
import type { Config, SerializedObject } from '@typegrad/tensor/config'
import { deserializeConstraint, resolveConstraint, serializeConstraint } from './constraints.ts'
import { deserializeInitializer, resolveInitializer, serializeInitializer } from './initializers.ts'
import { deserializeRegularizer, resolveRegularizer, serializeRegularizer } from './regularizers.ts'

/** The options of a layer as Keras writes them into JSON: `{ units: 3, use_bias: true, … }`. */
export type LayerConfig = Config

/** A layer as Keras writes it into JSON; `module` is `keras.layers`, and `null` for a class of yours. */
export interface SerializedLayer extends Omit<SerializedObject, 'module'> {
  readonly module?: string | null
  /** What the layer was built for. */
  readonly build_config?: LayerConfig
  /** How a model is trained. */
  readonly compile_config?: LayerConfig
}

export { required }

/** The options that every layer has; they are not named in `defaults`. */
const common = ['name', 'trainable', 'dtype', 'activityRegularizer', 'inputShape', 'inputDim'] as const
type Common = (typeof common)[number]

/** What the defaults of a class with options `O` must say: a value for every optional option, {@link required} for the others. */
export type Defaults<O> = {
  readonly [K in Exclude<keyof O, Common>]-?: Pick<O, K> extends Required<Pick<O, K>> ? typeof required : Exclude<O[K], undefined>
} & {
  /** Named here by the classes whose config always has it. */
  readonly activityRegularizer?: null
}

/** Options after the defaults have been filled in. */
export type Full<O> = O & Required<Omit<O, Common>>

/** @internal What the base reads of a class. */
export interface LayerClass {
  new (...args: any[]): any
  readonly name: string
  readonly defaults?: Readonly<Record<string, unknown>> | undefined
  readonly fixed?: Readonly<Record<string, unknown>>
  readonly unwritten?: readonly string[]
  fromConfig(config: LayerConfig, custom?: CustomLayers): any
}

/** @internal The options with the class's defaults; throws a ValueError for a missing or an unknown one, or an unknown name in one. */
export function fillOptions<O extends object>({ name, defaults }: LayerClass, options: O | undefined): Full<O> {
  if (!defaults) return optionsOf<object, object>(name, options, options ?? {}) as Full<O>
  const filled = optionsOf<object, object>(name, options, defaults, common) as Full<O>
  for (const [key, value] of Object.entries(options ?? {})) {
    if (value === null || value === undefined) continue
    if (typeof defaults[key] === 'boolean' && typeof value !== 'boolean')
      throw new ValueError(`${name}: ${key} must be true or false, got ${describe(value)}`, { [key]: value })
    if (typeof defaults[key] === 'number' && typeof value === 'string')
      throw new ValueError(`${name}: ${key} must be a number, got ${describe(value)}`, { [key]: value })
    if (/activation$/i.test(key)) resolveActivation(value as ActivationLike)
    else kindOf(key)?.resolve(value)
  }
  return filled
}

const policy = (dtype: DType): SerializedLayer & { module: string } => ({
  module: 'keras',
  class_name: 'DTypePolicy',
  config: { name: dtype },
  registered_name: null,
})

interface Configurable {
  getConfig(): LayerConfig
}

const isConfigurable = (value: unknown): value is Configurable =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Configurable>).getConfig === 'function'

/** What a layer shows of itself to be written. */
interface ConfiguredLayer extends Configurable {
  readonly name: string
  readonly options: object
  readonly trainable: boolean
  readonly dtype: DType
  getBuildConfig(): LayerConfig | undefined
  /** Models: how they are trained. */
  getCompileConfig?(): LayerConfig | undefined
}

const isLayer = (value: unknown): value is ConfiguredLayer => isConfigurable(value) && 'getBuildConfig' in value

/** @internal The config of a layer, from its options. */
export function layerConfig(layer: ConfiguredLayer): LayerConfig {
  const { defaults, fixed, unwritten = [] } = layer.constructor as unknown as LayerClass
  const options = layer.options as Readonly<Record<string, unknown>>
  const written = (key: string): boolean => !unwritten.includes(key) || options[key] !== defaults?.[key]
  const keys = defaults
    ? Object.keys(defaults).filter(written)
    : Object.keys(options).filter((key) => !(common as readonly string[]).includes(key))
  if (options['activityRegularizer'] && !keys.includes('activityRegularizer')) keys.push('activityRegularizer')
  return {
    name: layer.name,
    trainable: layer.trainable,
    dtype: policy(layer.dtype),
    ...Object.fromEntries(keys.map((key) => [snakeCase(key), toConfig(key, options[key], layer.name)])),
    ...fixed,
  }
}

/** Options whose text is one of some names, which has two spellings; other text is the user's. */
const isChoice = (key: string): boolean => /(mode|format|standardize|split)$/i.test(key)

/** Whether configs are being made for copies within the program: functions and objects of one's own are parts of them as they are. */
let copying = false

/** @internal What `make` gives, all configs in which are for copies within the program. */
export function forCopies<T>(make: () => T): T {
  const before = copying
  copying = true
  try {
    return make()
  } finally {
    copying = before
  }
}

/** The value of an option of the layer of that name as JSON. */
function toConfig(key: string, value: unknown, layer: string): unknown {
  if (copying && (typeof value === 'function' || kindOf(key))) return value
  if (/activation$/i.test(key)) return activationName(value as ActivationLike | null, layer)
  if (value === null || value === undefined) return null
  const kind = kindOf(key)
  if (kind) return kind.write(value)
  if (isLayer(value)) return serializeLayer(value)
  if (value instanceof Tensor) return value.toArray()
  if (Array.isArray(value)) return value.map((item: unknown) => toConfig(key, item, layer))
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
  if (typeof value === 'string') return isChoice(key) ? snakeCase(value) : value
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toConfig(name, item, layer)]))
  const code = typeof value === 'function' ? ', for a function is code: write a class and registerLayer it' : ''
  throw new ValueError(`getConfig: option ${key} of layer '${layer}' is a ${typeof value}, which a config cannot hold${code}`, {
    key,
  })
}

/** Keras' names for activations that are called otherwise here, or have two names. */
const activationNames: Readonly<Record<string, string>> = {
  exp: 'exponential',
  swish: 'silu',
  hard_swish: 'hard_silu',
  leakyrelu: 'leaky_relu',
}

/** An activation as Keras writes it; throws for a function that is not one of ours. */
function activationName(activation: ActivationLike | null | undefined, layer: string): string {
  if (activation === null || activation === undefined) return 'linear'
  const given = typeof activation === 'string' ? activation : activation.name
  const known =
    typeof activation === 'string' ||
    (Object.hasOwn(activations, given) && resolveActivation(given as ActivationLike) === activation)
  if (!known)
    throw new ValueError(
      `getConfig: the activation '${given}' of layer '${layer}' is a function of yours, which a config cannot hold`,
    )
  const name = snakeCase(given)
  return activationNames[name] ?? name
}

/** Things that an option's name shows it to hold, and that are made by name. */
interface Kind {
  readonly pattern: RegExp
  /** Throws for a name that nothing has. */
  resolve(value: any): unknown
  write(value: any): unknown
  read(value: SerializedObject): unknown
}

const kinds: readonly Kind[] = [
  { pattern: /initializer$/i, resolve: resolveInitializer, write: serializeInitializer, read: deserializeInitializer },
  { pattern: /regularizer$/i, resolve: resolveRegularizer, write: serializeRegularizer, read: deserializeRegularizer },
  { pattern: /constraint$/i, resolve: resolveConstraint, write: serializeConstraint, read: deserializeConstraint },
]

const kindOf = (key: string): Kind | undefined => kinds.find(({ pattern }) => pattern.test(key))

/** Classes by the name in a config, and where they are from. */
const registry = new Map<string, LayerClass>()
const origins = new Map<
  LayerClass,
  { readonly name: string; readonly module: string | null; readonly registered: string | null }
>()

/** @internal Makes a class of Keras' own known by name. */
export function registerBuiltin(name: string, made: unknown, module = 'keras.layers', registered: string | null = null): void {
  registry.set(name, made as LayerClass)
  origins.set(made as LayerClass, { name, module, registered })
}

/** @internal The name of a layer's class in files: bundlers may have changed the one that it has in the program. */
export const classNameOf = (layer: object): string => origins.get(layer.constructor as LayerClass)?.name ?? layer.constructor.name

/** Makes a layer of yours known to {@link deserializeLayer}, under `Custom>ClassName`, as `register_keras_serializable` does. */
export function registerLayer(layer: LayerClass, { name = layer.name, package: group = 'Custom' } = {}): void {
  const registered = `${group}>${name}`
  registry.set(registered, layer)
  origins.set(layer, { name, module: null, registered })
}

/** A layer or a model as Keras writes it: `{ module, class_name, config, registered_name, build_config }`. */
export function serializeLayer(layer: ConfiguredLayer): SerializedLayer {
  const made = layer.constructor as LayerClass
  const { name, module, registered } = origins.get(made) ?? { name: made.name, module: null, registered: `Custom>${made.name}` }
  const build = layer.getBuildConfig()
  return {
    module,
    class_name: name,
    config: layer.getConfig(),
    registered_name: registered,
    ...(build && { build_config: build }),
    ...(layer.getCompileConfig && { compile_config: layer.getCompileConfig() ?? {} }),
  }
}

/** Classes by name that a config may use besides those of this package and the registered ones. */
export type CustomLayers = Readonly<Record<string, LayerClass>>

/** The layer that {@link serializeLayer} wrote. Only classes of this package, registered ones and `custom` can be named. */
export function deserializeLayer(serialized: SerializedLayer, custom: CustomLayers = {}): any {
  const { class_name: name, config, registered_name: registered } = serialized ?? {}
  if (typeof name !== 'string' || typeof config !== 'object' || config === null) {
    throw new ValueError(`deserializeLayer: expected { class_name, config }, got ${JSON.stringify(serialized)}`)
  }
  const own = [registered, name].find((key) => typeof key === 'string' && Object.hasOwn(custom, key))
  const found = own ? custom[own] : (registry.get(registered ?? name) ?? registry.get(name))
  if (!found) {
    throw new ValueError(`deserializeLayer: unknown layer '${name}'; give its class: { ${name} }, or registerLayer(${name})`, {
      name,
    })
  }
  return found.fromConfig(config, custom)
}

const isSerialized = (value: unknown): value is SerializedLayer =>
  typeof value === 'object' && value !== null && typeof (value as SerializedLayer).class_name === 'string'

/** @internal The options that a config stands for. */
export function optionsFromConfig(
  { name, fixed = {} }: Pick<LayerClass, 'name' | 'fixed'>,
  config: LayerConfig,
  custom: CustomLayers,
): object {
  const options: [string, unknown][] = []
  for (const [key, value] of Object.entries(config)) {
    if (Object.hasOwn(fixed, key)) {
      if (JSON.stringify(value) !== JSON.stringify(fixed[key])) {
        throw new ValueError(`${name}: ${key} ${JSON.stringify(value)} is not supported, only ${JSON.stringify(fixed[key])}`)
      }
    } else if (key === 'dtype') options.push([key, dtypeOf(value)])
    else options.push([camelCase(key), fromConfig(camelCase(key), value, custom)])
  }
  return Object.fromEntries(options)
}

const dtypeOf = (value: unknown): unknown => (isSerialized(value) ? value.config['name'] : value)

function fromConfig(key: string, value: unknown, custom: CustomLayers): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => fromConfig(key, item, custom))
  if (!isSerialized(value)) return value
  if (value.class_name === '__tuple__') return fromConfig(key, (value as { items?: unknown }).items, custom)
  const kind = kindOf(key)
  return kind ? kind.read(value as SerializedObject) : deserializeLayer(value, custom)
}
