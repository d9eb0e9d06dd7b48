import { optionsOf, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { FormatError } from '../errors.ts'
import { readNpy, type Npy } from '../npy.ts'
import { unzip } from '../zip.ts'
import { bytesOf, noFile, type FileOptions } from './fetch.ts'
import { toIntegers, toLists } from './npy.ts'
import { noWords, wordEncoder, type WordOptions } from './words.ts'

export interface LoadImdbOptions extends FileOptions, WordOptions {}

/** Reviews as lists of word numbers; labels as int32, 1 for praise, 0 for the contrary. */
export interface Imdb {
  xTrain: number[][]
  yTrain: Tensor
  xTest: number[][]
  yTest: Tensor
}

const npzSha256 = '69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f'

/**
 * 25,000 film reviews to train on and 25,000 to test (Maas et al., 2011), as Keras' `imdb.load_data` gives them: a word is
 * its rank by frequency plus `indexFrom`.
 *
 * An archive with the keys `arr_0` … `arr_3` is what somebody saved of such a result. It is encoded and shuffled already:
 * there `seed` and `startChar` default to null and `indexFrom` to 0.
 * @throws {@link LoadError} if the file cannot be read or fetched, {@link FormatError} if it is not such an archive
 */
export async function loadImdb(given?: LoadImdbOptions): Promise<Imdb> {
  const op = 'loadImdb'
  const { path, url, ...options } = optionsOf(op, given, { ...noFile, ...noWords })
  const bytes = await bytesOf(op, { path, url }, { name: 'imdb.npz', sha256: npzSha256 })
  return encode(readArchive(bytes, op), options, op)
}

/** A set of reviews before they are encoded. */
interface Raw {
  lists: number[][]
  labels: Int32Array
}

interface Archive {
  train: Raw
  test: Raw
  isEncoded: boolean
}

function readArchive(bytes: Uint8Array, op: string): Archive {
  const files = unzip(bytes, (name) => /^(?:[xy]_(?:train|test)|arr_[0-3])\.npy$/.test(name), op)
  const isEncoded = !files.has('x_train.npy')
  const keys = isEncoded ? ['arr_0', 'arr_1', 'arr_2', 'arr_3'] : ['x_train', 'y_train', 'x_test', 'y_test']
  const arrays = keys.map((key): Npy => {
    const file = files.get(`${key}.npy`)
    if (!file)
      throw new FormatError(`${op}: the archive has no ${key}; expected x_train, y_train, x_test and y_test, or arr_0 to arr_3`)
    return readNpy(file, op)
  })
  const raw = (x: Npy, y: Npy, set: string): Raw => {
    const lists = toLists(x, op)
    const labels = toIntegers(y, op)
    if (lists.length !== labels.length) throw new FormatError(`${op}: ${lists.length} ${set} reviews and ${labels.length} labels`)
    return { lists, labels }
  }
  return { train: raw(arrays[0], arrays[1], 'training'), test: raw(arrays[2], arrays[3], 'test'), isEncoded }
}

function encode({ train, test, isEncoded }: Archive, options: WordOptions, op: string): Imdb {
  const words = wordEncoder(options, isEncoded, op)
  const set = ({ lists, labels }: Raw, name: string): [number[][], Tensor] => {
    const kept = words.order(lists.length).filter((i) => words.isShort(lists[i]))
    if (kept.length === 0)
      throw new ValueError(`${op}: maxlen ${options.maxlen} leaves no ${name} reviews`, { maxlen: options.maxlen })
    return [kept.map((i) => words.encode(lists[i])), tensor(Int32Array.from(kept, (i) => labels[i]))]
  }
  const [xTrain, yTrain] = set(train, 'training')
  const [xTest, yTest] = set(test, 'test')
  return { xTrain, yTrain, xTest, yTest }
}
