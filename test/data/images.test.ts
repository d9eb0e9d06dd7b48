// Images of files and canvases as tensors and back, and folders of them. Values are Pillow's, which Keras reads images with.
import {
  arrayToImg,
  FormatError,
  imageDatasetFromDirectory,
  imgToArray,
  loadImg,
  LoadError,
  saveImg,
  type ColorMode,
  type ImageDirectoryOptions,
} from '@typegrad/data'
import { Dense, Flatten, Input, Rescaling } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { ShapeError, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

type Values = number[][] | number[][][]
const golden = JSON.parse(readFileSync(new URL('../golden/data/images.json', import.meta.url), 'utf8')) as {
  images: Record<string, { file: string; tolerance: number; values: Partial<Record<ColorMode, Values>> }>
  nearest: { targetSize: [number, number]; values: Values }
}
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(golden.images[name].file, 'base64'))
const blobOf = (name: string): Blob => new Blob([bytesOf(name)])

const folder = mkdtempSync(join(tmpdir(), 'typegrad-images-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cases = Object.entries(golden.images).flatMap(([name, { values, tolerance }]) =>
  Object.entries(values).map(([mode, expected]) => ({ name, mode: mode as ColorMode, expected, tolerance })),
)

describe('loadImg', () => {
  test.each(cases)('$name as $mode', async ({ name, mode, expected, tolerance }) => {
    const x = await loadImg(blobOf(name), { colorMode: mode })
    const wanted = tensor(expected, { dtype: 'int32' })
    expect([x.dtype, x.shape]).toEqual(['uint8', mode === 'grayscale' ? [...wanted.shape, 1] : wanted.shape])
    const off = x.cast('int32').reshape(wanted.shape).sub(wanted).abs()
    expect(off.max().item()).toBeLessThanOrEqual(tolerance)
  })

  test('resizes to the nearest pixel, as Pillow does', async () => {
    const { targetSize, values } = golden.nearest
    expect((await loadImg(blobOf('rgb.png'), { targetSize })).toArray()).toEqual(values)
  })

  test.each([
    ['no image', new Blob(['GIF89a']), /loadImg: 'Blob', it is neither PNG nor JPEG/],
    ['nothing', new Blob([]), /neither PNG nor JPEG, but empty/],
    ['a PNG cut off', new Blob([bytesOf('rgb.png').slice(0, 60)]), /the image is damaged/],
    [
      'a PNG with a bit flipped',
      new Blob([bytesOf('rgb.png').map((byte, i) => (i === 60 ? byte ^ 1 : byte))]),
      /the image is damaged/,
    ],
    ['a JPEG cut off', new Blob([bytesOf('whole.jpg').slice(0, 200)]), /the image is damaged/],
  ])('%s is refused', async (_, file, message) => {
    const error: unknown = await loadImg(file).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FormatError)
    expect((error as Error).message).toMatch(message)
  })

  test('says what is wrong with its options, and where no file is', async () => {
    await expect(loadImg(blobOf('rgb.png'), { colorMode: 'grey' as never })).rejects.toThrow(
      "loadImg: colorMode 'grey', expected one of grayscale, rgb, rgba",
    )
    await expect(loadImg('nowhere.png')).rejects.toThrow(LoadError)
  })
})

describe('arrays and pixels', () => {
  test('an ImageData as an array and back', () => {
    const data = Uint8ClampedArray.from({ length: 24 }, (_, i) => 10 * i)
    const x = imgToArray({ width: 3, height: 2, data }, { colorMode: 'rgba' })
    expect(x.shape).toEqual([2, 3, 4])
    expect(arrayToImg(x)).toEqual({ width: 3, height: 2, data })
    expect(imgToArray({ width: 3, height: 2, data }).shape).toEqual([2, 3, 3])
  })

  test('floats are rounded and limited, or scaled', () => {
    expect([...arrayToImg([[-3, 0.6, 300]]).data]).toEqual([0, 0, 0, 255, 1, 1, 1, 255, 255, 255, 255, 255])
    const reds = (data: Uint8ClampedArray): number[] => Array.from(data).filter((_, i) => i % 4 === 0)
    expect(reds(arrayToImg([[-1, 0, 1]], { scale: true }).data)).toEqual([0, 128, 255])
  })

  test('what is saved is loaded again', async () => {
    for (const mode of ['grayscale', 'rgb', 'rgba'] as const) {
      const x = await loadImg(blobOf('rgba.png'), { colorMode: mode })
      const path = join(folder, `${mode}.png`)
      await saveImg(path, x)
      expect((await loadImg(path, { colorMode: mode })).toArray()).toEqual(x.toArray())
    }
    await expect(saveImg(join(folder, 'a.jpg'), [[1]])).rejects.toThrow('the extension must be .png')
    await expect(saveImg(join(folder, 'a.png'), [1, 2])).rejects.toThrow(ShapeError)
    expect(() => imgToArray({ width: 3, height: 2, data: new Uint8Array(5) })).toThrow(ShapeError)
    expect(() => imgToArray({} as never)).toThrow(ValueError)
  })
})

describe('imageDatasetFromDirectory', () => {
  const root = join(folder, 'classes')
  const sizes: Record<string, [number, number][]> = {
    dark: [
      [4, 4],
      [6, 3],
      [2, 8],
      [4, 4],
      [5, 5],
    ],
    light: [
      [4, 4],
      [3, 3],
      [8, 8],
    ],
  }
  beforeAll(async () => {
    for (const [name, list] of Object.entries(sizes)) {
      mkdirSync(join(root, name, 'deeper'), { recursive: true })
      for (const [i, [h, w]] of list.entries()) {
        const value = (name === 'dark' ? 10 : 200) + i
        await saveImg(join(root, name, i === 1 ? 'deeper' : '', `${i}.png`), tensor([value]).broadcastTo([h, w, 3]))
      }
    }
    writeFileSync(join(root, 'dark', 'notes.txt'), 'no image')
  })

  const all = async (options: ImageDirectoryOptions): Promise<Tensor[][]> => {
    const batches: Tensor[][] = []
    for await (const batch of await imageDatasetFromDirectory(root, { imageSize: [4, 4], ...options })) batches.push(batch)
    return batches
  }
  const valuesIn = (batches: readonly Tensor[][]): number[] =>
    batches.flatMap(([x]) => x.mean([1, 2, 3]).round().toArray() as number[])

  test('reads all images in order, resized, with the number of their folder', async () => {
    const data = await imageDatasetFromDirectory(root, { imageSize: [4, 4], batchSize: 3, shuffle: false })
    expect([data.length, data.classNames, data.labels]).toEqual([3, ['dark', 'light'], [0, 0, 0, 0, 0, 1, 1, 1]])
    expect(data.files.map((file) => basename(file as string))).toEqual([
      '0.png',
      '2.png',
      '3.png',
      '4.png',
      '1.png',
      '0.png',
      '2.png',
      '1.png',
    ])
    const batches = await all({ batchSize: 3, shuffle: false })
    expect(batches.map(([x, y]) => [x.shape, x.dtype, y.toArray(), y.dtype])).toEqual([
      [[3, 4, 4, 3], 'float32', [0, 0, 0], 'int32'],
      [[3, 4, 4, 3], 'float32', [0, 0, 1], 'int32'],
      [[2, 4, 4, 3], 'float32', [1, 1], 'int32'],
    ])
    expect(valuesIn(batches)).toEqual([10, 12, 13, 14, 11, 200, 202, 201])
  })

  test('shuffles anew in every epoch, and the same with a seed', async () => {
    const data = await imageDatasetFromDirectory(root, { imageSize: [2, 2], seed: 5 })
    const epoch = async (): Promise<number[]> => {
      const batches: Tensor[][] = []
      for await (const batch of data) batches.push(batch)
      return valuesIn(batches)
    }
    const [first, second] = [await epoch(), await epoch()]
    expect(first).not.toEqual(second)
    expect(first.toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 200, 201, 202])
    expect(valuesIn(await all({ seed: 5 }))).toEqual(first)
  })

  test('the two subsets share no image and miss none', async () => {
    const parts = await Promise.all(
      (['training', 'validation'] as const).map((subset) => all({ seed: 1, validationSplit: 0.25, subset })),
    )
    const [training, validation] = parts.map(valuesIn)
    expect([training.length, validation.length]).toEqual([6, 2])
    expect([...training, ...validation].toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 200, 201, 202])
  })

  test('targets, colours and classes as asked for', async () => {
    const options = { shuffle: false, batchSize: 8 }
    expect((await all({ ...options, labelMode: 'binary' }))[0][1].shape).toEqual([8, 1])
    expect((await all({ ...options, labelMode: 'categorical' }))[0][1].slice(0).toArray()).toEqual([1, 0])
    expect((await all({ ...options, labelMode: null }))[0]).toHaveLength(1)
    expect((await all({ ...options, colorMode: 'grayscale' }))[0][0].shape).toEqual([8, 4, 4, 1])
    expect(valuesIn(await all({ ...options, classNames: ['light'] }))).toEqual([200, 202, 201])
  })

  test('cuts the middle out of images of another shape', async () => {
    const ramp = tensor([[0, 50, 100, 150, 200, 250]])
      .reshape([1, 6, 1])
      .broadcastTo([2, 6, 1])
    const path = join(folder, 'ramp.png')
    await saveImg(path, ramp)
    const data = await imageDatasetFromDirectory(
      { a: [path] },
      { imageSize: [2, 2], cropToAspectRatio: true, colorMode: 'grayscale' },
    )
    for await (const [x] of data) expect(x.flatten().toArray()).toEqual([100, 150, 100, 150])
  })

  test('fit and evaluate take it', async () => {
    const data = await imageDatasetFromDirectory(root, { imageSize: [4, 4], batchSize: 4, labelMode: 'binary', seed: 2 })
    const model = new Sequential([
      Input({ shape: [4, 4, 3] }),
      new Rescaling({ scale: 1 / 255 }),
      new Flatten(),
      new Dense({ units: 1, activation: 'sigmoid' }),
    ])
    model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    const { history } = await model.fit(data, { epochs: 30, verbose: 0 })
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0])
    expect(Object.keys(await model.evaluate(data, { verbose: 0 }))).toEqual(['accuracy', 'loss'])
  })

  test.each([
    ['no folder', 'nowhere', {}, LoadError, /'nowhere', no such folder/],
    ['a file', join(folder, 'classes', 'dark', 'notes.txt'), {}, LoadError, /it is a file/],
    ['a folder without folders', join(root, 'dark', 'deeper'), {}, ValueError, /no images in .*which has no classes/],
    ['classNames', root, { classNames: ['darkk'] }, ValueError, /classNames has darkk; there are dark, light/],
    ['imageSize', root, { imageSize: 256 }, ValueError, /imageSize must be \[height, width\], got 256/],
    ['a subset alone', root, { subset: 'training' }, ValueError, /validationSplit and subset belong together/],
    ['no seed', root, { subset: 'training', validationSplit: 0.5 }, ValueError, /validationSplit needs a seed/],
    ['labelMode', root, { labelMode: 'ints' }, ValueError, /labelMode 'ints'/],
    ['a mistyped option', root, { image_size: [2, 2] }, ValueError, /unknown option image_size, did you mean imageSize/],
  ] as const)('%s is refused', async (_, directory, options, type, message) => {
    const error: unknown = await imageDatasetFromDirectory(directory, options as ImageDirectoryOptions).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(type)
    expect((error as Error).message).toMatch(message)
  })

  test('an image that is none is named', async () => {
    mkdirSync(join(folder, 'broken', 'a'), { recursive: true })
    writeFileSync(join(folder, 'broken', 'a', 'x.jpg'), 'no image')
    const data = await imageDatasetFromDirectory(join(folder, 'broken'))
    await expect(data[Symbol.asyncIterator]().next()).rejects.toThrow(/x\.jpg', it is neither PNG nor JPEG/)
  })
})
