/** Hugging Face's safetensors: names, shapes and dtypes as JSON, then the bytes. Nothing in such a file can be run. */
import { FormatError } from '@typegrad/data'
import type { LoadSource, SaveTarget } from '@typegrad/model'
import { optionsOf, toTensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { nameOf, withBytes, writePieces, type ReadOptions } from '../files/files.ts'
import { bytesOf, joined, type Bytes } from '../files/place.ts'
import { storedAs, storedTensor } from './dtypes.ts'
import { maxHeader, readHeader, writeHeader, type Entry } from './header.ts'

/** Tensors by name, and texts by name that belong to all of them. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: ReadonlyMap<string, string>
}

/** Named tensors to write. */
export type NamedTensors = ReadonlyMap<string, TensorLike> | Readonly<Record<string, TensorLike>>

export interface WriteOptions {
  /** Texts by name. */
  readonly metadata?: ReadonlyMap<string, string> | Readonly<Record<string, string>>
}

/**
 * Reads a `.safetensors` file: a path, a URL, a `Blob` or bytes. int64, int16, int8 and unsigned integers become int32 where all
 * values fit, float16 and bfloat16 float32. Overlaps, holes, wrong lengths and names that occur twice are refused.
 * @throws FormatError
 */
export const readSafetensors = (source: LoadSource, options?: ReadOptions): Promise<Safetensors> =>
  withBytes(
    source,
    'readSafetensors',
    (bytes) => read(bytes, `readSafetensors: ${nameOf(source)}`),
    optionsOf('readSafetensors', options, { onProgress: undefined }),
  )

/** The same for bytes in memory. */
export const decodeSafetensors = (bytes: Uint8Array): Promise<Safetensors> => read(bytesOf(bytes), 'decodeSafetensors')

/** @internal Tensor by tensor, so that one copy of each is held. */
export async function read(bytes: Bytes, what: string): Promise<Safetensors> {
  const fail = (why: string): FormatError => new FormatError(`${what} is no valid safetensors file: ${why}`)
  if (bytes.size < 10) throw fail(`it has ${bytes.size} bytes`)
  const head = await bytes.read(0, 8)
  const length = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true))
  if (length > maxHeader || 8 + length > bytes.size) throw fail(`its header has ${length} bytes, the file ${bytes.size}`)
  const begin = 8 + length
  const { entries, metadata } = readHeader(await bytes.read(8, begin), bytes.size - begin, fail)
  const tensors = new Map<string, Tensor>()
  for (const entry of entries)
    tensors.set(entry.name, readTensor(entry, await bytes.read(begin + entry.start, begin + entry.end), bytes.owned, fail))
  return { tensors, metadata }
}

function readTensor({ name, type, shape }: Entry, raw: Uint8Array, owned: boolean, fail: (why: string) => FormatError): Tensor {
  try {
    return storedTensor(type, raw, shape, { owned })
  } catch (error) {
    if (error instanceof RangeError) throw fail(`'${name}' ${error.message}`)
    throw error
  }
}

/** Writes named tensors to a `.safetensors` file, which is replaced as a whole or not at all. @throws SaveError */
export async function writeSafetensors(target: SaveTarget, tensors: NamedTensors, options?: WriteOptions): Promise<void> {
  await writePieces(
    target,
    await safetensorsPieces(tensors, optionsOf('writeSafetensors', options, { metadata: {} })),
    'writeSafetensors',
  )
}

/** The same as bytes. */
export async function encodeSafetensors(tensors: NamedTensors, options?: WriteOptions): Promise<Uint8Array<ArrayBuffer>> {
  return joined(await safetensorsPieces(tensors, optionsOf('encodeSafetensors', options, { metadata: {} })))
}

/** @internal */
export const entriesOf = <T>(given: ReadonlyMap<string, T> | Readonly<Record<string, T>>): [string, T][] =>
  given instanceof Map ? [...given] : Object.entries(given as Readonly<Record<string, T>>)

/** @internal The bytes of a file, piece by piece. Wide elements come first, so that all are aligned. */
export async function safetensorsPieces(given: NamedTensors, { metadata = {} }: WriteOptions = {}): Promise<Uint8Array[]> {
  const all = entriesOf(given).map(([name, value]) => ({ name, value: toTensor(value).value }))
  const reserved = all.find(({ name }) => name === '__metadata__')
  if (reserved) throw new ValueError("writeSafetensors: the name '__metadata__' is reserved; call the tensor otherwise")
  const order = Object.keys(storedAs)
  all.sort((a, b) => order.indexOf(a.value.dtype) - order.indexOf(b.value.dtype) || (a.name < b.name ? -1 : 1))
  // Host tensors are copied before the first await: training goes on in the same memory.
  const values = await Promise.all(all.map(({ value }) => value.data()))
  const arrays = values.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength))
  let at = 0
  const entries = all.map(({ name, value: { dtype, shape } }, i): Entry => {
    const start = at
    at += arrays[i].length
    return { name, type: storedAs[dtype], shape, start, end: at }
  })
  return [writeHeader(entries, new Map(entriesOf(metadata))), ...arrays]
}
