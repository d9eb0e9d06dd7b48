/** Small images of ten or a hundred kinds, to train on and to test, as Keras' `load_data` gives them. */
import { optionsOf, type Tensor } from '@typegrad/tensor'
import { FormatError } from '../errors.ts'
import { readBytes, type Source } from '../source.ts'
import { wrap } from '../wrap.ts'
import { bytesOf, noFile, type FileOptions } from './fetch.ts'
import { gunzip, untar } from './gzip.ts'
import { toBytes, toIntegers } from './npy.ts'
import { arraysOf } from './npz.ts'

export interface ImageDataset {
  /** uint8, `[samples, height, width]`, and for colours `[samples, height, width, 3]`: from 0 to 255. */
  xTrain: Tensor
  /** int32, `[samples]`. */
  yTrain: Tensor
  xTest: Tensor
  yTest: Tensor
  /** What the numbers stand for. */
  targetNames: string[]
}

/** The images and labels of a set. */
interface Labelled {
  readonly pixels: Uint8Array
  readonly labels: Int32Array
}

function dataset(op: string, train: Labelled, test: Labelled, image: readonly number[], targetNames: string[]): ImageDataset {
  const size = image.reduce((a, b) => a * b, 1)
  const set = ({ pixels, labels }: Labelled): [Tensor, Tensor] => {
    if (pixels.length !== labels.length * size)
      throw new FormatError(`${op}: ${pixels.length} pixels for ${labels.length} images of ${image.join(' × ')}`)
    const wrong = labels.find((label) => !(label >= 0 && label < targetNames.length))
    if (wrong !== undefined) throw new FormatError(`${op}: the label ${wrong}, expected 0 to ${targetNames.length - 1}`)
    return [wrap(pixels, [labels.length, ...image]), wrap(labels, [labels.length])]
  }
  const [xTrain, yTrain] = set(train)
  const [xTest, yTest] = set(test)
  return { xTrain, yTrain, xTest, yTest, targetNames }
}

/** 70,000 handwritten digits of 28 × 28 pixels (LeCun et al., 1998; CC BY-SA 3.0), as Keras' `mnist.load_data`. @throws {@link LoadError}, {@link FormatError} */
export async function loadMnist(options?: FileOptions): Promise<ImageDataset> {
  const op = 'loadMnist'
  const sha256 = '731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1'
  const bytes = await bytesOf(op, optionsOf(op, options, noFile), { name: 'mnist.npz', sha256 })
  const [xTrain, yTrain, xTest, yTest] = arraysOf(bytes, ['x_train', 'y_train', 'x_test', 'y_test'], op)
  const set = (x: typeof xTrain, y: typeof yTrain): Labelled => ({ pixels: toBytes(x, op), labels: toIntegers(y, op) })
  const names = Array.from({ length: 10 }, (_, digit) => String(digit))
  return dataset(op, set(xTrain, yTrain), set(xTest, yTest), [28, 28], names)
}

const fashion = {
  'train-images-idx3-ubyte.gz': '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
  'train-labels-idx1-ubyte.gz': 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
  't10k-images-idx3-ubyte.gz': '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
  't10k-labels-idx1-ubyte.gz': '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
}
const garments = ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot']

export interface FashionMnistOptions {
  /** The four files by name, `train-images-idx3-ubyte.gz` and so on, as paths, `File`s or `Blob`s. @defaultValue download them, once */
  files?: Readonly<Record<string, Source>> | undefined
}

/** 70,000 pictures of ten kinds of clothes, 28 × 28 pixels (Xiao et al., 2017; MIT), as Keras' `fashion_mnist.load_data`. @throws {@link LoadError}, {@link FormatError} */
export async function loadFashionMnist(options?: FashionMnistOptions): Promise<ImageDataset> {
  const op = 'loadFashionMnist'
  const { files } = optionsOf(op, options, { files: undefined })
  const [xTrain, yTrain, xTest, yTest] = await Promise.all(
    Object.entries(fashion).map(async ([name, sha256]) => {
      if (files && files[name] === undefined)
        throw new FormatError(`${op}: files has no '${name}'; expected ${Object.keys(fashion).join(', ')}`)
      const packed = files ? await readBytes(files[name], op) : await bytesOf(op, noFile, { name, sha256 })
      return idx(await gunzip(packed, op, 1 << 26), name, op)
    }),
  )
  const set = (pixels: Uint8Array, labels: Uint8Array): Labelled => ({ pixels, labels: Int32Array.from(labels) })
  return dataset(op, set(xTrain, yTrain), set(xTest, yTest), [28, 28], [...garments])
}

/** The bytes of an IDX file: two zeros, the type 8, the number of axes, their lengths, the elements. */
function idx(bytes: Uint8Array<ArrayBuffer>, name: string, op: string): Uint8Array {
  const view = new DataView(bytes.buffer)
  const axes = bytes[3]
  const begin = 4 + 4 * axes
  const fail = (why: string): FormatError => new FormatError(`${op}: '${name}' is no IDX file of bytes: ${why}`)
  if (bytes.length < 8 || view.getUint16(0) !== 0 || bytes[2] !== 8 || bytes.length < begin) throw fail('its head is another')
  const size = Array.from({ length: axes }, (_, i) => view.getUint32(4 + 4 * i)).reduce((a, b) => a * b, 1)
  if (bytes.length !== begin + size) throw fail(`${bytes.length - begin} bytes follow its head, expected ${size}`)
  return bytes.slice(begin)
}

const toronto = 'https://www.cs.toronto.edu/~kriz/'

/** 60,000 colour pictures of ten kinds of things, 32 × 32 pixels (Krizhevsky, 2009), as Keras' `cifar10.load_data`; labels are `[samples]`. @throws {@link LoadError}, {@link FormatError} */
export function loadCifar10(options?: FileOptions): Promise<ImageDataset> {
  const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
  const train = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`)
  return cifar('loadCifar10', options, 'cifar-10-binary.tar.gz', train, ['test_batch.bin'], 1, names)
}

/** The binary version of Keras' files: each image is `heads` bytes, the last of which is the label, and the planes of red, green and blue. */
async function cifar(
  op: string,
  options: FileOptions | undefined,
  name: string,
  train: readonly string[],
  test: readonly string[],
  heads: number,
  targetNames: string[],
): Promise<ImageDataset> {
  const packed = await bytesOf(op, optionsOf(op, options, noFile), { name, from: toronto })
  const files = untar(await gunzip(packed, op, 1 << 28), op)
  const plane = 32 * 32
  const length = heads + 3 * plane
  const set = (parts: readonly string[]): Labelled => {
    const found = parts.map((part) => {
      const file = files.get(part)
      if (!file || file.length % length !== 0)
        throw new FormatError(
          `${op}: ${file ? `'${part}' has ${file.length} bytes, expected a multiple of ${length}` : `the archive has no '${part}'`}`,
        )
      return file
    })
    const count = found.reduce((sum, file) => sum + file.length / length, 0)
    const [pixels, labels] = [new Uint8Array(count * 3 * plane), new Int32Array(count)]
    let image = 0
    for (const file of found)
      for (let at = 0; at < file.length; at += length, image++) {
        labels[image] = file[at + heads - 1]
        for (let colour = 0; colour < 3; colour++)
          for (let i = 0; i < plane; i++) pixels[(image * plane + i) * 3 + colour] = file[at + heads + colour * plane + i]
      }
    return { pixels, labels }
  }
  return dataset(op, set(train), set(test), [32, 32, 3], targetNames)
}
