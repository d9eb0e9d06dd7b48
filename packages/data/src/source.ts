import { asFile, readFileChunks } from '#platform'
import { download } from './download.ts'
import { LoadError } from './errors.ts'

/** Where data is read from: a path (in Node), an address, or a `File` or `Blob` of the browser. */
export type Source = string | URL | Blob

/** How messages call `source`. */
export const nameOf = (source: Source): string =>
  source instanceof Blob ? `'${(source as { name?: string }).name ?? 'Blob'}'` : `'${String(source)}'`

/**
 * Opens `source` for reading its bytes from the start, as often as asked. What comes over the network is fetched once.
 * @throws {@link LoadError} if there is no such file, or the address does not answer.
 */
export async function openSource(source: Source, op: string): Promise<() => AsyncIterable<Uint8Array>> {
  if (source instanceof Blob) return () => streamOf(source, op)
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new LoadError(`${op}: ${typeof source}, expected a path, a URL, a File or a Blob`, { source })
  }
  const path = asFile(source)
  if (path !== undefined) return () => fileOf(path, op)
  const parts: Uint8Array[] = []
  for await (const part of download(source, op)) parts.push(part)
  return async function* () {
    yield* parts
  }
}

/** All the bytes of `source`. */
export async function readBytes(source: Source, op: string): Promise<Uint8Array<ArrayBuffer>> {
  const open = await openSource(source, op)
  const parts: Uint8Array[] = []
  for await (const part of open()) parts.push(part)
  return join(parts)
}

/** The parts one after another in one array. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

async function* fileOf(path: string, op: string): AsyncIterable<Uint8Array> {
  try {
    yield* readFileChunks(path)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    const why = { ENOENT: 'no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' }[code ?? ''] ?? message
    throw new LoadError(`${op}: '${path}', ${why}`, { path, code }, error)
  }
}

async function* streamOf(blob: Blob, op: string): AsyncIterable<Uint8Array> {
  const reader = blob.stream().getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value
  } catch (error) {
    throw new LoadError(`${op}: ${nameOf(blob)}, it cannot be read`, {}, error)
  } finally {
    reader.releaseLock()
  }
}
