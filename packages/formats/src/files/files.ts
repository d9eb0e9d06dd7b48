/** Reading and writing files, wherever they lie: in memory, on disk, in the browser's stores, at an address. */
import { placeOf } from '#platform'
import { LoadError } from '@typegrad/data'
import { download } from '@typegrad/data/files'
import type { LoadSource, SaveTarget } from '@typegrad/model'
import { ValueError } from '@typegrad/tensor'
import { SaveError } from '../errors.ts'
import { blobBytes, bytesOf, joined, type Bytes } from './place.ts'

export interface ReadOptions {
  /** Told while an address is fetched: bytes so far, and in all if the server says. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined
}

/** How messages call a source. */
export const nameOf = (source: LoadSource): string =>
  typeof source === 'string' || source instanceof URL
    ? `'${String(source)}'`
    : source instanceof Blob
      ? `'${(source as { name?: string }).name ?? 'Blob'}'`
      : `${source.byteLength} bytes`

/** Opens a source for reading. @throws {@link LoadError} if it cannot be read. */
async function open(source: LoadSource, op: string, { onProgress }: ReadOptions): Promise<Bytes> {
  if (source instanceof Uint8Array) return bytesOf(source)
  if (source instanceof ArrayBuffer) return bytesOf(new Uint8Array(source))
  if (source instanceof Blob) return blobBytes(source)
  if (typeof source !== 'string' && !(source instanceof URL))
    throw new ValueError(`${op}: ${typeof source}, expected a path, a URL, a Blob, an ArrayBuffer or a Uint8Array`, { source })
  const place = placeOf(source)
  if (place) return place.open().catch((error: unknown) => Promise.reject(loadError(op, source, error)))
  const pieces: Uint8Array[] = []
  for await (const piece of download(source, op, { onProgress })) pieces.push(piece)
  return bytesOf(joined(pieces))
}

/** Opens a source, hands its bytes to `use`, and closes it whatever happens. */
export async function withBytes<T>(
  source: LoadSource,
  op: string,
  use: (bytes: Bytes) => Promise<T>,
  options: ReadOptions = {},
): Promise<T> {
  const bytes = await open(source, op, options)
  try {
    return await use(bytes)
  } finally {
    await bytes.close()
  }
}

/** All the bytes of a source. */
export const readAll = (source: LoadSource, op: string, options: ReadOptions = {}): Promise<Uint8Array> =>
  withBytes(source, op, (bytes) => bytes.read(0, bytes.size), options)

/** Replaces what lies at `target` by the pieces, as a whole or not at all. @throws {@link SaveError} if it cannot be written. */
export async function writePieces(target: SaveTarget, pieces: Iterable<Uint8Array>, op: string): Promise<void> {
  await placeFor(target, op)
    .replace(pieces)
    .catch((error: unknown) => {
      const { code, message } = error as { code?: string; message: string }
      const why = reasons[code ?? ''] ?? message
      throw new SaveError(`${op}: '${String(target)}', ${why}`, { target: String(target), code }, error)
    })
}

/** Removes what lies at `target`. */
export const removeFile = (target: SaveTarget, op: string): Promise<void> => placeFor(target, op).remove()

function placeFor(target: SaveTarget, op: string): NonNullable<ReturnType<typeof placeOf>> {
  if (typeof target !== 'string' && !(target instanceof URL))
    throw new ValueError(`${op}: ${typeof target}, expected a path or a URL`, { target })
  const place = placeOf(target)
  if (place) return place
  throw new SaveError(
    `${op}: '${String(target)}' is an address, which can only be read; Node writes to paths, browsers to opfs://name, indexeddb://name and download://name`,
    { target: String(target) },
  )
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
}

function loadError(op: string, source: SaveTarget, error: unknown): LoadError {
  const { code, message } = error as { code?: string; message: string }
  return new LoadError(`${op}: '${String(source)}', ${reasons[code ?? ''] ?? message}`, { source: String(source), code }, error)
}

/** Whether an error says that there is no such file. */
export const isMissing = (error: unknown): boolean => error instanceof LoadError && error.details['code'] === 'ENOENT'
