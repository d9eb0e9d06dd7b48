import { FormatError } from '../errors.ts'
import type { Npy } from '../npy.ts'
import { unpickleLists } from './pickle.ts'

/** The rows of an array of integer lists: a pickled object array of lists, or integers with two axes. */
export function toLists(array: Npy, op: string): number[][] {
  const { descr, shape, data } = array
  if (descr === '|O' && shape.length === 1) return unpickleLists(data, shape[0], op)
  const [rows, width] = shape
  if (shape.length !== 2 || width === 0) throw new FormatError(`${op}: ${describe(array)}, expected lists of words`)
  const values = toIntegers(array, op)
  const [down, right] = array.fortranOrder ? [1, rows] : [width, 1]
  return Array.from({ length: rows }, (_, i) => Array.from({ length: width }, (_, j) => values[i * down + j * right]))
}

type Read = (view: DataView, at: number, little: boolean) => number | bigint

const integers: Readonly<Record<string, Read>> = {
  b1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u1: (view, at) => view.getUint8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  u2: (view, at, little) => view.getUint16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i8: (view, at, little) => view.getBigInt64(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
}

const floats: Readonly<Record<string, Read>> = {
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
}

/** The elements of an array of integers or booleans, in the order in which they lie. */
export function toIntegers(array: Npy, op: string): Int32Array {
  return read(array, integers, Int32Array, 'integers', op)
}

/** The elements of an array of numbers, in the order in which they lie. */
export function toFloats(array: Npy, op: string): Float32Array {
  return read(array, { ...integers, ...floats }, Float32Array, 'numbers', op)
}

/** The elements of an array of bytes. */
export function toBytes(array: Npy, op: string): Uint8Array {
  if (array.descr !== '|u1' || array.data.length !== sizeOf(array.shape))
    throw new FormatError(`${op}: ${describe(array)} has ${array.data.length} bytes, expected |u1 and ${sizeOf(array.shape)}`)
  return array.data.slice()
}

function read<T extends Int32Array | Float32Array>(
  array: Npy,
  readers: Readonly<Record<string, Read>>,
  Out: new (size: number) => T,
  expected: string,
  op: string,
): T {
  const { descr, data } = array
  const [byteOrder, type, width] = [descr[0], descr.slice(1), Number(descr[2])]
  if (!'<>|='.includes(byteOrder) || !Object.hasOwn(readers, type))
    throw new FormatError(`${op}: ${describe(array)}, expected ${expected}`)
  const size = sizeOf(array.shape)
  if (size * width !== data.length)
    throw new FormatError(`${op}: ${describe(array)} has ${data.length} bytes, expected ${size * width}`)
  const out = new Out(size)
  const at = readers[type]
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  for (let i = 0; i < out.length; i++) {
    const value = Number(at(view, i * width, byteOrder !== '>'))
    out[i] = value
    if (out instanceof Int32Array && out[i] !== value)
      throw new FormatError(`${op}: ${describe(array)} holds ${value}, which int32 cannot`)
  }
  return out
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const describe = ({ descr, shape }: Npy): string => `an array of ${descr} with shape [${shape.join(', ')}]`
