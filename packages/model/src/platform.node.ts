import { mkdir, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { OpenOptions, Sink } from './callbacks/sink.ts'

/** Opens a file to write into, with its folders. */
export async function openFile(path: string, { append = false, size }: OpenOptions = {}): Promise<Sink> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, append ? 'a' : 'w')
  const before = (await file.stat()).size
  if (size !== undefined && size < before) await file.truncate(size)
  return {
    size: Math.min(before, size ?? before),
    write: (piece) => file.appendFile(piece),
    close: () => file.close(),
  }
}

/** Makes the folder that a file is to be in; other addresses have none. */
export async function makeFolderOf(path: string): Promise<void> {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) await mkdir(dirname(path), { recursive: true })
}

export { hostname }
