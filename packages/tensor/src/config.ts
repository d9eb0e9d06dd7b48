/**
 * What losses, metrics, optimizers, schedules, initializers, regularizers and constraints have in common: options, their defaults, and
 * the JSON that Keras writes of them.
 */
import { ValueError } from './errors.ts'
import { camelCase, checkOptions, lookup, optionsOf, snakeCase } from './names.ts'

/** Options under the names that Keras gives them in its JSON, `from_logits`; `null` stands for "none". */
export type Config = Readonly<Record<string, unknown>>

/** An object as Keras writes it into JSON. */
export interface SerializedObject {
  readonly class_name: string
  readonly config: Config
  readonly module?: string
  readonly registered_name?: string | null
}

/** The defaults of all options `O` but the name: what `satisfies` checks a class's `defaults` against. */
export type Defaults<O> = Required<Omit<O, 'name'>>

/** Options with all of them given; `any` stays `any`, so that every object of a class is a `Class<any>` and the other way round. */
export type Settled<O> = unknown extends O ? any : Required<O>

/** A class that {@link deserialize} can make. */
export type ConfiguredClass<T> = (new (options?: any) => T) & { readonly defaults: object }

/** Something that its options say all of: given ones, and the class's `defaults` for the others. */
export abstract class Configured<O extends object> {
  /** Every option of the class, with the value that it has when it is not given. */
  static readonly defaults: object = {}
  /** Options that Keras' config lacks: ours has them when they are not the default, so that nothing is lost. */
  static readonly unwritten: readonly string[] = []
  readonly options: Settled<O>

  constructor(options: O) {
    const { defaults, name } = new.target
    // A class that names no options of its own takes care of them itself.
    const named = Object.keys(defaults).length > 0
    this.options = optionsOf<object, object>(name, options, named ? defaults : options, named ? ['name'] : []) as Settled<O>
  }

  /** The options under Keras' names. */
  getConfig(): Config {
    const { defaults, unwritten } = this.constructor as typeof Configured
    const written = Object.entries(this.options).filter(
      ([key, value]) =>
        Object.hasOwn(defaults, key) && !(unwritten.includes(key) && value === (defaults as Record<string, unknown>)[key]),
    )
    return Object.fromEntries(
      written.map(([key, value]) => [kerasName(key), typeof value === 'string' && key !== 'name' ? snakeCase(value) : value]),
    )
  }

  /** The object that `getConfig` came from; throws a ValueError for an option that the class does not have. */
  static fromConfig<T extends Configured<any>>(this: ConfiguredClass<T>, config: Config): T {
    const options = Object.entries(config).map(([name, value]) => [camelCase(name), value] as const)
    const written = Object.fromEntries(options.map(([key, value]) => [kerasName(key), value]))
    checkOptions(this.name, written, ['name', ...Object.keys(this.defaults)].map(kerasName))
    return new this(Object.fromEntries(options))
  }
}

/** `fromLogits` as `from_logits`, `beta1` as `beta_1`, `l1` as `l1`. */
const kerasName = (option: string): string => snakeCase(option).replace(/(beta|epsilon)(?=\d)/, '$1_')

/** How Keras writes an object of the classes in `table`; others are named by their class. */
export function serialize(object: Configured<any>, module: string, table: Readonly<Record<string, unknown>>): SerializedObject {
  const known = Object.keys(table).find((name) => table[name] === object.constructor)
  return {
    module: known ? module : '',
    class_name: known ?? object.constructor.name,
    config: object.getConfig(),
    registered_name: known ? null : object.constructor.name,
  }
}

/** The object that `{ class_name, config }` describes, of the classes in `table`; nothing else can be named. */
export function deserialize<T extends Configured<any>>(
  kind: string,
  { class_name: name, config }: SerializedObject,
  table: Readonly<Record<string, ConfiguredClass<T>>>,
): T {
  if (typeof name !== 'string' || typeof config !== 'object' || config === null)
    throw new ValueError(`${kind}: expected { class_name, config }, got ${JSON.stringify({ class_name: name, config })}`)
  const Class = lookup(kind, name, table)
  return Configured.fromConfig.call(Class, config) as T
}

/** The one of `allowed` that a string names in either spelling, `fan_in` or `fanIn`; throws a ValueError for others. */
export function oneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value || (typeof value === 'string' && name === camelCase(value)))
  if (found === undefined) throw new ValueError(`${what}: unknown '${String(value)}', expected ${allowed.join(', ')}`, { value })
  return found
}
