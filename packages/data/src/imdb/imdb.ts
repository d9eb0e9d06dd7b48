import { optionsOf, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { cachedDownload, sha256 } from '../download.ts'
import { FormatError } from '../errors.ts'
import { readBytes, type Source } from '../source.ts'
import { readNpy, type Npy } from '../npy.ts'
import { toIntegers, toLists } from './npy.ts'
import { randomState } from './random-state.ts'
import { unzip } from '../zip.ts'

export interface LoadImdbOptions {
  /** The `imdb.npz` file, as a path, a `File` or a `Blob`. @defaultValue download it, once */
  path?: Source
  /** Where to download it from. @defaultValue Keras' address */
  url?: string | URL
  /** Keep the words whose number is below: the `numWords` most frequent. @defaultValue all */
  numWords?: number
  /** Leave out the words whose number is below: the most frequent ones. @defaultValue 0 */
  skipTop?: number
  /** Leave out reviews of this length or longer. @defaultValue none */
  maxlen?: number
  /** Seed of the shuffle; `null` for the order of the file. @defaultValue 113, as in Keras */
  seed?: number | null
  /** Number put before each review; `null` for none. @defaultValue 1 */
  startChar?: number | null
  /** Number put in place of words left out; `null` to drop them. @defaultValue 2 */
  oovChar?: number | null
  /** Added to the numbers of words, so that 0, 1 and 2 stay free. @defaultValue 3 */
  indexFrom?: number
}

/** Reviews as lists of word numbers; labels as int32, 1 for praise, 0 for the contrary. */
export interface Imdb {
  xTrain: number[][]
  yTrain: Tensor
  xTest: number[][]
  yTest: Tensor
}

/** What is not given hangs on the archive. */
const unset = {
  path: undefined,
  url: undefined,
  numWords: undefined,
  skipTop: undefined,
  maxlen: undefined,
  seed: undefined,
  startChar: undefined,
  oovChar: undefined,
  indexFrom: undefined,
}

const keras = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/'
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
  const { path, url, ...options } = optionsOf(op, given, unset)
  const bytes = path !== undefined ? await readBytes(path, op) : await fetchOnce(op, url, 'imdb.npz', 'path', npzSha256)
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

function encode({ train, test, isEncoded }: Archive, options: LoadImdbOptions, op: string): Imdb {
  const { numWords = Infinity, skipTop = 0, maxlen = Infinity, oovChar = 2 } = options
  const { seed = isEncoded ? null : 113, startChar = isEncoded ? null : 1, indexFrom = isEncoded ? 0 : 3 } = options
  for (const [name, value] of Object.entries({
    numWords,
    skipTop,
    maxlen,
    indexFrom,
    seed: seed ?? 0,
    startChar: startChar ?? 0,
    oovChar: oovChar ?? 0,
  })) {
    if (value !== Infinity && (!Number.isInteger(value) || value < 0))
      throw new ValueError(`${op}: ${name} must be an integer ≥ 0, got ${value}`)
  }
  const review = (words: readonly number[]): number[] => {
    const out: number[] = []
    const add = (word: number): void => {
      if (word >= skipTop && word < numWords) out.push(word)
      else if (oovChar !== null) out.push(oovChar)
    }
    if (startChar !== null) add(startChar)
    for (const word of words) add(word + indexFrom)
    return out
  }
  // One stream for both sets.
  const random = seed === null ? undefined : randomState(seed)
  const set = ({ lists, labels }: Raw, name: string): [number[][], Tensor] => {
    const order = random ? Array.from(random.permutation(lists.length)) : Array.from(lists.keys())
    const kept = order.filter((i) => lists[i].length + (startChar === null ? 0 : 1) < maxlen)
    if (kept.length === 0) throw new ValueError(`${op}: maxlen ${maxlen} leaves no ${name} reviews`, { maxlen })
    return [kept.map((i) => review(lists[i])), tensor(Int32Array.from(kept, (i) => labels[i]))]
  }
  const [xTrain, yTrain] = set(train, 'training')
  const [xTest, yTest] = set(test, 'test')
  return { xTrain, yTrain, xTest, yTest }
}

/** The bytes of a file of Keras', or of another address: downloaded once, then kept. */
export async function fetchOnce(
  op: string,
  url: string | URL | undefined,
  name: string,
  option: string,
  expected?: string,
): Promise<Uint8Array> {
  const address = url ?? keras + name
  const advice = `Without a network, download the file elsewhere and pass it: ${op}({ ${option}: '${name}' })`
  if (url === undefined) return cachedDownload(address, op, { name, sha256: expected, advice })
  // Files of other addresses do not take the place of Keras'.
  const key = (await sha256(new TextEncoder().encode(String(url)))).slice(0, 8)
  return cachedDownload(address, op, { name: `${key}-${name}`, advice })
}
