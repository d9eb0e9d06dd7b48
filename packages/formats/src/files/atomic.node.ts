/**
 * Replacing a file on disk as a whole: the new one is written beside it, synced to the disk, and renamed. A process that dies
 * in between leaves the old file and a `.tmp`, which the next save to the same file clears away.
 */
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** The calls of the file system that replacing a file makes. */
export const fileSystem = { open, readdir, realpath, rename, rm, stat }
export type FileSystem = typeof fileSystem

const host = hostname()
  .replaceAll(/[^A-Za-z0-9]/g, '-')
  .slice(0, 40)
let writes = 0

/** A text that is in the name of every temporary file for `base`, and what follows it. */
const stem = (base: string): string => `.${base.slice(0, 40)}.${host}_`
const temporaryName = (base: string): string =>
  `${stem(base)}${process.pid}_${writes++}_${Math.random().toString(36).slice(2, 8)}.tmp`

export async function replaceFile(path: string, pieces: Iterable<Uint8Array>, fs: FileSystem = fileSystem): Promise<void> {
  // A link stays one: what it points to is replaced.
  const real = await fs.realpath(path).catch(() => path)
  const [folder, base] = [dirname(real), basename(real)]
  const found = await fs.stat(real).catch(() => undefined)
  if (found?.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
  await clearAway(folder, base, fs)
  const temporary = join(folder, temporaryName(base))
  try {
    const handle = await fs.open(temporary, 'wx', found ? found.mode & 0o777 : 0o666)
    try {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length;) at += (await handle.write(piece, at, piece.length - at)).bytesWritten
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await fs.rename(temporary, real)
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(folder, fs)
}

/** Makes the new name last through a loss of power; where folders cannot be opened (Windows), the system does it. */
async function syncFolder(folder: string, fs: FileSystem): Promise<void> {
  try {
    const handle = await fs.open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // The file is there; only its name may not last yet.
  }
}

/** Removes what saves of processes that died left behind. */
async function clearAway(folder: string, base: string, fs: FileSystem): Promise<void> {
  const begun = Date.now() - process.uptime() * 1000
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(stem(base)) || !name.endsWith('.tmp')) continue
    const pid = Number(name.slice(stem(base).length).split('_')[0])
    const path = join(folder, name)
    // A process number is used again, often at once in containers: then the file is older than this process.
    const mine = pid === process.pid && ((await fs.stat(path).catch(() => undefined))?.mtimeMs ?? begun) >= begun
    if (!mine && (pid === process.pid || !alive(pid))) await fs.rm(path, { force: true })
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code !== 'ESRCH'
  }
}
