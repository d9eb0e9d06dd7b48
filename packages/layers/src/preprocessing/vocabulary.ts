/** What vocabularies are learned from, and how. */
import { sizeOf } from '@typegrad/tensor'
import type { Flat } from './strings.ts'

/** The rows of an array; a single axis is one document, or one for each value. */
export function documents<T>({ values, shape }: Flat<T>, together: boolean): T[][] {
  const rows = shape.length > 1 ? shape[0] : together ? 1 : sizeOf(shape)
  const length = rows === 0 ? 0 : values.length / rows
  return Array.from({ length: rows }, (_, i) => values.slice(i * length, (i + 1) * length))
}

/** Below 0 if a comes before b: numbers by size, strings by their code points, as UTF-8 sorts. */
function compareTerms(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b)
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [p, q] = [a.charCodeAt(i), b.charCodeAt(i)].map((unit) =>
      unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit,
    )
    if (p !== q) return p - q
  }
  return a.length - b.length
}

/** All terms of documents but some, the most frequent first and equally frequent ones from the last down; and in how many documents each is. */
export function frequentTerms<T extends string | number>(
  all: readonly (readonly T[])[],
  without: readonly (T | null)[],
): { terms: T[]; documentCounts: ReadonlyMap<T, number> } {
  const counts = new Map<T, number>()
  const documentCounts = new Map<T, number>()
  const increment = (map: Map<T, number>, term: T): unknown => map.set(term, (map.get(term) ?? 0) + 1)
  for (const terms of all) {
    for (const term of terms) increment(counts, term)
    for (const term of new Set(terms)) increment(documentCounts, term)
  }
  for (const term of without) if (term !== null) counts.delete(term)
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || compareTerms(b, a))
  return { terms: sorted.map(([term]) => term), documentCounts }
}
