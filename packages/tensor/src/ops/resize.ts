/** Images, and lines and volumes, at another size; by ops that gradients flow through. */
import { optionsOf } from '../names.ts'
import type { DType } from '../dtype.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { tensor } from '../create.ts'
import { formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { take } from './indexing.ts'
import { matmul } from './matmul.ts'
import { moveaxis } from './movement.ts'

export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos3' | 'lanczos5'

const lanczos =
  (radius: number) =>
  (x: number): number =>
    x >= radius ? 0 : x < 1e-3 ? 1 : (radius * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / radius)) / (Math.PI * x) ** 2

/** The weight of a pixel at a distance ≥ 0, in pixels. */
const kernels: Readonly<Record<Exclude<Interpolation, 'nearest'>, (x: number) => number>> = {
  bilinear: (x) => Math.max(0, 1 - x),
  // Keys (1981) with a = -1/2.
  bicubic: (x) => (x >= 2 ? 0 : x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1),
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
}

export const interpolations: readonly string[] = ['nearest', ...Object.keys(kernels)]

/** Where the middle of pixel `i` of `size` lies in a line of `length` pixels, the middle of whose first is 0. */
const middle = (i: number, length: number, size: number): number => ((i + 0.5) * length) / size - 0.5

/** `[length, size]`: the share of each pixel of a line in each of `size` pixels. With `antialias` the kernel grows as the line shrinks. */
function shares(length: number, size: number, kernel: (x: number) => number, antialias: boolean): Float64Array {
  const matrix = new Float64Array(length * size)
  const reach = antialias ? Math.max(1, length / size) : 1
  for (let i = 0; i < size; i++) {
    const center = middle(i, length, size)
    let total = 0
    for (let k = 0; k < length; k++) total += matrix[k * size + i] = kernel(Math.abs(center - k) / reach)
    for (let k = 0; k < length; k++) matrix[k * size + i] /= total
  }
  return matrix
}

/** The smallest and the largest number of an integer dtype that `from` has. */
const limits = (dtype: DType, from: DType): readonly [number, number] | undefined => {
  if (dtype === 'bool') return [0, 1]
  if (dtype === 'uint8') return [0, 255]
  return dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - (from === 'float64' ? 1 : 128)] : undefined
}

/** A float as `dtype`: rounded and limited to its range, if that is an integer. */
function saturate(x: Tensor, dtype: DType): Tensor {
  const range = x.dtype === dtype ? undefined : limits(dtype, x.dtype)
  return (range ? x.round().clip(...range) : x).cast(dtype)
}

export interface ResizeOptions {
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: Interpolation
  /** Whether a smaller image is made of all pixels. @defaultValue `false` */
  readonly antialias?: boolean
}

/**
 * `[batch, …spatial, channels]` at other spatial lengths, of the same dtype; pixels are areas, and their middles are what is sampled.
 * Integers are rounded and limited to their range.
 */
export function resize(images: Tensor, size: readonly number[], options?: ResizeOptions): Tensor {
  const { interpolation, antialias } = optionsOf('resize', options, { interpolation: 'bilinear', antialias: false })
  if (!interpolations.includes(interpolation)) {
    throw new ValueError(`resize: interpolation '${interpolation}', expected one of ${interpolations.join(', ')}`, {
      interpolation,
    })
  }
  if (images.rank !== size.length + 2 || !size.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ShapeError(
      `resize: ${formatShape(images.shape)} to ${formatShape(size)}, expected [batch, …spatial, channels] and a length ≥ 0 for each spatial axis`,
      { shape: images.shape, size },
    )
  }
  const resized = size.reduce((x, n, i) => {
    const length = x.shape[i + 1]
    if (length === n) return x
    if (length === 0) throw new ShapeError(`resize: images ${formatShape(images.shape)} have no pixels`, { shape: images.shape })
    if (interpolation === 'nearest') {
      const nearest = Array.from({ length: n }, (_, k) => Math.min(length - 1, Math.floor(((k + 0.5) * length) / n)))
      return take(x, nearest, i + 1)
    }
    // float32 does not hold every int32.
    const dtype = x.dtype === 'float64' || x.dtype === 'int32' ? 'float64' : 'float32'
    const weights = tensor(shares(length, n, kernels[interpolation], antialias), { shape: [length, n], dtype })
    return moveaxis(matmul(moveaxis(x.cast(dtype), i + 1, -1), weights), -1, i + 1)
  }, images)
  return saturate(resized, images.dtype)
}
