/** Images `[batch, height, width, channels]` resized and moved, by ops that gradients flow through. */
import { arange, formatShape, ShapeError, tensor, type DType, type Tensor } from '@typegrad/tensor'
import { multiplyAxis } from '../spatial.ts'

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

/** The smallest and the largest number of an integer dtype. */
const limits: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  bool: [0, 1],
  uint8: [0, 255],
  int32: [-(2 ** 31), 2 ** 31 - 128],
}

/** A float as `dtype`: rounded and limited to its range, if that is an integer. */
export function saturate(x: Tensor, dtype: DType): Tensor {
  const range = x.dtype === dtype ? undefined : limits[dtype]
  return (range ? x.round().clip(...range) : x).cast(dtype)
}

export interface ResizeOptions {
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: Interpolation
  /** Whether a smaller image is made of all pixels. @defaultValue `false` */
  readonly antialias?: boolean
}

/** Images at another height and width, of the same dtype. */
export function resize(
  images: Tensor,
  size: readonly number[],
  { interpolation = 'bilinear', antialias = false }: ResizeOptions = {},
): Tensor {
  const resized = size.reduce((x, n, i) => {
    const length = x.shape[i + 1]
    if (length === n) return x
    if (length === 0) throw new ShapeError(`resize: images ${formatShape(images.shape)} have no pixels`, { shape: images.shape })
    if (interpolation === 'nearest') {
      const nearest = Array.from({ length: n }, (_, k) => Math.min(length - 1, Math.floor(((k + 0.5) * length) / n)))
      return x.take(nearest, i + 1)
    }
    const dtype = x.dtype === 'float64' ? 'float64' : 'float32'
    const weights = tensor(shares(length, n, kernels[interpolation], antialias), { shape: [length, n], dtype })
    return multiplyAxis(x.cast(dtype), i + 1, weights)
  }, images)
  return saturate(resized, images.dtype)
}

/** The lengths of the largest window of images of `[height, width]` that has the proportions of `size`. */
function proportions([height, width]: readonly number[], [rows, columns]: readonly number[]): readonly [number, number] {
  return [Math.trunc((width * rows) / columns), Math.trunc((height * columns) / rows)]
}

/** The `size` pixels in the middle. */
export function cropMiddle(images: Tensor, size: readonly number[]): Tensor {
  const [rows, columns] = size.map((n, i) => {
    const start = Math.floor((images.shape[i + 1] - n) / 2)
    return [start, start + n]
  })
  return images.slice(null, rows, columns)
}

/** The largest window in the middle that has the proportions of `size`. */
export function cropToProportions(images: Tensor, size: readonly number[]): Tensor {
  const lengths = images.shape.slice(1, 3)
  const fitting = proportions(lengths, size)
  return cropMiddle(
    images,
    lengths.map((length, i) => Math.max(1, Math.min(length, fitting[i]))),
  )
}

/** The images in the middle of the smallest window that has the proportions of `size`; what is around them is `value`. */
export function padToProportions(images: Tensor, size: readonly number[], value: number): Tensor {
  const lengths = images.shape.slice(1, 3)
  const fitting = proportions(lengths, size)
  const [rows, columns] = lengths.map((length, i) => Math.trunc((Math.max(length, fitting[i]) - length) / 2))
  return images.pad(
    [
      [0, 0],
      [rows, rows],
      [columns, columns],
      [0, 0],
    ],
    value,
  )
}

export const fillModes = ['constant', 'nearest', 'reflect', 'wrap'] as const

/**
 * What lies beyond the edges of `abcd`: `kkkk|abcd|kkkk`, `aaaa|abcd|dddd`, `dcba|abcd|dcba` or `abcd|abcd|abcd`.
 */
export type FillMode = (typeof fillModes)[number]

export interface AffineOptions {
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: 'nearest' | 'bilinear'
  /** @defaultValue `'reflect'` */
  readonly fillMode?: FillMode
  /** The k of `'constant'`. @defaultValue `0` */
  readonly fillValue?: number
}

/** Positions, as int32, brought into a line of `n` pixels. */
const inside: Readonly<Record<FillMode, (at: Tensor, n: number) => Tensor>> = {
  constant: (at, n) => at.clip(0, n - 1),
  nearest: (at, n) => at.clip(0, n - 1),
  wrap: (at, n) => at.mod(n),
  // The line and its mirror image in turns, with a period of 2n.
  reflect: (at, n) => {
    const turn = at.mod(2 * n)
    return turn.minimum(turn.neg().add(2 * n - 1))
  },
}

/** A pixel of a line: where it is, how much of it is taken (all, if not said), and whether it lies inside (always, if not said). */
interface Tap {
  readonly at: Tensor
  readonly weight?: Tensor | undefined
  readonly exists?: Tensor | undefined
}

/** The pixels of a line of `n` that positions lie between, or next to. */
function taps(position: Tensor, n: number, { interpolation = 'bilinear', fillMode = 'reflect' }: AffineOptions): Tap[] {
  const tap = (at: Tensor, weight?: Tensor): Tap => ({
    at: inside[fillMode](at, n),
    weight,
    exists: fillMode === 'constant' ? at.greaterEqual(0).logicalAnd(at.less(n)) : undefined,
  })
  // Halves are rounded away from 0.
  if (interpolation === 'nearest') return [tap(position.add(position.sign().mul(0.5)).cast('int32'))]
  const lower = position.floor()
  const share = position.sub(lower)
  const at = lower.cast('int32')
  return [tap(at, share.neg().add(1)), tap(at.add(1), share)]
}

/** The product, or the one that there is. */
const both = (a: Tensor | undefined, b: Tensor | undefined, op: 'mul' | 'logicalAnd'): Tensor | undefined =>
  a && b ? a[op](b) : (a ?? b)

/**
 * Images, pixel (x, y) of which is the input's at `(a₀x + a₁y + a₂, b₀x + b₁y + b₂)`; `transform` is `[batch, 6]`,
 * `a₀ a₁ a₂ b₀ b₁ b₂`.
 */
export function affineTransform(images: Tensor, transform: Tensor, options: AffineOptions = {}): Tensor {
  const [batch, height, width, channels] = images.shape
  if (transform.rank !== 2 || transform.shape[0] !== batch || transform.shape[1] !== 6) {
    throw new ShapeError(`affineTransform: transform ${formatShape(transform.shape)}, expected [${batch}, 6]`, {
      transform: transform.shape,
    })
  }
  const [a0, a1, a2, b0, b1, b2] = transform.split(6, 1).map((part) => part.reshape([batch, 1, 1]))
  const x = arange(width).reshape([1, 1, width])
  const y = arange(height).reshape([1, height, 1])
  const columns = taps(a0.mul(x).add(a1.mul(y)).add(a2), width, options)
  const first = arange(batch, { dtype: 'int32' }).mul(height).reshape([batch, 1, 1])
  const rows = taps(b0.mul(x).add(b1.mul(y)).add(b2), height, options).map((row) => ({
    ...row,
    at: row.at.add(first).mul(width),
  }))
  const pixels = images.reshape([batch * height * width, channels])
  return rows
    .flatMap((row) =>
      columns.map((column) => {
        const pixel = pixels.take(row.at.add(column.at))
        const exists = both(row.exists, column.exists, 'logicalAnd')
        const weight = both(row.weight, column.weight, 'mul')
        const seen = exists ? exists.expandDims(-1).where(pixel, options.fillValue ?? 0) : pixel
        return weight ? seen.mul(weight.expandDims(-1)) : seen
      }),
    )
    .reduce((sum, part) => sum.add(part))
}
