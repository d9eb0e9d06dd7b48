import { optionsOf, ValueError } from '@typegrad/tensor'
import { toImages, toPixels, type ImageBatch, type ImageLike } from './pixels.ts'
import { displayWidth, padCenter } from './width.ts'

export type { ImageBatch, ImageLike }

export interface DrawImageOptions {
  /** The value that is drawn as a full block: 255, 16 or 1, say. @defaultValue the largest value drawn */
  max?: number
}

export interface DrawImagesOptions extends DrawImageOptions {
  /** Columns of the terminal; images that do not fit go to the next line. @defaultValue 80 */
  width?: number | undefined
}

/**
 * A small grey image as text: the larger a value, the denser the block.
 *
 * A pixel takes two characters, since these are about twice as high as wide; in images that are wider than 16 pixels,
 * one character shows two pixels, one above the other, so that 28 x 28 takes 28 columns and 14 rows.
 *
 * @throws ShapeError for anything but two axes (or three, the last of length 1).
 */
export function drawImage(image: ImageLike, options?: DrawImageOptions): string {
  const pixels = toPixels('drawImage', image)
  return lines(blocks(pixels, fullBlock('drawImage', [pixels], optionsOf('drawImage', options, { max: undefined }))))
}

/**
 * Small grey images side by side, with a caption below each. They share one `max`.
 *
 * ```ts
 * console.log(drawImages(digits, predictions.map((digit) => `a ${digit}?`), { max: 16 }))
 * ```
 *
 * @throws ValueError where there are more captions than images; ShapeError as for `drawImage`.
 */
export function drawImages(images: ImageBatch, captions: readonly (string | number)[] = [], given?: DrawImagesOptions): string {
  const options = optionsOf('drawImages', given, { max: undefined, width: 80 })
  const list = toImages('drawImages', images).map((image) => toPixels('drawImages', image))
  if (captions.length > list.length) {
    throw new ValueError(`drawImages: ${captions.length} captions for ${list.length} images, there are too many`, { captions })
  }
  const max = fullBlock('drawImages', list, options)
  const cells = list.map((pixels, i) => {
    const rows = blocks(pixels, max)
    if (captions[i] !== undefined) rows.push(String(captions[i]))
    const width = Math.max(...rows.map(displayWidth))
    return rows.map((row) => padCenter(row, width))
  })
  return wrap(cells, options.width)
    .map((group) => lines(beside(group)))
    .join('\n\n')
}

function fullBlock(op: string, images: readonly number[][][], { max }: DrawImageOptions): number {
  if (max === undefined) return images.flat(2).reduce((largest, value) => (value > largest ? value : largest), 0)
  if (!(max > 0 && Number.isFinite(max))) throw new ValueError(`${op}: max ${max}, must be a positive number`, { max })
  return max
}

const shades = ' ░▒▓█'

function blocks(pixels: readonly number[][], max: number): string[] {
  // `|| 0` is for NaN, and for an image of zeros.
  const shade = (value: number): number => Math.max(0, Math.min(4, Math.round((value / max) * 4))) || 0
  if (pixels[0].length <= 16) return pixels.map((row) => row.map((value) => shades[shade(value)].repeat(2)).join(''))
  return Array.from({ length: Math.ceil(pixels.length / 2) }, (_, i) => {
    const [upper, lower] = [pixels[2 * i], pixels[2 * i + 1]]
    return upper.map((value, x) => pair(shade(value), shade(lower?.[x] ?? 0))).join('')
  })
}

/** One character for two pixels: a half block at a strong edge, else their mean shade. */
function pair(upper: number, lower: number): string {
  if (upper - lower >= 3) return '▀'
  if (lower - upper >= 3) return '▄'
  return shades[Math.round((upper + lower) / 2)]
}

const gap = '   '

/** `cells` in groups that are at most `width` wide together. */
function wrap(cells: readonly string[][], width: number): string[][][] {
  const groups: string[][][] = []
  let room = -1
  for (const cell of cells) {
    const needed = displayWidth(cell[0]) + gap.length
    if (groups.length === 0 || needed > room) {
      groups.push([])
      room = width + gap.length
    }
    groups.at(-1)!.push(cell)
    room -= needed
  }
  return groups
}

function beside(cells: readonly string[][]): string[] {
  const height = Math.max(...cells.map((cell) => cell.length))
  return Array.from({ length: height }, (_, i) => cells.map((cell) => cell[i] ?? ' '.repeat(displayWidth(cell[0]))).join(gap))
}

function lines(rows: readonly string[]): string {
  return rows.map((row) => row.trimEnd()).join('\n')
}
