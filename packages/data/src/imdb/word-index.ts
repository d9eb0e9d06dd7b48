import { optionsOf } from '@typegrad/tensor'
import { readBytes, type Source } from '../source.ts'
import { FormatError } from '../errors.ts'
import { fetchOnce } from './imdb.ts'

export interface ImdbWordIndexOptions {
  /** The `imdb_word_index.json` file, as a path, a `File` or a `Blob`. @defaultValue download it, once */
  path?: Source
  /** Where to download it from. @defaultValue Keras' address */
  url?: string | URL
}

/** The words of {@link loadImdb} with their ranks by frequency, from 1; as Keras' `imdb.get_word_index`. */
export async function imdbWordIndex(options?: ImdbWordIndexOptions): Promise<Map<string, number>> {
  const op = 'imdbWordIndex'
  const { path, url } = optionsOf(op, options, { path: undefined, url: undefined })
  const bytes = path !== undefined ? await readBytes(path, op) : await fetchOnce(op, url, 'imdb_word_index.json', 'path')
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new FormatError(`${op}: the file is not JSON: ${(error as Error).message}`)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new FormatError(`${op}: the JSON is not an object of words`)
  const index = new Map<string, number>(Object.entries(json))
  for (const [word, rank] of index) {
    if (!Number.isInteger(rank) || rank < 1)
      throw new FormatError(`${op}: the rank of '${word}' is ${JSON.stringify(rank)}, expected a positive integer`)
  }
  return index
}

/**
 * The words of an encoded review, `?` where a number stands for none.
 * @param indexFrom what {@link loadImdb} added to the ranks
 */
export function decodeReview(
  review: ArrayLike<number>,
  wordIndex: ReadonlyMap<string, number>,
  options?: { indexFrom?: number },
): string {
  const { indexFrom } = optionsOf('decodeReview', options, { indexFrom: 3 })
  let words = wordsByRank.get(wordIndex)
  if (words?.size !== wordIndex.size) {
    words = new Map([...wordIndex].map(([word, rank]) => [rank, word]))
    wordsByRank.set(wordIndex, words)
  }
  return Array.from(review, (number) => words.get(number - indexFrom) ?? '?').join(' ')
}

const wordsByRank = new WeakMap<ReadonlyMap<string, number>, Map<number, string>>()
