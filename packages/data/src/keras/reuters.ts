import { optionsOf, tensor, ValueError } from '@typegrad/tensor'
import { FormatError } from '../errors.ts'
import { bytesOf, noFile, type FileOptions } from './fetch.ts'
import type { Imdb } from './imdb.ts'
import { toIntegers, toLists } from './npy.ts'
import { arraysOf } from './npz.ts'
import { noWords, wordEncoder, type WordOptions } from './words.ts'

export interface LoadReutersOptions extends FileOptions, WordOptions {
  /** Share of the texts that go into the test set. @defaultValue 0.2 */
  testSplit?: number | undefined
}

/** Newswires as lists of word numbers; labels as int32. */
export interface Reuters extends Imdb {
  /** What the labels stand for. */
  targetNames: string[]
}

const topics =
  'cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas cpi ' +
  'money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc ' +
  'orange pet-chem dlr gas silver wpi hog lead'

/**
 * 11,228 newswires on 46 topics, as Keras' `reuters.load_data` gives them: a word is its rank by frequency plus `indexFrom`.
 * @throws {@link LoadError} if the file cannot be read or fetched, {@link FormatError} if it is not such an archive
 */
export async function loadReuters(given?: LoadReutersOptions): Promise<Reuters> {
  const op = 'loadReuters'
  const { path, url, testSplit, ...options } = optionsOf(op, given, { ...noFile, ...noWords, testSplit: 0.2 })
  if (!(testSplit >= 0 && testSplit < 1))
    throw new ValueError(`${op}: testSplit ${testSplit}, expected a share from 0 to below 1`)
  const sha256 = 'd6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916'
  const words = wordEncoder(options, false, op)
  const [x, y] = arraysOf(await bytesOf(op, { path, url }, { name: 'reuters.npz', sha256 }), ['x', 'y'], op)
  const [lists, labels] = [toLists(x, op), toIntegers(y, op)]
  if (lists.length !== labels.length) throw new FormatError(`${op}: ${lists.length} newswires and ${labels.length} labels`)
  const kept = words.order(lists.length).filter((i) => words.isShort(lists[i]))
  if (kept.length === 0) throw new ValueError(`${op}: maxlen ${options.maxlen} leaves no newswires`, { maxlen: options.maxlen })
  const cut = Math.trunc(kept.length * (1 - testSplit))
  const set = (picked: readonly number[]) =>
    [picked.map((i) => words.encode(lists[i])), tensor(Int32Array.from(picked, (i) => labels[i]))] as const
  const [xTrain, yTrain] = set(kept.slice(0, cut))
  const [xTest, yTest] = set(kept.slice(cut))
  return { xTrain, yTrain, xTest, yTest, targetNames: topics.split(' ') }
}
