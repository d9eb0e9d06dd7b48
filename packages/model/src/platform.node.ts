import { mkdir, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { Sink } from './callbacks/sink.ts'

/** Opens a file to write into, with its folders; what it holds is kept if `append`. */
export async function openFile(path: string, { append = false }: { append?: boolean } = {}): Promise<Sink> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, append ? 'a' : 'w')
  return {
    empty: (await file.stat()).size === 0,
    write: (piece) => file.appendFile(piece),
    close: () => file.close(),
  }
}

export { hostname }
