import { describe, ValueError } from './errors.ts'

/** `binary_crossentropy`, `BinaryCrossentropy` and `binaryCrossentropy` as `binaryCrossentropy`. */
export const camelCase = (name: string): string =>
  name
    .replace(/_+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^[A-Z]+(?![a-z])|^[A-Z]/, (head) => head.toLowerCase())

/** `BinaryCrossentropy` and `binaryCrossentropy` as `binary_crossentropy`: how Keras writes names into logs and files. */
export const snakeCase = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()

/** The type of a camelCase name in Keras' spelling. */
export type SnakeCase<S extends string> = S extends `${infer A}${infer B}`
  ? `${A extends Lowercase<A> ? A : `_${Lowercase<A>}`}${SnakeCase<B>}`
  : S

/**
 * The entry of `table` that a name stands for, in either spelling or by an alias; throws a ValueError that lists the
 * nearest known names.
 */
export function lookup<T>(
  kind: string,
  name: string,
  table: Readonly<Record<string, T>>,
  aliases: Readonly<Record<string, string>> = {},
): T {
  const camel = camelCase(name)
  const key = [name, camel, aliases[name], aliases[camel]].find((k) => k !== undefined && Object.hasOwn(table, k))
  if (key !== undefined) return table[key]
  const known = [...Object.keys(table), ...Object.keys(aliases)]
  const near = nearest(name, known).map((k) => `'${k}'`)
  const hint = near.length > 0 ? `did you mean ${near.join(', ')}?` : `known are ${known.join(', ')}`
  throw new ValueError(`${kind}: unknown name '${name}', ${hint}`, { name, known })
}

/** Throws a ValueError for what is no record of options: `Adam: takes an object of options, { … }, got 0.01` */
export function assertOptions(what: string, options: unknown, known: readonly string[] = []): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options) && !ArrayBuffer.isView(options)) return
  const some = known.length > 6 ? [...known.slice(0, 3), '…'] : known.length > 0 ? known : ['…']
  throw new ValueError(`${what}: takes an object of options, { ${some.join(', ')} }, got ${describe(options)}`)
}

/** Stands among the defaults for an option that must be given. */
export const required: unique symbol = Symbol('required')

/** A default for every option of `O`: `undefined` where there is none, {@link required} where one must be given. */
export type EveryDefault<O> = { readonly [K in keyof O]-?: O[K] | undefined | typeof required }

/** Options after the defaults `D` have been filled in. */
export type Filled<O, D> = {
  readonly [K in keyof O]-?: K extends keyof D ? (undefined extends D[K] ? O[K] : Exclude<O[K], undefined>) : O[K]
}

/**
 * The options that were given, and the defaults of the others. Throws a ValueError for what is no record, for a key that is neither among
 * the defaults nor in `also`, which else would do nothing, and for one that is missing: `kFold: unknown option n_splits, did you mean nSplits?`
 */
export function optionsOf<O extends object, const D extends EveryDefault<O>>(
  what: string,
  given: O | undefined,
  defaults: D,
  also: readonly string[] = [],
): Filled<O, D> {
  let filled: Record<string, unknown> = defaults
  if (given !== undefined) {
    const known = (): string[] => [...new Set([...Object.keys(defaults), ...also])]
    if (given === null || typeof given !== 'object' || Array.isArray(given)) assertOptions(what, given, known())
    filled = { ...defaults }
    for (const key in given) {
      if (given[key] === undefined) continue
      if (!Object.hasOwn(defaults, key) && !also.includes(key)) checkOptions(what, given, known())
      filled[key] = given[key]
    }
  }
  for (const key in filled) if (filled[key] === required) refuseMissing(what, filled)
  return filled as Filled<O, D>
}

function refuseMissing(what: string, filled: Readonly<Record<string, unknown>>): never {
  const missing = Object.keys(filled).filter((key) => filled[key] === required)
  throw new ValueError(`${what}: ${missing.join(' and ')} must be given`, { missing })
}

/** Throws a ValueError for keys of `options` that are not among the known ones: `fit: unknown option batch_size, did you mean batchSize?` */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  assertOptions(what, options, known)
  const unknown = Object.entries(options).flatMap(([key, value]) => (value === undefined || known.includes(key) ? [] : [key]))
  if (unknown.length === 0) return
  const near = unknown.flatMap((key) => nearest(key, known).slice(0, 1))
  const hint = near.length === unknown.length ? `did you mean ${near.join(', ')}?` : `known are ${known.join(', ')}`
  throw new ValueError(`${what}: unknown option${unknown.length > 1 ? 's' : ''} ${unknown.join(', ')}, ${hint}`, { unknown })
}

/** Up to three of the known names that are like this one, the nearest first. */
function nearest(name: string, known: readonly string[]): string[] {
  const like = camelCase(name).toLowerCase()
  return known
    .map((k) => ({ k, d: distance(camelCase(k).toLowerCase(), like) }))
    .filter(({ k, d }) => d <= Math.max(2, k.length / 3))
    .sort((a, b) => a.d - b.d)
    .slice(0, 3)
    .map(({ k }) => k)
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]))
    }
    row = next
  }
  return row[b.length]
}
