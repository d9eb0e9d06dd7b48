import { optionsOf } from './names.ts'
import { assertDType, isFloat, type DType } from './dtype.ts'
import { ShapeError, ValueError } from './errors.ts'
import { broadcastLayout } from './layout.ts'
import { hostTensor, scalar, toTensor, type TensorLike } from './convert.ts'
import { assertShape, formatShape, sizeOf, type Shape } from './shape.ts'
import { emptyTensor, Tensor } from './tensor.ts'
import { cast } from './ops/cast.ts'
import { reshape } from './ops/movement.ts'

export interface CreateOptions {
  /** @defaultValue `'float32'` */
  readonly dtype?: DType
}

/**
 * A tensor of the given numbers: nested arrays, a typed array (copied), an ndarray, a table or another tensor.
 * Numbers become float32, booleans bool, unless `dtype` says otherwise; `shape` reshapes.
 */
export function tensor(values: TensorLike, options?: CreateOptions & { readonly shape?: Shape }): Tensor {
  const { dtype, shape } = optionsOf('tensor', options, { dtype: undefined, shape: undefined })
  if (dtype !== undefined) assertDType(dtype, 'tensor')
  if (shape) assertShape(shape, 'tensor')
  const made = toTensor(values, dtype)
  if (shape && sizeOf(shape) !== made.size) {
    throw new ShapeError(`tensor: ${made.size} values for shape ${formatShape(shape)}, which has ${sizeOf(shape)}`, {
      shape,
      length: made.size,
    })
  }
  const typed = cast(made, dtype ?? made.dtype)
  return shape ? reshape(typed, shape) : typed
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options?: CreateOptions): Tensor {
  const { dtype } = optionsOf('zeros', options, { dtype: 'float32' })
  assertDType(dtype, 'zeros')
  assertShape(shape, 'zeros')
  return emptyTensor(shape, dtype)
}

/** A tensor of ones. */
export const ones = (shape: Shape, options?: CreateOptions): Tensor => filled('ones', shape, 1, options)

/** A tensor with `value` at every position. */
export const full = (shape: Shape, value: number | boolean, options?: CreateOptions): Tensor =>
  filled('full', shape, value, options)

function filled(op: string, shape: Shape, value: number | boolean, options: CreateOptions | undefined): Tensor {
  const { dtype } = optionsOf(op, options, { dtype: typeof value === 'boolean' ? 'bool' : 'float32' })
  assertDType(dtype, op)
  assertShape(shape, op)
  const one = scalar(value, dtype)
  return new Tensor(one.buffer, broadcastLayout(one.layout, shape), dtype)
}

/** The identity matrix, or one with `m` columns. */
export function eye(n: number, m = n, options?: CreateOptions): Tensor {
  const { dtype } = optionsOf('eye', options, { dtype: 'float32' })
  const shape = [n, m]
  assertDType(dtype, 'eye')
  assertShape(shape, 'eye')
  const out = hostTensor(shape, dtype)
  for (let i = 0; i < Math.min(n, m); i++) out.array[out.layout.offset + i * m + i] = 1
  return out
}

/** `0, 1, …` below `stop`, or from `start` in steps of `step`: `arange(3)`, `arange(1, 7, 2)`. */
export function arange(stop: number, options?: CreateOptions): Tensor
export function arange(start: number, stop: number, options?: CreateOptions): Tensor
export function arange(start: number, stop: number, step: number, options?: CreateOptions): Tensor
export function arange(...given: readonly (number | CreateOptions | undefined)[]): Tensor {
  const last = given.at(-1)
  const numbers = (typeof last === 'number' ? given : given.slice(0, -1)) as readonly number[]
  const [start, stop = NaN, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers
  const { dtype } = optionsOf('arange', typeof last === 'number' ? undefined : last, { dtype: 'float32' })
  if (step === 0 || !Number.isFinite(start + stop + step))
    throw new ValueError(`arange: start ${start}, stop ${stop}, step ${step}, expected finite numbers and a step that is not 0`)
  assertDType(dtype, 'arange')
  const out = hostTensor([Math.max(0, Math.ceil((stop - start) / step))], dtype)
  for (let i = 0; i < out.size; i++) out.array[out.layout.offset + i] = start + i * step
  return out
}

/** `count` numbers evenly spaced from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count = 50, options?: CreateOptions): Tensor {
  const { dtype } = optionsOf('linspace', options, { dtype: 'float32' })
  if (!Number.isInteger(count) || count < 0) throw new ValueError(`linspace: count ${count}, expected an integer ≥ 0`)
  if (!isFloat(dtype)) throw new ValueError(`linspace: dtype ${dtype}, expected float32 or float64`)
  const out = hostTensor([count], dtype)
  for (let i = 0; i < count; i++)
    out.array[out.layout.offset + i] = count === 1 ? start : start + ((stop - start) * i) / (count - 1)
  return out
}

/** Zeros of x's shape and dtype. */
export const zerosLike = (x: Tensor): Tensor => zeros(x.shape, { dtype: x.dtype })

/** Ones of x's shape and dtype. */
export const onesLike = (x: Tensor): Tensor => ones(x.shape, { dtype: x.dtype })
