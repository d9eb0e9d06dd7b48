import { sha256, cachedDownload } from '../download.ts'
import { readBytes, type Source } from '../source.ts'

/** Where a data set is read from. */
export interface FileOptions {
  /** The file, as a path, a `File` or a `Blob`. @defaultValue download it, once */
  path?: Source | undefined
  /** Where to download it from. @defaultValue the address that Keras has it from */
  url?: string | URL | undefined
}

export const noFile = { path: undefined, url: undefined }

/** A file of the addresses that Keras has its data sets from. */
export interface KerasFile {
  readonly name: string
  /** The folder. @defaultValue that of Keras */
  readonly from?: string
  readonly sha256?: string
}

const keras = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/'

/** The bytes that the options say, or those of Keras' file: downloaded once, then kept. */
export async function bytesOf(
  op: string,
  { path, url }: FileOptions,
  { name, from = keras, sha256: expected }: KerasFile,
): Promise<Uint8Array> {
  if (path !== undefined) return readBytes(path, op)
  const advice = `Without a network, download the file elsewhere and pass it: ${op}({ path: '${name}' })`
  if (url === undefined) return cachedDownload(from + name, op, { name, sha256: expected, advice })
  // Files of other addresses do not take the place of Keras'.
  const key = (await sha256(new TextEncoder().encode(String(url)))).slice(0, 8)
  return cachedDownload(url, op, { name: `${key}-${name}`, advice })
}
