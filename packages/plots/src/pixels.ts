import { ShapeError } from '@typegrad/tensor'

/** A grey image: rows of numbers, or a tensor of shape `[height, width]` or `[height, width, 1]`. */
export type ImageLike = ArrayLike<ArrayLike<number>> | TensorLike

/** Several images: a list of them, or a tensor whose first axis counts them. */
export type ImageBatch = readonly ImageLike[] | TensorLike

interface TensorLike {
  readonly shape: readonly number[]
  toArray(): unknown
}

/** The rows of one image, all of them numbers and equally long. */
export function toPixels(op: string, image: unknown): number[][] {
  const rows = toList(image)?.map((row) => toList(row)?.map(toPixel))
  const width = rows?.[0]?.length ?? 0
  if (width === 0 || !rows?.every((row) => row?.length === width && row.every((pixel) => pixel !== undefined))) {
    throw new ShapeError(`${op}: ${describe(image)}, an image must be [height, width] or [height, width, 1]`, { image })
  }
  return rows as number[][]
}

/** The images of a batch, each still to be read with `toPixels`. */
export function toImages(op: string, images: ImageBatch): unknown[] {
  const list = toList(images)
  if (!list) throw new ShapeError(`${op}: ${describe(images)}, must be a list of images or [count, height, width]`, { images })
  return list
}

/** A number, alone or as the only channel of a pixel. */
function toPixel(value: unknown): number | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  const channels = toList(value)
  return channels?.length === 1 && typeof channels[0] === 'number' ? channels[0] : undefined
}

function toList(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const list: unknown = 'toArray' in value && typeof value.toArray === 'function' ? value.toArray() : value
  return Array.isArray(list) || ArrayBuffer.isView(list) ? Array.from(list as ArrayLike<unknown>) : undefined
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if ('shape' in value && Array.isArray(value.shape)) return `shape [${value.shape.join(', ')}]`
  const rows = toList(value)
  const lengths = new Set(rows?.map((row) => toList(row)?.length ?? 'no'))
  return rows ? `${rows.length} rows of ${[...lengths].join(' and ')} values` : 'no array'
}
