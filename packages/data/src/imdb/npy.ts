import { FormatError } from '../errors.ts'
import { unpickleLists } from './pickle.ts'

/** A NumPy array file, as far as its header says. */
export interface Npy {
  /** Type of the elements as NumPy writes it: `<i8`, `|u1`, `|O`. */
  descr: string
  fortranOrder: boolean
  shape: number[]
  /** The bytes after the header. */
  data: Uint8Array
}

/** Reads the header of a `.npy` file, versions 1 to 3. @throws {@link FormatError} */
export function readNpy(bytes: Uint8Array, op: string): Npy {
  const fail = (why: string): FormatError => new FormatError(`${op}: the .npy file is damaged: ${why}`)
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY' || bytes[0] !== 0x93)
    throw fail('it does not begin with \\x93NUMPY')
  const version = bytes[6]
  if (version < 1 || version > 3) throw fail(`its version is ${version}, expected 1 to 3`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > 10_000 || start + length > bytes.length) throw fail(`its header has ${length} bytes`)
  const header = new TextDecoder().decode(bytes.subarray(start, start + length))

  const descr = /'descr': *'([^']{1,16})'/.exec(header)?.[1]
  const order = /'fortran_order': *(True|False)/.exec(header)?.[1]
  const axes = /'shape': *\(([\d, ]{0,200})\)/.exec(header)?.[1]
  if (descr === undefined || order === undefined || axes === undefined)
    throw fail(`its header is ${JSON.stringify(header.slice(0, 100))}`)
  const shape = axes.split(',').flatMap((axis) => (axis.trim() === '' ? [] : [Number(axis)]))
  if (!shape.every(Number.isSafeInteger)) throw fail(`its shape is (${axes})`)
  return { descr, fortranOrder: order === 'True', shape, data: bytes.subarray(start + length) }
}

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
