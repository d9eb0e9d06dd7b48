import type { NdArray } from 'ndarray'
import { allocateArray, dtypeOfArray, type DType, type TypedArray } from './dtype.ts'
import { describe, DTypeError, ShapeError } from './errors.ts'
import { contiguousLayout } from './layout.ts'
import { allocate, ownBuffer } from './memory.ts'
import { fromNdarray, isNdarray } from './ndarray.ts'
import { formatShape, sizeOf, type Shape } from './shape.ts'
import { Tensor } from './tensor.ts'

export type NestedArray = readonly (number | boolean | NestedArray | TypedArray)[]

/** Anything that stands for an array: a tensor, a number, nested arrays, a typed array, an ndarray, a table. */
export type TensorLike = Tensor | number | boolean | NestedArray | TypedArray | NdArray | { toTensor(): Tensor }

/** The tensor that a value stands for: itself, a view of an ndarray, or a copy of arrays (float32; bool for booleans). */
export function toTensor(value: TensorLike, dtype?: DType): Tensor {
  if (value instanceof Tensor) return value
  if (typeof value === 'number' || typeof value === 'boolean') return scalar(value, dtype)
  if (ArrayBuffer.isView(value)) return fromTypedArray(value, [value.length], dtype)
  if (Array.isArray(value)) return fromNested(value as NestedArray, dtype)
  if (isNdarray(value)) return fromNdarray(value)
  if (value && typeof (value as { toTensor?: unknown }).toTensor === 'function')
    return (value as { toTensor(): Tensor }).toTensor()
  throw new DTypeError(
    `tensor: cannot make a tensor of ${describe(value)}; give numbers, nested arrays, a typed array, an ndarray or a tensor`,
  )
}

/** The same beside an operand of `dtype`: numbers in arrays keep their digits for a float64. */
export const toTensorBeside = (value: TensorLike, dtype: DType | undefined): Tensor =>
  toTensor(value, dtype === 'float64' && Array.isArray(value) ? dtype : undefined)

/** A contiguous tensor of zeros on the host, to be written by the caller. */
export function hostTensor(shape: Shape, dtype: DType): Tensor {
  const { buffer, offset } = allocate(dtype, sizeOf(shape))
  return new Tensor(buffer, contiguousLayout(shape, offset), dtype)
}

/** A tensor of rank 0. */
export function scalar(value: number | boolean, dtype: DType = typeof value === 'boolean' ? 'bool' : 'float32'): Tensor {
  const { buffer, offset } = allocate(dtype, 1)
  buffer.array![offset] = stored(value, dtype)
  return new Tensor(buffer, { shape: noAxes, strides: noAxes, offset, size: 1, contiguous: true }, dtype)
}

const noAxes: Shape = []

/** What is written for a number; for bool 1, NaN included, unless it is 0. */
const stored = (value: number | boolean, dtype: DType): number => (dtype === 'bool' ? Number(Number(value) !== 0) : Number(value))

/** A copy of row-major elements. Arrays that no dtype stands for are converted to `dtype`, if it is given. */
function fromTypedArray(array: TypedArray, shape: Shape, dtype = dtypeOfArray(array)): Tensor {
  const { name } = (array as object).constructor
  if (!dtype || name.startsWith('Big') || name === 'DataView')
    throw new DTypeError(`tensor: no dtype stands for a ${name}; convert it to a Float32Array first`, { type: name })
  const copy = allocateArray(dtype, array.length)
  if (dtype === 'bool') array.forEach((value, i) => (copy[i] = stored(value, dtype)))
  else copy.set(array)
  return new Tensor(ownBuffer(copy), contiguousLayout(shape), dtype)
}

function fromNested(value: NestedArray, dtype: DType | undefined): Tensor {
  const shape: number[] = []
  for (let level: unknown = value; Array.isArray(level) || ArrayBuffer.isView(level); level = (level as unknown[])[0]) {
    shape.push((level as unknown[]).length)
  }
  let first: unknown = value
  while (Array.isArray(first)) first = first[0]
  const type =
    dtype ?? (typeof first === 'boolean' ? 'bool' : ArrayBuffer.isView(first) ? (dtypeOfArray(first) ?? 'float32') : 'float32')
  const made = hostTensor(shape, type)
  const out = made.array
  let at = made.layout.offset
  const fill = (level: unknown, axis: number, path: readonly number[]): void => {
    const isList = Array.isArray(level) || ArrayBuffer.isView(level)
    if (axis === shape.length) {
      if (typeof level !== 'number' && typeof level !== 'boolean') {
        if (isList) ragged(path, 'is an array', 'a number', shape)
        const hint = level instanceof Tensor ? '; stack joins tensors' : ''
        throw new DTypeError(`tensor: element [${path.join(', ')}] is ${describe(level)}, expected a number${hint}`, { path })
      }
      out[at++] = stored(level, type)
      return
    }
    if (!isList) ragged(path, `is ${describe(level)}`, `length ${shape[axis]}`, shape)
    if ((level as unknown[]).length !== shape[axis])
      ragged(path, `has length ${(level as unknown[]).length}`, `length ${shape[axis]}`, shape)
    for (let i = 0; i < shape[axis]; i++) fill((level as unknown[])[i], axis + 1, [...path, i])
  }
  fill(value, 0, [])
  return made
}

function ragged(path: readonly number[], given: string, expected: string, shape: Shape): never {
  throw new ShapeError(
    `tensor: ragged arrays, element [${path.join(', ')}] ${given}, expected ${expected} as in shape ${formatShape(shape)}`,
    { path, shape },
  )
}
