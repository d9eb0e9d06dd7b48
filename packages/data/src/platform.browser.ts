import { Inflate } from 'fflate'
import { FormatError, LoadError } from './errors.ts'
import { convert, type Pixels } from './images/pixels.ts'
export { parse as parseQuoted } from 'csv-parse/browser/esm/sync'

/** The bytes that were deflated, at most one more than `most`. */
export function inflate(data: Uint8Array, most: number): Uint8Array {
  const out = new Uint8Array(most + 1)
  let length = 0
  const inflater = new Inflate((part) => {
    const taken = part.subarray(0, out.length - length)
    out.set(taken, length)
    length += taken.length
  })
  // One byte inflates to at most 1032: in small steps, little is made before the size is looked at.
  const step = Math.max(2048, data.length >> 10)
  for (let at = 0; at === 0 || at < data.length; at += step) {
    inflater.push(data.subarray(at, at + step), at + step >= data.length)
    if (length > most) break
  }
  return out.subarray(0, length)
}

/** Pages have no files by name: every string is an address. */
export const asFile = (_source: string | URL): string | undefined => undefined

export function readFileChunks(path: string): AsyncIterable<Uint8Array> {
  throw new Error(`no file system here to read ${path} from`)
}

export const cacheFolder = (): string | undefined => undefined

/** The browser's own HTTP cache keeps downloads. */
export const readCache = (_name: string): Promise<Uint8Array | undefined> => Promise.resolve(undefined)

export const writeCache = (_name: string, _bytes: Uint8Array): Promise<void> => Promise.resolve()

export function progress(_text?: string): void {}

/** The browser decodes what it can show. */
export async function decodeImage(bytes: Uint8Array, op: string, name: string): Promise<Pixels> {
  const image = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  }).catch((error: unknown) => {
    throw new FormatError(`${op}: ${name} is no image that this browser knows (${(error as Error).message})`)
  })
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!
  context.drawImage(image, 0, 0)
  return context.getImageData(0, 0, image.width, image.height)
}

export async function encodePng(pixels: Pixels, op: string): Promise<Uint8Array> {
  const { width, height } = pixels
  const canvas = new OffscreenCanvas(width, height)
  const data = Uint8ClampedArray.from(convert(pixels, 'rgba', op).toTypedArray())
  canvas.getContext('2d')!.putImageData(new ImageData(data, width), 0, 0)
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())
}

/** Offers the bytes as a download of that name. */
export function saveBytes(path: string, bytes: Uint8Array): Promise<void> {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  link.download = path.split('/').at(-1)!
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  return Promise.resolve()
}

export function filesIn(directory: string, _names: RegExp, op: string): Promise<Record<string, string[]>> {
  throw new LoadError(
    `${op}: '${directory}', browsers have no folders: give the files by class, { cats: [file, …], dogs: [file, …] }`,
  )
}
