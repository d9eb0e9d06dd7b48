import { optionsOf } from '@typegrad/tensor'
import { FormatError } from '../errors.ts'
import { bytesOf, noFile, type FileOptions } from './fetch.ts'

export interface WordIndexOptions extends FileOptions {}

/** The words of {@link loadImdb} with their ranks by frequency, from 1; as Keras' `imdb.get_word_index`. */
export const imdbWordIndex = (options?: WordIndexOptions): Promise<Map<string, number>> =>
  wordIndex('imdbWordIndex', 'imdb_word_index.json', options)

/** The words of {@link loadReuters} with their ranks by frequency, from 1; as Keras' `reuters.get_word_index`. */
export const reutersWordIndex = (options?: WordIndexOptions): Promise<Map<string, number>> =>
  wordIndex('reutersWordIndex', 'reuters_word_index.json', options)

async function wordIndex(op: string, name: string, options: WordIndexOptions | undefined): Promise<Map<string, number>> {
  const bytes = await bytesOf(op, optionsOf(op, options, noFile), { name })
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
