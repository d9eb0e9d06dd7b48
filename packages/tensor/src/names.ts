import { ValueError } from './errors.ts'

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
  const near = known
    .map((k) => ({ k, d: distance(k.toLowerCase(), camel.toLowerCase()) }))
    .filter(({ k, d }) => d <= Math.max(2, k.length / 3))
  near.sort((a, b) => a.d - b.d)
  const hint =
    near.length > 0
      ? `did you mean ${near
          .slice(0, 3)
          .map(({ k }) => `'${k}'`)
          .join(', ')}?`
      : `known are ${known.join(', ')}`
  throw new ValueError(`${kind}: unknown name '${name}', ${hint}`, { name, known })
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
