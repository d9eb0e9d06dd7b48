import { FormatError } from './errors.ts'

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
