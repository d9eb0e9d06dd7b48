/** NumPy's `.npz`: named arrays, a zip archive of `.npy` files. */
import { optionsOf } from '@typegrad/tensor'
import { FormatError } from '@typegrad/data'
import { unzip } from '@typegrad/data/files'
import type { LoadSource, SaveTarget } from '@typegrad/model'
import type { Tensor } from '@typegrad/tensor'
import { nameOf, readAll, writePieces, type ReadOptions } from '../files/files.ts'
import { entriesOf, type NamedTensors } from '../safetensors/safetensors.ts'
import { decode, encodeNpy } from './npy.ts'

export interface ReadNpzOptions extends ReadOptions {
  /** The most bytes that the arrays may unpack to. @defaultValue four times the file, and 16 MiB */
  readonly maxBytes?: number
}

/** Reads the arrays of a `.npz` file by name: a path, a URL, a `Blob` or bytes. @throws FormatError */
export async function readNpz(source: LoadSource, given?: ReadNpzOptions): Promise<Map<string, Tensor>> {
  const options = optionsOf('readNpz', given, { onProgress: undefined, maxBytes: undefined })
  return decodeAll(await readAll(source, 'readNpz', options), `readNpz: ${nameOf(source)}`, options.maxBytes)
}

/** The same for bytes in memory. */
export const decodeNpz = (bytes: Uint8Array, options?: Pick<ReadNpzOptions, 'maxBytes'>): Map<string, Tensor> =>
  decodeAll(bytes, 'decodeNpz', optionsOf('decodeNpz', options, { maxBytes: undefined }).maxBytes)

function decodeAll(bytes: Uint8Array, what: string, maxBytes: number | undefined): Map<string, Tensor> {
  const files = unzip(bytes, () => true, what, maxBytes)
  return new Map(
    [...files].map(([name, content]): [string, Tensor] => {
      if (!name.endsWith('.npy')) throw new FormatError(`${what}: '${name}' in the archive is no .npy file`)
      return [name.slice(0, -4), decode(content, `${what}, '${name}'`)]
    }),
  )
}

export interface WriteNpzOptions {
  /** Whether the arrays are packed, as by `savez_compressed`. @defaultValue `false` */
  readonly compress?: boolean
}

/** Writes named arrays to a `.npz` file, which is replaced as a whole or not at all. @throws SaveError */
export async function writeNpz(target: SaveTarget, arrays: NamedTensors, options?: WriteNpzOptions): Promise<void> {
  await writePieces(target, [await encoded('writeNpz', arrays, options)], 'writeNpz')
}

/** The same as bytes. */
export const encodeNpz = (arrays: NamedTensors, options?: WriteNpzOptions): Promise<Uint8Array> =>
  encoded('encodeNpz', arrays, options)

async function encoded(op: string, arrays: NamedTensors, options: WriteNpzOptions | undefined): Promise<Uint8Array> {
  const { compress } = optionsOf(op, options, { compress: false })
  const files = await Promise.all(
    entriesOf(arrays).map(async ([name, array]) => [`${name}.npy`, await encodeNpy(array)] as const),
  )
  const { zipSync } = await import('fflate')
  return zipSync(Object.fromEntries(files), { level: compress ? 6 : 0 })
}
