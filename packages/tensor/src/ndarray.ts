import ndarray, { type NdArray } from 'ndarray'
import { dtypeOfArray, type TypedArray } from './dtype.ts'
import { DTypeError } from './errors.ts'
import { makeLayout } from './layout.ts'
import { hostBuffer } from './memory.ts'
import { Tensor } from './tensor.ts'

/** The tensor as a scijs ndarray over the same memory: no copy, same strides and offset. */
export const toNdarray = (tensor: Tensor): NdArray<TypedArray> =>
  ndarray(tensor.array, [...tensor.shape], [...tensor.layout.strides], tensor.layout.offset)

/** A tensor over the memory of a scijs ndarray of Float32Array, Float64Array, Int32Array or Uint8Array: no copy. */
export function fromNdarray(array: NdArray): Tensor {
  const data: unknown = array.data
  const dtype = ArrayBuffer.isView(data) ? dtypeOfArray(data) : undefined
  if (!dtype) {
    throw new DTypeError(
      `fromNdarray: data of type ${array.dtype}, expected a Float32Array, Float64Array, Int32Array or Uint8Array`,
      {
        dtype: array.dtype,
      },
    )
  }
  return new Tensor(hostBuffer(data as TypedArray), makeLayout([...array.shape], [...array.stride], array.offset), dtype)
}

/** True for what looks like a scijs ndarray. */
export const isNdarray = (value: unknown): value is NdArray =>
  typeof value === 'object' && value !== null && 'stride' in value && 'data' in value && 'offset' in value && 'shape' in value
