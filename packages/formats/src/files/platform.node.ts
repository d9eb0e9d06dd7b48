import { open, rm } from 'node:fs/promises'
import { asFile } from '@typegrad/data/files'
import { replaceFile } from './atomic.node.ts'
import type { Bytes, Place } from './place.ts'

/** The file that a path or a `file:` URL names; `undefined` for an address. */
export function placeOf(target: string | URL): Place | undefined {
  const path = asFile(target)
  if (path === undefined) return undefined
  return {
    open: () => openFile(path),
    replace: (pieces) => replaceFile(path, pieces),
    remove: () => rm(path, { force: true }),
  }
}

async function openFile(path: string): Promise<Bytes> {
  const handle = await open(path, 'r')
  const { size, isDirectory } = await handle.stat().then((found) => ({ size: found.size, isDirectory: found.isDirectory() }))
  if (isDirectory) {
    await handle.close()
    throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
  }
  return {
    size,
    owned: true,
    read: async (start, end) => {
      const out = new Uint8Array(end - start)
      for (let at = 0; at < out.length;) {
        const { bytesRead } = await handle.read(out, at, out.length - at, start + at)
        if (bytesRead === 0) throw new Error(`'${path}' became shorter while it was read`)
        at += bytesRead
      }
      return out
    },
    close: () => handle.close(),
  }
}
