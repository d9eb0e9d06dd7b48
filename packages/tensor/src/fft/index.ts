/**
 * Fourier transforms. A complex tensor is a pair of tensors of one shape, its real and its imaginary part; a function that takes
 * one takes a real tensor too. Gradients, of every order, are those of the two parts as real tensors.
 */
import { optionsOf } from '../names.ts'
import { toTensor, type TensorLike } from '../convert.ts'
import { arange } from '../create.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { isFloat } from '../dtype.ts'
import { apply, type Op } from '../op.ts'
import { hostOp } from '../ops/host.ts'
import { concat, stack, type SliceArgument } from '../ops/movement.ts'
import { roll } from '../ops/rearrange.ts'
import { formatShape, normalizeAxes, normalizeAxis, sameShape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { transformOf } from './kernel.ts'

/** The real and the imaginary part, of one shape. */
export type Complex = readonly [real: Tensor, imaginary: Tensor]

export interface TransformOptions {
  /** The length that x is cut or padded with zeros to. @defaultValue the axis' length */
  readonly n?: number
  /** @defaultValue `-1` */
  readonly axis?: number
  /** Which direction is divided by n (`'forward'`, `'backward'`), or both by √n (`'ortho'`). @defaultValue `'backward'` */
  readonly norm?: 'forward' | 'backward' | 'ortho'
}

const transformDefaults = { n: undefined, axis: -1, norm: 'backward' } as const

/** `y[k] = Σ x[j] e^(∓2πi jk/n)` of pairs `[…, n, 2]`, without a factor; the one direction is the gradient of the other. */
const dftOp: Op<{ inverse: boolean }> = hostOp({
  name: 'dft',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  compute([{ shape, values }], { inverse }) {
    const n = shape.at(-2)!
    const transform = transformOf(n)
    const out = Float64Array.from(values)
    // The inverse is the transform of the conjugate, conjugated.
    const conjugate = (): void => {
      if (inverse) for (let i = 1; i < out.length; i += 2) out[i] = -out[i]
    }
    conjugate()
    for (let at = 0; at < out.length; at += 2 * n) transform(out.subarray(at, at + 2 * n))
    conjugate()
    return out
  },
  gradient: (_, dy, __, ___, { inverse }) => apply(dftOp, [dy], { inverse: !inverse }),
  batch: ([x], attributes) => apply(dftOp, [x], attributes),
})

const isComplex = (x: TensorLike | Complex): x is Complex =>
  Array.isArray(x) && x.length === 2 && x.every((part) => part instanceof Tensor)

function complexOf(op: string, x: TensorLike | Complex): Complex {
  const float = (part: Tensor): Tensor => (isFloat(part.dtype) ? part.value : part.cast('float32'))
  if (!isComplex(x)) {
    const real = float(toTensor(x))
    return [real, real.zerosLike()]
  }
  if (!sameShape(x[0].shape, x[1].shape)) {
    throw new ShapeError(
      `fft.${op}: a real part ${formatShape(x[0].shape)} and an imaginary part ${formatShape(x[1].shape)} differ`,
      {
        real: x[0].shape,
        imaginary: x[1].shape,
      },
    )
  }
  return [float(x[0]), float(x[1])]
}

/** x cut or padded with zeros to length n along an axis. */
function fitted(x: Tensor, n: number, axis: number): Tensor {
  const length = x.shape[axis]
  if (n <= length) return n === length ? x : x.slice(...x.shape.map((_, i): SliceArgument => (i === axis ? [0, n] : null)))
  return x.pad(x.shape.map((_, i): [number, number] => [0, i === axis ? n - length : 0]))
}

const scaleOf = (norm: TransformOptions['norm'], inverse: boolean, n: number): number => {
  if (norm === 'ortho') return 1 / Math.sqrt(n)
  return (norm === 'forward') === inverse ? 1 : 1 / n
}

function transform(op: string, x: TensorLike | Complex, inverse: boolean, options: TransformOptions | undefined): Complex {
  const { n, axis, norm } = optionsOf(`fft.${op}`, options, transformDefaults)
  const parts = complexOf(op, x)
  const [{ rank, shape }] = parts
  if (rank === 0) throw new ShapeError(`fft.${op}: shape [], expected at least one axis`, { shape })
  const at = normalizeAxis(axis, rank, `fft.${op}`)
  const length = n ?? shape[at]
  if (!Number.isInteger(length) || length < 1)
    throw new ValueError(`fft.${op}: length ${length}, expected a positive integer`, { n: length })
  if (!['forward', 'backward', 'ortho'].includes(norm))
    throw new ValueError(`fft.${op}: norm '${norm}', expected 'forward', 'backward' or 'ortho'`, { norm })
  const pairs = stack(
    parts.map((part) => fitted(part, length, at).moveaxis(at, -1)),
    -1,
  )
  const scale = scaleOf(norm, inverse, length)
  const y = apply(dftOp, [pairs], { inverse })
  const [real, imaginary] = (scale === 1 ? y : y.mul(scale)).unstack(-1).map((part) => part.moveaxis(-1, at))
  return [real, imaginary]
}

/** The Fourier transform `y[k] = Σ x[j] e^(-2πi jk/n)` along an axis. */
export const fft = (x: TensorLike | Complex, options?: TransformOptions): Complex => transform('fft', x, false, options)

/** The inverse of {@link fft}: `x[j] = 1/n Σ y[k] e^(2πi jk/n)`. */
export const ifft = (x: TensorLike | Complex, options?: TransformOptions): Complex => transform('ifft', x, true, options)

const along = (x: Tensor, axis: number, range: SliceArgument): Tensor =>
  x.slice(...x.shape.map((_, i): SliceArgument => (i === axis ? range : null)))

/** The first `⌊n/2⌋ + 1` elements of the transform of a real tensor; the others are the conjugates of these. */
export function rfft(x: TensorLike, options?: TransformOptions): Complex {
  const given = optionsOf('fft.rfft', options, transformDefaults)
  const [real, imaginary] = fft(x, given)
  const axis = normalizeAxis(given.axis, real.rank, 'fft.rfft')
  const half: SliceArgument = [0, Math.floor(real.shape[axis] / 2) + 1]
  return [along(real, axis, half), along(imaginary, axis, half)]
}

/** The inverse of {@link rfft}: a real tensor of length n, which is even if not given, as the half does not say. */
export function irfft(x: TensorLike | Complex, options?: TransformOptions): Tensor {
  const given = optionsOf('fft.irfft', options, transformDefaults)
  const [re, im] = complexOf('irfft', x)
  if (re.rank === 0) throw new ShapeError('fft.irfft: shape [], expected at least one axis', { shape: re.shape })
  const axis = normalizeAxis(given.axis, re.rank, 'fft.irfft')
  const n = given.n ?? 2 * (re.shape[axis] - 1)
  const half = Math.floor(n / 2) + 1
  const [real, imaginary] = [re, im].map((part) => fitted(part, half, axis))
  const mirror = (part: Tensor): Tensor => along(part, axis, [1, n - half + 1]).flip(axis)
  // The imaginary parts of the first element, and of the middle one, do not count.
  const ends = [real, imaginary].map((part) => concat([part, mirror(part)], axis))
  const sign = arange(n).greaterEqual(half).where(-1, 1)
  const counted = arange(n).mul(2).mod(n).notEqual(0).where(sign, 0)
  const shape = ends[0].shape.map((_, i) => (i === axis ? n : 1))
  return ifft([ends[0], ends[1].mul(counted.cast(ends[1].dtype).reshape(shape))], { ...given, n, axis })[0]
}

export interface TransformNOptions extends Pick<TransformOptions, 'norm'> {
  /** The lengths that x is cut or padded to along the axes. */
  readonly shape?: readonly number[]
  /** @defaultValue all; for the functions in two dimensions the last two */
  readonly axes?: readonly number[] | null
}

const lastTwo = [-2, -1] as const

/** The options of a transform along each of the axes. */
function each(
  op: string,
  x: TensorLike | Complex,
  options: TransformNOptions | undefined,
  defaultAxes?: readonly number[],
): TransformOptions[] {
  const { shape, axes, norm } = optionsOf(`fft.${op}`, options, { shape: undefined, axes: defaultAxes, norm: 'backward' })
  const { rank } = isComplex(x) ? x[0] : toTensor(x)
  const list = axes ?? (shape ? shape.map((_, i) => rank - shape.length + i) : [...Array(rank).keys()])
  if (shape && shape.length !== list.length)
    throw new ValueError(`fft.${op}: ${shape.length} lengths for ${list.length} axes`, { shape, axes: list })
  return list.map((axis, i) => ({ axis, norm, ...(shape ? { n: shape[i] } : {}) }))
}

const inTurn = (transformed: typeof fft, x: TensorLike | Complex, all: readonly TransformOptions[]): Complex =>
  all.reduce<TensorLike | Complex>((y, one) => transformed(y, one), x) as Complex

/** {@link fft} along several axes. */
export const fftn = (x: TensorLike | Complex, options?: TransformNOptions): Complex => inTurn(fft, x, each('fftn', x, options))

/** {@link ifft} along several axes. */
export const ifftn = (x: TensorLike | Complex, options?: TransformNOptions): Complex => inTurn(ifft, x, each('ifftn', x, options))

/** {@link fft} along the last two axes. */
export const fft2 = (x: TensorLike | Complex, options?: TransformNOptions): Complex =>
  inTurn(fft, x, each('fft2', x, options, lastTwo))

/** {@link ifft} along the last two axes. */
export const ifft2 = (x: TensorLike | Complex, options?: TransformNOptions): Complex =>
  inTurn(ifft, x, each('ifft2', x, options, lastTwo))

/** {@link rfft} along the last of two axes, then {@link fft} along the other. */
export function rfft2(x: TensorLike, options?: TransformNOptions): Complex {
  const [first, last] = each('rfft2', x, options, lastTwo)
  return fft(rfft(x, last), first)
}

/** The inverse of {@link rfft2}. */
export function irfft2(x: TensorLike | Complex, options?: TransformNOptions): Tensor {
  const [first, last] = each('irfft2', x, options, lastTwo)
  return irfft(ifft(x, first), last)
}

/** The frequencies of the elements of {@link fft} of n samples that are `d` apart: `0, 1, …, -2, -1` over `n · d`. */
export function fftfreq(n: number, d = 1): Tensor {
  const half = Math.floor((n - 1) / 2) + 1
  return concat([arange(half, { dtype: 'float64' }), arange(-Math.floor(n / 2), 0, { dtype: 'float64' })]).div(n * d)
}

/** The frequencies of the elements of {@link rfft}. */
export const rfftfreq = (n: number, d = 1): Tensor => arange(Math.floor(n / 2) + 1, { dtype: 'float64' }).div(n * d)

const shifted = (
  op: string,
  x: Tensor,
  axes: number | readonly number[] | null | undefined,
  by: (n: number) => number,
): Tensor => {
  const over = normalizeAxes(axes, x.rank, op)
  return over.length === 0
    ? x.value
    : roll(
        x,
        over.map((axis) => by(x.shape[axis])),
        over,
      )
}

/** x with the frequency 0 moved to the middle of the axes. */
export const fftshift = (x: Tensor, axes?: number | readonly number[] | null): Tensor =>
  shifted('fftshift', x, axes, (n) => Math.floor(n / 2))

/** The inverse of {@link fftshift}. */
export const ifftshift = (x: Tensor, axes?: number | readonly number[] | null): Tensor =>
  shifted('ifftshift', x, axes, (n) => -Math.floor(n / 2))
