import type { NdArray } from 'ndarray'
import { allocateArray, dtypeOfArray, type DType, type TypedArray } from './dtype.ts'
import { DTypeError, ShapeError } from './errors.ts'
import { contiguousLayout } from './layout.ts'
import { allocate, hostBuffer } from './memory.ts'
import { fromNdarray, isNdarray } from './ndarray.ts'
import { formatShape, type Shape } from './shape.ts'
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

const describe = (value: unknown): string =>
  value === null || value === undefined
    ? String(value)
    : typeof value === 'object'
      ? `a ${value.constructor?.name ?? 'object'}`
      : `${typeof value} ${JSON.stringify(value)}`

/** A tensor of rank 0. */
export function scalar(value: number | boolean, dtype: DType = typeof value === 'boolean' ? 'bool' : 'float32'): Tensor {
  const { buffer, offset } = allocate(dtype, 1)
  buffer.array![offset] = dtype === 'bool' ? Number(Boolean(value)) : Number(value)
  return new Tensor(buffer, { shape: noAxes, strides: noAxes, offset, size: 1, contiguous: true }, dtype)
}

const noAxes: Shape = []

/** A copy of row-major elements. */
export function fromTypedArray(array: TypedArray, shape: Shape, dtype = dtypeOfArray(array)): Tensor {
  if (!dtype)
    throw new DTypeError(
      `tensor: no dtype stands for a ${(array as object).constructor.name}; convert it to a Float32Array first`,
    )
  const copy = allocateArray(dtype, array.length)
  if (dtype === 'bool') array.forEach((v, i) => (copy[i] = v ? 1 : 0))
  else copy.set(array)
  return new Tensor(hostBuffer(copy), contiguousLayout(shape), dtype)
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
  const { buffer, offset } = allocate(
    type,
    shape.reduce((a, b) => a * b, 1),
  )
  const out = buffer.array!
  let at = offset
  const fill = (level: unknown, axis: number, path: readonly number[]): void => {
    const isList = Array.isArray(level) || ArrayBuffer.isView(level)
    if (axis === shape.length) {
      if (typeof level !== 'number' && typeof level !== 'boolean') {
        if (isList) ragged(path, shape, axis)
        throw new DTypeError(`tensor: element [${path.join(', ')}] is ${describe(level)}, expected a number`, { path })
      }
      out[at++] = type === 'bool' ? Number(Boolean(level)) : Number(level)
      return
    }
    if (!isList || (level as unknown[]).length !== shape[axis])
      ragged(path, shape, axis, isList ? (level as unknown[]).length : undefined)
    for (let i = 0; i < shape[axis]; i++) fill((level as unknown[])[i], axis + 1, [...path, i])
  }
  fill(value, 0, [])
  return new Tensor(buffer, contiguousLayout(shape, offset), type)
}

function ragged(path: readonly number[], shape: Shape, axis: number, length?: number): never {
  throw new ShapeError(
    `tensor: ragged arrays, element [${path.join(', ')}] has ${length === undefined ? (axis === shape.length ? 'more axes' : 'no length') : `length ${length}`}, ` +
      `expected ${axis === shape.length ? 'a number' : `length ${shape[axis]}`} as in shape ${formatShape(shape)}`,
    { path, shape },
  )
}
