/** NumPy's `.npy`: one array. Pickled objects are refused: reading them would run what they say. */
import { FormatError } from '@typegrad/data'
import { npyHeader } from '@typegrad/data/files'
import type { LoadSource, SaveTarget } from '@typegrad/model'
import { optionsOf, sizeOf, toTensor, type DType, type Tensor, type TensorLike } from '@typegrad/tensor'
import { nameOf, readAll, writePieces, type ReadOptions } from '../files/files.ts'
import { storedTensor, storedTypes } from '../safetensors/dtypes.ts'

/**
 * Reads a `.npy` file of any version: a path, a URL, a `Blob` or bytes. Floats of 16 bits become float32, integers int32 where all
 * values fit. @throws FormatError
 */
export const readNpy = async (source: LoadSource, options?: ReadOptions): Promise<Tensor> =>
  decode(await readAll(source, 'readNpy', optionsOf('readNpy', options, { onProgress: undefined })), `readNpy: ${nameOf(source)}`)

/** The same for bytes in memory. */
export const decodeNpy = (bytes: Uint8Array): Tensor => decode(bytes, 'decodeNpy')

const kinds: Readonly<Record<string, string>> = { f: 'F', i: 'I', u: 'U' }

/** @internal The array in the bytes of a file. */
export function decode(bytes: Uint8Array, what: string): Tensor {
  const fail = (why: string): FormatError => new FormatError(`${what}: the .npy file is damaged: ${why}`)
  const { descr, fortranOrder, shape, data } = npyHeader(bytes, what)
  const [, order, kind, width] = /^([<>|=])([fiub])(\d+)$/.exec(descr) ?? []
  const type = kind === 'b' ? 'BOOL' : `${kinds[kind]}${8 * Number(width)}`
  if (!Object.hasOwn(storedTypes, type))
    throw new FormatError(
      `${what}: an array of ${JSON.stringify(descr)}, expected numbers${descr === '|O' ? '; pickled objects are not read' : ''}`,
    )
  const stored = storedTypes[type]
  if (sizeOf(shape) * stored.bytes !== data.length)
    throw fail(`shape (${shape.join(', ')}) of ${descr} takes ${sizeOf(shape) * stored.bytes} bytes, there are ${data.length}`)
  try {
    const made = storedTensor(type, data, fortranOrder ? shape.toReversed() : shape, { little: order !== '>' })
    return fortranOrder ? made.transpose() : made
  } catch (error) {
    if (error instanceof RangeError) throw fail(error.message)
    throw error
  }
}

/** Writes an array to a `.npy` file, which is replaced as a whole or not at all. @throws SaveError */
export async function writeNpy(target: SaveTarget, array: TensorLike): Promise<void> {
  await writePieces(target, [await encodeNpy(array)], 'writeNpy')
}

const descriptions: Readonly<Record<DType, string>> = { float32: '<f4', float64: '<f8', int32: '<i4', uint8: '|u1', bool: '|b1' }

/** The same as bytes. */
export async function encodeNpy(array: TensorLike): Promise<Uint8Array<ArrayBuffer>> {
  const value = toTensor(array).value
  const { buffer, byteOffset, byteLength } = await value.data()
  const { shape, dtype } = value
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${tuple}), }`
  const version = text.length + 11 > 0xffff ? 2 : 1
  const head = version === 1 ? 10 : 12
  // The header ends with a line end at a multiple of 64 bytes.
  const length = Math.ceil((head + text.length + 1) / 64) * 64 - head
  const out = new Uint8Array(head + length + byteLength)
  out.set([0x93, ...new TextEncoder().encode('NUMPY'), version, 0])
  const view = new DataView(out.buffer)
  if (version === 1) view.setUint16(8, length, true)
  else view.setUint32(8, length, true)
  out.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), head)
  out.set(new Uint8Array(buffer, byteOffset, byteLength), head + length)
  return out
}
