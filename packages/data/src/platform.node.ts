import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export { parse as parseQuoted } from 'csv-parse/sync'

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
