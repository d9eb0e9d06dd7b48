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

const readers: Readonly<Record<string, Read>> = {
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

/** The elements of an array of integers or booleans, in the order in which they lie. */
export function toIntegers(array: Npy, op: string): Int32Array {
  const { descr, shape, data } = array
  const [byteOrder, type, width] = [descr[0], descr.slice(1), Number(descr[2])]
  if (!'<>|='.includes(byteOrder) || !Object.hasOwn(readers, type))
    throw new FormatError(`${op}: ${describe(array)}, expected integers`)
  const size = shape.reduce((a, b) => a * b, 1)
  if (size * width !== data.length)
    throw new FormatError(`${op}: ${describe(array)} has ${data.length} bytes, expected ${size * width}`)
  const read = readers[type]
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const out = new Int32Array(size)
  for (let i = 0; i < size; i++) {
    const value = Number(read(view, i * width, byteOrder !== '>'))
    if ((value | 0) !== value) throw new FormatError(`${op}: ${describe(array)} holds ${value}, which int32 cannot`)
    out[i] = value
  }
  return out
}

const describe = ({ descr, shape }: Npy): string => `an array of ${descr} with shape [${shape.join(', ')}]`
