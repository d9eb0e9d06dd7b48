import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateRawSync } from 'node:zlib'
import type { parse } from 'csv-parse/sync'
import { LoadError } from './errors.ts'
import type { Pixels } from './images/pixels.ts'

const require = createRequire(import.meta.url)

/** Few texts have quotes, and importing csv-parse takes a twelfth of the time that importing all of the library takes. */
export const parseQuoted = ((text: string, options: object) =>
  (require('csv-parse/sync') as { parse: typeof parse }).parse(text, options)) as typeof parse

/** The bytes that were deflated, at most one more than `most`. */
export function inflate(data: Uint8Array, most: number): Uint8Array {
  try {
    return inflateRawSync(data, { maxOutputLength: most + 1 })
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    return new Uint8Array(most + 1)
  }
}

/** The file that `source` names, or `undefined` if it is an address to fetch. */
export function asFile(source: string | URL): string | undefined {
  if (typeof source !== 'string') return source.protocol === 'file:' ? fileURLToPath(source) : undefined
  if (/^file:\/\//i.test(source)) return fileURLToPath(source)
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(source) ? undefined : source
}

/** The bytes of a file, piece by piece. */
export function readFileChunks(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path) as AsyncIterable<Uint8Array>
}

/** Where downloads are kept: `datasets` in `$TYPEGRAD_HOME`, or else in `~/.typegrad`. */
export const cacheFolder = (): string | undefined =>
  join(process.env['TYPEGRAD_HOME'] ?? join(homedir(), '.typegrad'), 'datasets')

/** A kept download, or `undefined`. */
export const readCache = (name: string): Promise<Uint8Array | undefined> =>
  readFile(join(cacheFolder()!, name)).catch(() => undefined)

let writes = 0

/** Keeps a download. The file appears whole or not at all: it is written under another name and renamed. */
export async function writeCache(name: string, bytes: Uint8Array): Promise<void> {
  const folder = cacheFolder()!
  await mkdir(folder, { recursive: true })
  const temporary = join(folder, `${name}.${process.pid}.${writes++}.part`)
  try {
    await writeFile(temporary, bytes, { flag: 'wx' })
    await rename(temporary, join(folder, name))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Shows `text` on the progress line of a terminal; without text, ends the line. */
export function progress(text?: string): void {
  if (process.stderr.isTTY) process.stderr.write(text === undefined ? '\n' : `\r\x1b[K${text}`)
}

export const decodeImage = async (bytes: Uint8Array, op: string, name: string): Promise<Pixels> =>
  (await import('./images/decode.node.ts')).decodeImage(bytes, op, name)

export const encodePng = async (pixels: Pixels, op: string): Promise<Uint8Array> =>
  (await import('./images/decode.node.ts')).encodePng(pixels, op)

/** Writes a file. */
export const saveBytes = (path: string, bytes: Uint8Array): Promise<void> => writeFile(path, bytes)

/** The files of each folder in a folder whose names match, in order, by the name of the folder; files in folders within count too. */
export async function filesIn(directory: string, names: RegExp, op: string): Promise<Record<string, string[]>> {
  const fail = (error: unknown): never => {
    const { code, message } = error as { code?: string; message: string }
    const why = { ENOENT: 'no such folder', ENOTDIR: 'it is a file', EACCES: 'permission denied' }[code ?? ''] ?? message
    throw new LoadError(`${op}: '${directory}', ${why}`, { path: directory, code }, error)
  }
  const entries = await readdir(directory, { withFileTypes: true }).catch(fail)
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const lists = folders.map(async (folder): Promise<[string, string[]]> => {
    const files = await readdir(join(directory, folder), { recursive: true }).catch(fail)
    return [
      folder,
      files
        .filter((file) => names.test(file))
        .sort()
        .map((file) => join(directory, folder, file)),
    ]
  })
  return Object.fromEntries(await Promise.all(lists))
}
