import { filesIn } from '#platform'
import { optionsOf, resize, stack, tensor, ValueError, type ResizeOptions, type Tensor } from '@typegrad/tensor'
import { shuffled, permutations } from '../preprocessing/shuffle.ts'
import { toCategorical } from '../preprocessing/to-categorical.ts'
import type { Source } from '../source.ts'
import { readImg, type ImgOptions } from './img.ts'
import { assertColorMode } from './pixels.ts'

export interface ImageDirectoryOptions extends ImgOptions {
  /** What targets are: class numbers int32 `[batch]`, 0 and 1 as float32 `[batch, 1]`, one-hot float32 `[batch, classes]`; `null` for none. @defaultValue `'int'` */
  readonly labelMode?: 'int' | 'binary' | 'categorical' | null
  /** The folders, in the order of their numbers. @defaultValue all, by name */
  readonly classNames?: readonly string[] | undefined
  /** @defaultValue `32` */
  readonly batchSize?: number
  /** `[height, width]` that all images are resized to. @defaultValue `[256, 256]` */
  readonly imageSize?: readonly [height: number, width: number]
  /** Whether to shuffle, anew in every epoch. @defaultValue `true` */
  readonly shuffle?: boolean
  /** Seed of the shuffles. @defaultValue the next of the global stream */
  readonly seed?: number | undefined
  /** Share of the images that is kept for validation; `subset` says which part is meant. */
  readonly validationSplit?: number | undefined
  readonly subset?: 'training' | 'validation' | undefined
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: ResizeOptions['interpolation']
  /** Cuts the middle out of images of another shape, in place of stretching them. @defaultValue `false` */
  readonly cropToAspectRatio?: boolean
}

/** Batches `[x, y]`, or `[x]` without labels, of images that are read when they are asked for; each loop is one epoch. */
export interface ImageBatches extends AsyncIterable<Tensor[]> {
  /** The batches of an epoch. */
  readonly length: number
  readonly classNames: readonly string[]
  /** The files, in order. */
  readonly files: readonly Source[]
  /** The class of each. */
  readonly labels: readonly number[]
}

const defaults = {
  colorMode: 'rgb',
  labelMode: 'int',
  classNames: undefined,
  batchSize: 32,
  imageSize: [256, 256],
  shuffle: true,
  seed: undefined,
  validationSplit: undefined,
  subset: undefined,
  interpolation: 'bilinear',
  cropToAspectRatio: false,
} as const

const op = 'imageDatasetFromDirectory'

/**
 * The images of a folder that has a folder for each class, in batches: x is float32 `[batch, height, width, channels]`, from 0 to 255. As
 * `keras.utils.image_dataset_from_directory`; `fit`, `evaluate` and `predict` take the result. In browsers, which have no folders, give
 * the files by class: `{ cats: [file, …], dogs: [file, …] }`. @throws {@link LoadError}, {@link FormatError}
 */
export async function imageDatasetFromDirectory(
  directory: string | Readonly<Record<string, readonly Source[]>>,
  options?: ImageDirectoryOptions,
): Promise<ImageBatches> {
  const given = optionsOf(op, options, defaults)
  const { batchSize, imageSize, labelMode, shuffle, seed, validationSplit: share, subset } = given
  assertColorMode(op, given.colorMode)
  const check = (valid: boolean, message: string): void => {
    if (!valid) throw new ValueError(`${op}: ${message}`)
  }
  check(Number.isInteger(batchSize) && batchSize > 0, `batchSize must be a positive integer, got ${batchSize}`)
  check(
    Array.isArray(imageSize) && imageSize.length === 2 && imageSize.every((n) => Number.isInteger(n) && n > 0),
    `imageSize must be [height, width], got ${JSON.stringify(imageSize)}`,
  )
  check(
    [null, 'int', 'binary', 'categorical'].includes(labelMode),
    `labelMode '${labelMode}', expected 'int', 'binary', 'categorical' or null`,
  )
  check((share === undefined) === (subset === undefined), 'validationSplit and subset belong together')
  check(share === undefined || (share > 0 && share < 1), `validationSplit ${share}, expected a share between 0 and 1`)
  check(
    subset === undefined || subset === 'training' || subset === 'validation',
    `subset '${subset}', expected 'training' or 'validation'`,
  )
  check(
    share === undefined || !shuffle || seed !== undefined,
    'validationSplit needs a seed, so that the two subsets share no image',
  )
  const byClass = typeof directory === 'string' ? await filesIn(directory, /\.(?:png|jpe?g)$/i, op) : directory
  const classNames = given.classNames ?? Object.keys(byClass).sort()
  const missing = classNames.filter((name) => !Object.hasOwn(byClass, name))
  check(missing.length === 0, `classNames has ${missing.join(', ')}; there are ${Object.keys(byClass).sort().join(', ')}`)
  check(
    labelMode !== 'binary' || classNames.length === 2,
    `labelMode 'binary' for ${classNames.length} classes: ${classNames.join(', ')}`,
  )
  let all = classNames.flatMap((name, label) => byClass[name].map((file) => ({ file, label })))
  check(
    all.length > 0,
    `no images in ${typeof directory === 'string' ? `'${directory}'` : 'the record'}, which has ${classNames.join(', ') || 'no classes'}`,
  )
  const source = permutations(seed)
  if (share !== undefined) {
    if (shuffle) all = Array.from(shuffled(all.length, source), (i) => all[i])
    const kept = Math.trunc(share * all.length)
    check(kept > 0 && kept < all.length, `validationSplit ${share} of ${all.length} images leaves a subset empty`)
    all = subset === 'training' ? all.slice(0, -kept) : all.slice(-kept)
  }
  const images = async (picked: readonly { file: Source }[]): Promise<Tensor> => {
    const read: Tensor[] = []
    for (const { file } of picked) read.push(fitted(await readImg(file, given.colorMode, op), given))
    return stack(read)
  }
  return {
    length: Math.ceil(all.length / batchSize),
    classNames,
    files: all.map(({ file }) => file),
    labels: all.map(({ label }) => label),
    async *[Symbol.asyncIterator]() {
      const order = shuffle ? Array.from(shuffled(all.length, source), (i) => all[i]) : all
      for (let at = 0; at < order.length; at += batchSize) {
        const picked = order.slice(at, at + batchSize)
        const x = await images(picked)
        yield labelMode === null
          ? [x]
          : [
              x,
              targets(
                picked.map(({ label }) => label),
                labelMode,
                classNames.length,
              ),
            ]
      }
    },
  }
}

function targets(labels: readonly number[], mode: 'int' | 'binary' | 'categorical', classes: number): Tensor {
  if (mode === 'categorical') return toCategorical(labels, classes)
  return mode === 'int' ? tensor(labels, { dtype: 'int32' }) : tensor(labels, { shape: [labels.length, 1] })
}

/** An image as float32 of the size that all have. */
function fitted(
  image: Tensor,
  options: {
    imageSize: readonly number[]
    interpolation: NonNullable<ResizeOptions['interpolation']>
    cropToAspectRatio: boolean
  },
): Tensor {
  const { imageSize, interpolation, cropToAspectRatio } = options
  const [height, width] = image.shape
  const [h, w] = imageSize
  let x = image.cast('float32')
  if (cropToAspectRatio) {
    // The largest part of the wanted shape.
    const [rows, columns] = [Math.min(height, Math.trunc((width * h) / w)), Math.min(width, Math.trunc((height * w) / h))]
    const [top, left] = [Math.trunc((height - rows) / 2), Math.trunc((width - columns) / 2)]
    x = x.slice([top, top + Math.max(1, rows)], [left, left + Math.max(1, columns)])
  }
  return resize(x.expandDims(0), imageSize, { interpolation }).squeeze(0)
}
