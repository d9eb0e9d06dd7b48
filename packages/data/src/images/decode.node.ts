import type * as fastPng from 'fast-png'
import { FormatError } from '../errors.ts'
import type { Pixels } from './pixels.ts'

/** Decoders are optional dependencies, loaded on first use. */
async function load<T>(module: Promise<T>, name: string, op: string): Promise<T> {
  return module.catch((error: unknown) => {
    throw new FormatError(
      `${op}: ${name} decodes such images, and could not be loaded (${(error as Error).message}): npm install ${name}`,
    )
  })
}

/** The pixels of a PNG or JPEG file. @throws {@link FormatError} */
export async function decodeImage(bytes: Uint8Array, op: string, name: string): Promise<Pixels> {
  const fail = (why: string): FormatError => new FormatError(`${op}: ${name}, ${why}`)
  const damaged = (error: unknown): FormatError => fail(`the image is damaged: ${(error as Error).message}`)
  if (bytes[0] === 0x89 && bytes[1] === 0x50) {
    const png = await load(import('fast-png'), 'fast-png', op)
    try {
      return ofPng(png.decode(bytes, { checkCrc: true }), png.convertIndexedToRgb)
    } catch (error) {
      throw damaged(error)
    }
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    const jpeg = await load(import('jpeg-js'), 'jpeg-js', op)
    try {
      return jpeg.default.decode(bytes, { useTArray: true, formatAsRGBA: true, tolerantDecoding: false })
    } catch (error) {
      throw damaged(error)
    }
  }
  throw fail(`it is neither PNG nor JPEG${bytes.length === 0 ? ', but empty' : ''}`)
}

function ofPng(image: fastPng.DecodedPng, convertIndexedToRgb: typeof fastPng.convertIndexedToRgb): Pixels {
  const { width, height, depth, channels, palette } = image
  if (palette) {
    const data = convertIndexedToRgb(image) as Uint8Array
    return { width, height, data, channels: (data.length / (width * height)) as 3 | 4 }
  }
  const size = width * height * channels
  if (depth === 16)
    return { width, height, data: Uint8Array.from(image.data, (value) => value >> 8), channels: channels as 1 | 2 | 3 | 4 }
  if (depth === 8) return { width, height, data: image.data as Uint8Array, channels: channels as 1 | 2 | 3 | 4 }
  // Several grey pixels in a byte; rows begin with a byte.
  const perByte = 8 / depth
  const row = Math.ceil(width / perByte)
  const most = 2 ** depth - 1
  const data = Uint8Array.from({ length: size }, (_, i) => {
    const x = i % width
    const byte = image.data[Math.floor(i / width) * row + Math.floor(x / perByte)]
    return (((byte >> (8 - depth * ((x % perByte) + 1))) & most) * 255) / most
  })
  return { width, height, data, channels: 1 }
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, data, channels = 4 }: Pixels, op: string): Promise<Uint8Array> {
  const png = await load(import('fast-png'), 'fast-png', op)
  return png.encode({ width, height, data, channels, depth: 8 })
}
