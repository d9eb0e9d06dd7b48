// Keras' data sets: what its load_data gives, from archives of the same forms.
import {
  FormatError,
  loadBostonHousing,
  loadCaliforniaHousing,
  loadCifar10,
  loadFashionMnist,
  loadMnist,
  loadReuters,
  LoadError,
  reutersWordIndex,
  type HousingDataset,
  type ImageDataset,
} from '@typegrad/data'
import { ValueError, type Tensor } from '@typegrad/tensor'
import { gzipSync, zipSync } from 'fflate'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Images {
  shape: number[]
  sum: number
  first: number[][]
}
interface Split<X> {
  xTrain: X
  yTrain: number[]
  xTest: X
  yTest: number[]
}
/** By NumPy, Python and Keras' own lines; see its `note`. */
const golden = JSON.parse(readFileSync(new URL('../golden/data/keras-datasets.json', import.meta.url), 'utf8')) as {
  files: Record<string, string>
  cases: {
    images: Split<Images>
    cifar: Split<Images>
    boston: { options: object; expected: Split<number[][]> }[]
    california: { options: object; expected: { lengths: number[]; ids: number[]; yTest: number[]; xFirst: number[] } }[]
    reuters: { options: object; expected: Split<number[][]> }[]
  }
}
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(golden.files[name], 'base64'))
const blobOf = (name: string): Blob => new Blob([bytesOf(name)])

const imagesOf = (x: Tensor): Images => ({
  shape: [...x.shape],
  sum: x.cast('float64').sum().item(),
  first: x.reshape([x.shape[0], -1]).slice(null, [0, 80]).toArray() as number[][],
})

function expectImages({ xTrain, yTrain, xTest, yTest, targetNames }: ImageDataset, expected: Split<Images>): void {
  expect([xTrain.dtype, yTrain.dtype, targetNames.length]).toEqual(['uint8', 'int32', 10])
  expect({ xTrain: imagesOf(xTrain), yTrain: yTrain.toArray(), xTest: imagesOf(xTest), yTest: yTest.toArray() }).toEqual(expected)
}

describe('images', () => {
  const fashion = (): Record<string, Blob> =>
    Object.fromEntries(
      Object.keys(golden.files)
        .filter((name) => name.endsWith('.gz'))
        .map((name) => [name, blobOf(name)]),
    )

  test('MNIST', async () => expectImages(await loadMnist({ path: blobOf('mnist') }), golden.cases.images))

  test('Fashion-MNIST', async () => {
    const data = await loadFashionMnist({ files: fashion() })
    expectImages(data, golden.cases.images)
    expect(data.targetNames[9]).toBe('Ankle boot')
  })

  test('CIFAR-10, whose planes become the last axis', async () =>
    expectImages(await loadCifar10({ path: blobOf('cifar') }), golden.cases.cifar))

  test.each([
    ['no zip', () => loadMnist({ path: new Blob(['zip?']) }), /loadMnist: the zip archive is damaged/],
    [
      'another archive',
      () => loadMnist({ path: blobOf('boston') }),
      /loadMnist: the archive has no x_train; expected x_train, y_train/,
    ],
    ['no gzip', () => loadCifar10({ path: new Blob(['gzip?']) }), /loadCifar10: the gzip file is damaged/],
    ['no tar', () => loadCifar10({ path: new Blob([gzipSync(new Uint8Array(600).fill(55))]) }), /the tar archive is damaged/],
    [
      'an empty tar',
      () => loadCifar10({ path: new Blob([gzipSync(new Uint8Array(1024))]) }),
      /the archive has no 'data_batch_1.bin'/,
    ],
    [
      'a file less',
      () => loadFashionMnist({ files: { ...fashion(), 't10k-labels-idx1-ubyte.gz': undefined as never } }),
      /files has no 't10k-labels/,
    ],
    [
      'images for labels',
      () => loadFashionMnist({ files: { ...fashion(), 't10k-labels-idx1-ubyte.gz': blobOf('t10k-images-idx3-ubyte.gz') } }),
      /2352 pixels for 2352 images of 28 × 28/,
    ],
    [
      'a file cut off',
      () =>
        loadFashionMnist({
          files: { ...fashion(), 't10k-labels-idx1-ubyte.gz': new Blob([gzipSync(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 9, 1))]) },
        }),
      /1 bytes follow its head, expected 9/,
    ],
  ] as const)('%s is refused', async (_, load, message) => {
    const error: unknown = await load().catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FormatError)
    expect((error as Error).message).toMatch(message)
  })

  test('a gzip file that unpacks to more than there can be is not unpacked', async () => {
    const bomb = new Blob([gzipSync(new Uint8Array(2 ** 27))])
    await expect(loadFashionMnist({ files: { ...fashion(), 'train-images-idx3-ubyte.gz': bomb } })).rejects.toThrow(
      /unpacks to more than 67108864 bytes/,
    )
  })

  test('a path that leads nowhere', async () => {
    await expect(loadMnist({ path: 'nowhere.npz' })).rejects.toThrow(LoadError)
    await expect(loadFashionMnist({ fils: {} } as never)).rejects.toThrow(
      'loadFashionMnist: unknown option fils, did you mean files?',
    )
  })
})

describe('prices of houses', () => {
  const lists = ({ xTrain, yTrain, xTest, yTest }: HousingDataset): unknown => ({
    xTrain: xTrain.toArray(),
    yTrain: yTrain.toArray(),
    xTest: xTest.toArray(),
    yTest: yTest.toArray(),
  })

  test.each(golden.cases.boston)('Boston, $options', async ({ options, expected }) => {
    const data = await loadBostonHousing({ path: blobOf('boston'), ...options })
    expect([data.xTrain.dtype, data.featureNames.length]).toEqual(['float32', 13])
    expect(lists(data)).toEqual(expected)
  })

  test.each(golden.cases.california)('California, $options', async ({ options, expected }) => {
    const { xTrain, xTest, yTest } = await loadCaliforniaHousing({ path: blobOf('california'), ...options })
    const ids = (x: Tensor): unknown[] => x.slice([0, 9], 3).toArray() as number[]
    expect({
      lengths: [xTrain.shape[0], xTest.shape[0]],
      ids: [...ids(xTrain), ...ids(xTest)],
      yTest: yTest.slice([0, 9]).toArray(),
      xFirst: xTrain.slice(0).toArray(),
    }).toEqual(expected)
  })

  test.each([
    ['testSplit', () => loadBostonHousing({ path: blobOf('boston'), testSplit: 1 }), ValueError, /testSplit 1, expected a share/],
    ['seed', () => loadBostonHousing({ path: blobOf('boston'), seed: -1 }), ValueError, /seed must be an integer ≥ 0, got -1/],
    [
      'version',
      () => loadCaliforniaHousing({ path: blobOf('california'), version: 'tiny' as never }),
      ValueError,
      /must be 'large' or 'small'/,
    ],
    [
      'other data',
      () => loadBostonHousing({ path: blobOf('california') }),
      FormatError,
      /x \[605, 8\] and y \[605\], expected \[n, 13\]/,
    ],
  ] as const)('%s is refused', async (_, load, type, message) => {
    const error: unknown = await load().catch((e: unknown) => e)
    expect(error).toBeInstanceOf(type)
    expect((error as Error).message).toMatch(message)
  })
})

describe('Reuters', () => {
  test.each(golden.cases.reuters)('$options', async ({ options, expected }) => {
    const { xTrain, yTrain, xTest, yTest, targetNames } = await loadReuters({ path: blobOf('reuters'), ...options })
    expect({ xTrain, yTrain: yTrain.toArray(), xTest, yTest: yTest.toArray() }).toEqual(expected)
    expect([targetNames.length, targetNames[3], targetNames[45]]).toEqual([46, 'earn', 'lead'])
  })

  test('refuses what it cannot read', async () => {
    await expect(loadReuters({ path: blobOf('reuters'), maxlen: 1 })).rejects.toThrow('loadReuters: maxlen 1 leaves no newswires')
    await expect(loadReuters({ path: new Blob([zipSync({ 'x.npy': new Uint8Array(3) })]) })).rejects.toThrow(FormatError)
    expect((await reutersWordIndex({ path: new Blob(['{"the":1}']) })).get('the')).toBe(1)
  })
})
