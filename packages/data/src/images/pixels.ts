import { ShapeError, ValueError, formatShape, type Tensor } from '@typegrad/tensor'
import { wrap } from '../wrap.ts'

/** Colours of pixels, one after the other, row by row: what an `ImageData` of a canvas is, too. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint8ClampedArray
  /** Grey, grey and opacity, colours, colours and opacity. @defaultValue `4`, as in an `ImageData` */
  readonly channels?: 1 | 2 | 3 | 4 | undefined
}

export type ColorMode = 'rgb' | 'rgba' | 'grayscale'

export const channelsOf = { grayscale: 1, rgb: 3, rgba: 4 } as const

export function assertColorMode(op: string, mode: ColorMode): void {
  if (!Object.hasOwn(channelsOf, mode))
    throw new ValueError(`${op}: colorMode '${mode as string}', expected one of ${Object.keys(channelsOf).join(', ')}`, { mode })
}

/** Pixels as uint8 `[height, width, channels]`. Grey is `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601), opacity is left out. */
export function convert({ width, height, data, channels: given = 4 }: Pixels, mode: ColorMode, op: string): Tensor {
  if (data.length !== width * height * given)
    throw new ShapeError(`${op}: ${data.length} numbers for ${width} × ${height} pixels of ${given}`, { width, height })
  const channels = channelsOf[mode]
  const out = new Uint8Array(width * height * channels)
  const grey = given < 3
  for (let from = 0, to = 0; from < data.length; from += given, to += channels) {
    const [r, g, b] = grey ? [data[from], data[from], data[from]] : [data[from], data[from + 1], data[from + 2]]
    if (channels === 1) out[to] = grey ? r : (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16
    else {
      out[to] = r
      out[to + 1] = g
      out[to + 2] = b
      if (channels === 4) out[to + 3] = given === 2 || given === 4 ? data[from + given - 1] : 255
    }
  }
  return wrap(out, [height, width, channels])
}

/** The pixels of an image `[height, width]` or `[height, width, 1 | 3 | 4]`, of which floats are rounded and limited to 0 … 255. */
export function pixelsOf(x: Tensor, op: string): Pixels & { readonly channels: 1 | 3 | 4 } {
  const [height, width, channels = 1] = x.shape
  if ((x.rank !== 2 && x.rank !== 3) || ![1, 3, 4].includes(channels))
    throw new ShapeError(`${op}: ${formatShape(x.shape)}, expected [height, width] or [height, width, 1, 3 or 4 channels]`, {
      x: x.shape,
    })
  const bytes = x.dtype === 'uint8' ? x : x.cast('float32').round().clip(0, 255)
  return { width, height, channels: channels as 1 | 3 | 4, data: Uint8Array.from(bytes.toTypedArray()) }
}
