/** Texts as lists of word numbers, by frequency, as Keras' IMDB and Reuters data come. */
import { ValueError } from '@typegrad/tensor'
import { randomState } from './random-state.ts'

export interface WordOptions {
  /** Keep the words whose number is below: the `numWords` most frequent. @defaultValue all */
  numWords?: number | undefined
  /** Leave out the words whose number is below: the most frequent ones. @defaultValue 0 */
  skipTop?: number | undefined
  /** Leave out texts of this length or longer. @defaultValue none */
  maxlen?: number | undefined
  /** Seed of the shuffle; `null` for the order of the file. @defaultValue 113, as in Keras */
  seed?: number | null | undefined
  /** Number put before each text; `null` for none. @defaultValue 1 */
  startChar?: number | null | undefined
  /** Number put in place of words left out; `null` to drop them. @defaultValue 2 */
  oovChar?: number | null | undefined
  /** Added to the numbers of words, so that 0, 1 and 2 stay free. @defaultValue 3 */
  indexFrom?: number | undefined
}

/** What is not given hangs on the archive. */
export const noWords = {
  numWords: undefined,
  skipTop: undefined,
  maxlen: undefined,
  seed: undefined,
  startChar: undefined,
  oovChar: undefined,
  indexFrom: undefined,
}

/** How texts become lists: in which order, which of them, and with which numbers. `isEncoded`: nothing is to be added. */
export function wordEncoder(options: WordOptions, isEncoded: boolean, op: string) {
  const { numWords = Infinity, skipTop = 0, maxlen = Infinity, oovChar = 2 } = options
  const { seed = isEncoded ? null : 113, startChar = isEncoded ? null : 1, indexFrom = isEncoded ? 0 : 3 } = options
  const numbers = { numWords, skipTop, maxlen, indexFrom, seed: seed ?? 0, startChar: startChar ?? 0, oovChar: oovChar ?? 0 }
  for (const [name, value] of Object.entries(numbers)) {
    if (value !== Infinity && (!Number.isInteger(value) || value < 0))
      throw new ValueError(`${op}: ${name} must be an integer ≥ 0, got ${value}`)
  }
  // One stream for all sets.
  const random = seed === null ? undefined : randomState(seed)
  return {
    order: (n: number): number[] => Array.from(random ? random.permutation(n) : Array(n).keys()),
    isShort: ({ length }: readonly number[]): boolean => length + (startChar === null ? 0 : 1) < maxlen,
    encode(words: readonly number[]): number[] {
      const out: number[] = []
      const add = (word: number): void => {
        if (word >= skipTop && word < numWords) out.push(word)
        else if (oovChar !== null) out.push(oovChar)
      }
      if (startChar !== null) add(startChar)
      for (const word of words) add(word + indexFrom)
      return out
    },
  }
}
