/** Single images as tensors and back; Keras' words. */
import { decodeImage, encodePng, saveBytes } from '#platform'
import { optionsOf, resize, toTensor, ValueError, type ResizeOptions, type Tensor, type TensorLike } from '@typegrad/tensor'
import { nameOf, readBytes, type Source } from '../source.ts'
import { assertColorMode, convert, pixelsOf, type ColorMode, type Pixels } from './pixels.ts'

export interface ImgOptions {
  /** What a pixel has: three colours, these and opacity, or a grey. @defaultValue `'rgb'` */
  readonly colorMode?: ColorMode
}

export interface LoadImgOptions extends ImgOptions {
  /** `[height, width]` to resize to. @defaultValue that of the file */
  readonly targetSize?: readonly [height: number, width: number] | undefined
  /** @defaultValue `'nearest'` */
  readonly interpolation?: ResizeOptions['interpolation']
}

/**
 * The image of a file, uint8 `[height, width, channels]`: PNG or JPEG in Node (by the optional dependencies fast-png and jpeg-js), in browsers
 * what they can show. As Keras' `load_img`. @throws {@link LoadError}, {@link FormatError}
 */
export async function loadImg(source: Source, options?: LoadImgOptions): Promise<Tensor> {
  const op = 'loadImg'
  const { colorMode, targetSize, interpolation } = optionsOf(op, options, {
    colorMode: 'rgb',
    targetSize: undefined,
    interpolation: 'nearest',
  })
  assertColorMode(op, colorMode)
  const image = await readImg(source, colorMode, op)
  return targetSize ? resize(image.expandDims(0), targetSize, { interpolation }).squeeze(0) : image
}

/** @internal */
export async function readImg(source: Source, colorMode: ColorMode, op: string): Promise<Tensor> {
  return convert(await decodeImage(await readBytes(source, op), op, nameOf(source)), colorMode, op)
}

/** The pixels of a canvas (`context.getImageData(…)`), or of anything like it, as uint8 `[height, width, channels]`; as Keras' `img_to_array`. */
export function imgToArray(image: Pixels, options?: ImgOptions): Tensor {
  const { colorMode } = optionsOf('imgToArray', options, { colorMode: 'rgb' })
  assertColorMode('imgToArray', colorMode)
  if (typeof image?.width !== 'number' || typeof image.height !== 'number' || !ArrayBuffer.isView(image.data))
    throw new ValueError('imgToArray: expected { width, height, data }, such as context.getImageData(0, 0, width, height)')
  return convert(image, colorMode, 'imgToArray')
}

/**
 * An image `[height, width]` or `[height, width, 1 | 3 | 4]` of values from 0 to 255 as pixels of red, green, blue and opacity, for
 * `new ImageData(data, width)`; as Keras' `array_to_img`. With `scale` the least value becomes 0 and the largest 255.
 */
export function arrayToImg(
  x: TensorLike,
  options?: { readonly scale?: boolean },
): { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray<ArrayBuffer> } {
  const { scale } = optionsOf('arrayToImg', options, { scale: false })
  const given = toTensor(x)
  const pixels = pixelsOf(scale ? scaled(given) : given, 'arrayToImg')
  const { width, height } = pixels
  const all = convert(pixels, 'rgba', 'arrayToImg').toTypedArray()
  return { width, height, data: Uint8ClampedArray.from(all) }
}

const scaled = (x: Tensor): Tensor => {
  const y = x.cast('float32').sub(x.min())
  return y.mul(255 / Math.max(y.max().item(), 1e-30))
}

/** Writes an image `[height, width]` or `[height, width, 1 | 3 | 4]` of values from 0 to 255 as a PNG file; in browsers it is a download. As Keras' `save_img`. */
export async function saveImg(path: string, x: TensorLike): Promise<void> {
  if (!/\.png$/i.test(path)) throw new ValueError(`saveImg: '${path}', the extension must be .png`, { path })
  await saveBytes(path, await encodePng(pixelsOf(toTensor(x), 'saveImg'), 'saveImg'))
}
