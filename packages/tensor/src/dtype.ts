import { DTypeError } from './errors.ts'

/** Names of the element types, in the order of promotion: a result takes the rightmost type of its operands. */
export const dtypes = ['bool', 'uint8', 'int32', 'float32', 'float64'] as const

export type DType = (typeof dtypes)[number]

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array

/** The host array of a dtype; a bool is stored as one byte, 0 or 1. */
const arrays = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const

export const bytesPerElement = (dtype: DType): number => arrays[dtype].BYTES_PER_ELEMENT

/** A zeroed host array of `size` elements. */
export const allocateArray = (dtype: DType, size: number): TypedArray => new arrays[dtype](size)

/** Node gives memory as it was left, in buffers of up to 2 GiB at least; browsers do not. */
const unwritten = (globalThis as { Buffer?: { allocUnsafeSlow?(bytes: number): { readonly buffer: ArrayBuffer } } }).Buffer
const mostUnwritten = 2 ** 31 - 1

/**
 * A host array whose elements may be anything, where that is to be had, for what writes all of them: making 4 MB zero takes as long
 * as copying them.
 */
export function unwrittenArray(dtype: DType, size: number): TypedArray {
  const bytes = size * bytesPerElement(dtype)
  if (!unwritten?.allocUnsafeSlow || bytes > mostUnwritten) return allocateArray(dtype, size)
  return new arrays[dtype](unwritten.allocUnsafeSlow(bytes).buffer, 0, size)
}

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64'

/** The dtype of a typed array; `undefined` for one that no dtype stands for. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return 'float32'
  if (array instanceof Float64Array) return 'float64'
  if (array instanceof Int32Array) return 'int32'
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8'
  return undefined
}

/** The dtype of `a` combined with `b`: the rightmost of `bool, uint8, int32, float32, float64`. */
export const promote = (a: DType, b: DType): DType => (a === b || dtypes.indexOf(a) > dtypes.indexOf(b) ? a : b)

/** `dtype` if it is floating, else float32: the result of `div`, `exp`, `mean` and the like. */
export const toFloat = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'float32')

/**
 * The dtype that a JavaScript number takes beside an operand of `dtype`: numbers are weak, so `x.mul(2)` and a
 * float `x.mul(0.5)` keep x's dtype; a fraction lifts an integer to float32, and an integer that int32 cannot hold to
 * float64.
 */
export function weakDType(value: number | boolean, dtype: DType): DType {
  if (typeof value === 'boolean' || isFloat(dtype)) return dtype
  if (!Number.isInteger(value)) return 'float32'
  if (dtype === 'uint8' && value >= 0 && value <= 255) return 'uint8'
  return value === (value | 0) ? 'int32' : 'float64'
}

/** Throws unless `dtype` is one of {@link dtypes}. */
export function assertDType(dtype: unknown, op: string): asserts dtype is DType {
  if (!dtypes.includes(dtype as DType)) {
    throw new DTypeError(`${op}: unknown dtype ${JSON.stringify(dtype)}, expected one of ${dtypes.join(', ')}`, { dtype })
  }
}
