/** Images `[batch, height, width, channels]` cut and moved, by ops that gradients flow through. */
import { arange, formatShape, ShapeError, type Tensor } from '@typegrad/tensor'

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
