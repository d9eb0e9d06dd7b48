/** The element types of files, and what they become here: the nearest dtype that holds every value. */
import { internals, Tensor, type DType, type Shape, type TypedArray } from '@typegrad/tensor'

/** How a stored element type is read. */
export interface Stored {
  readonly bytes: number
  readonly dtype: DType
  /** Reads `size` elements, of bytes that are `owned` in place; throws a RangeError for a value that the dtype cannot hold. */
  read(view: DataView, size: number, little: boolean, owned?: boolean): TypedArray
}

const array = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const

const littleHost = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** A type whose elements lie in the file as they do in memory: copied unless they can stay, and turned round if need be. */
function same(bytes: number, dtype: Exclude<DType, 'bool'>): Stored {
  return {
    bytes,
    dtype,
    read: (view, size, little, owned = false) => {
      const given = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, size * bytes)
      const raw = owned && view.byteOffset % bytes === 0 ? given : given.slice()
      if (bytes > 1 && little !== littleHost)
        for (let at = 0; at < raw.length; at += bytes) raw.subarray(at, at + bytes).reverse()
      return new array[dtype](raw.buffer, raw.byteOffset, size)
    },
  }
}

function stored(bytes: number, dtype: DType, at: (view: DataView, offset: number, little: boolean) => number | bigint): Stored {
  return {
    bytes,
    dtype,
    read: (view, size, little) => {
      const out = new array[dtype](size)
      for (let i = 0; i < size; i++) {
        const given = at(view, i * bytes, little)
        const value = typeof given === 'bigint' ? Number(given) : given
        out[i] = value
        if (dtype === 'int32' && out[i] !== value) throw new RangeError(`holds ${given}, which int32 cannot`)
        if (dtype === 'bool' && value > 1) throw new RangeError(`holds ${given}, expected 0 or 1`)
      }
      return out
    },
  }
}

/** IEEE half precision, bit by bit. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

const word = new DataView(new ArrayBuffer(4))
/** The upper half of a float32. */
function brain(bits: number): number {
  word.setUint16(0, bits)
  return word.getFloat32(0)
}

/** By letter and bits, as safetensors says it. */
export const storedTypes: Readonly<Record<string, Stored>> = {
  F64: same(8, 'float64'),
  F32: same(4, 'float32'),
  F16: stored(2, 'float32', (view, at, little) => half(view.getUint16(at, little))),
  BF16: stored(2, 'float32', (view, at, little) => brain(view.getUint16(at, little))),
  I64: stored(8, 'int32', (view, at, little) => view.getBigInt64(at, little)),
  I32: same(4, 'int32'),
  I16: stored(2, 'int32', (view, at, little) => view.getInt16(at, little)),
  I8: stored(1, 'int32', (view, at) => view.getInt8(at)),
  U64: stored(8, 'int32', (view, at, little) => view.getBigUint64(at, little)),
  U32: stored(4, 'int32', (view, at, little) => view.getUint32(at, little)),
  U16: stored(2, 'int32', (view, at, little) => view.getUint16(at, little)),
  U8: same(1, 'uint8'),
  BOOL: stored(1, 'bool', (view, at) => view.getUint8(at)),
}

/** What each dtype is stored as, in the order in which the reference implementation lays tensors out: wide elements first. */
export const storedAs = { float64: 'F64', float32: 'F32', int32: 'I32', uint8: 'U8', bool: 'BOOL' } as const satisfies Record<
  DType,
  string
>

/** Whether bytes are no one else's, so that they may become a tensor's, and in which order those of an element are. */
export interface BytesOptions {
  readonly owned?: boolean
  readonly little?: boolean
}

/** The tensor of a shape whose elements of a type are in the bytes. @throws RangeError for a value that its dtype cannot hold */
export function storedTensor(type: string, bytes: Uint8Array, shape: Shape, { owned, little = true }: BytesOptions = {}): Tensor {
  const stored = storedTypes[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const values = stored.read(view, bytes.length / stored.bytes, little, owned)
  return new Tensor(internals.hostBuffer(values), internals.contiguousLayout(shape), stored.dtype)
}
