// A file is replaced as a whole or not at all: whatever call of the file system fails, whenever the process dies.
import { spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
  lstatSync,
} from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithOxc } from 'vite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { fileSystem, replaceFile, type FileSystem } from '../../packages/formats/src/files/atomic.node.ts'
import { numbers } from './mutate.ts'

const folder = mkdtempSync(join(tmpdir(), 'typegrad-files-'))
const path = join(folder, 'a.bin')
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
})

const pieces = (value: number): Uint8Array[] => [5, 0, 70_000, 3].map((length) => new Uint8Array(length).fill(value))
const whole = (value: number): Buffer => Buffer.concat(pieces(value))
const content = (): Buffer => readFileSync(path)

/** The file system whose n-th call fails, `write`, `sync` and `close` of handles included. */
function failing(n: number, code: string): { fs: FileSystem; calls: string[] } {
  const calls: string[] = []
  const counted = <F extends (...args: any[]) => Promise<any>>(name: string, f: F): F =>
    (async (...args: unknown[]) => {
      calls.push(name)
      if (calls.length !== n) return f(...args)
      // What fails may have been done in part.
      if (name === 'close') await f(...args)
      throw Object.assign(new Error(`${code}: made to fail`), { code })
    }) as F
  const open = async (...args: Parameters<typeof fileSystem.open>): Promise<FileHandle> => {
    const handle = await fileSystem.open(...args)
    return {
      write: counted('write', (piece: Uint8Array, at: number, length: number) =>
        handle.write(piece, at, Math.min(length, 30_000)),
      ),
      sync: counted('sync', () => handle.sync()),
      close: counted('close', () => handle.close()),
    } as unknown as FileHandle
  }
  const { readdir, realpath, rename, rm, stat } = fileSystem
  return {
    calls,
    fs: {
      open: counted('open', open),
      readdir: counted('readdir', readdir as never),
      realpath: counted('realpath', realpath as never),
      rename: counted('rename', rename),
      rm: counted('rm', rm),
      stat: counted('stat', stat as never),
    },
  }
}

describe('replacing a file', () => {
  it('writes in short pieces, syncs, renames, syncs the folder', async () => {
    const { fs, calls } = failing(0, '')
    await replaceFile(path, pieces(1), fs)
    expect(calls.join(' ')).toBe('realpath stat readdir open write write write write write sync close rename open sync close')
    expect(content()).toEqual(whole(1))
    expect(readdirSync(folder)).toEqual(['a.bin'])
  })

  it('leaves the old file as it was when the n-th call fails, for every n, or has replaced it', async () => {
    const total = 15
    for (const code of ['ENOSPC', 'EIO']) {
      for (let n = 1; n <= total; n++) {
        writeFileSync(path, whole(1))
        const { fs, calls } = failing(n, code)
        const error = await replaceFile(path, pieces(2), fs).then(
          () => undefined,
          (e: unknown) => e as { code: string },
        )
        const at = `${n}: ${calls[n - 1]}`
        expect([at, error?.code ?? 'done', content().equals(whole(error ? 1 : 2)), readdirSync(folder)]).toEqual([
          at,
          // What is asked about the old file, and syncing the folder, may fail without harm.
          ['realpath', 'stat'].includes(calls[n - 1]) || (calls.slice(0, n).includes('rename') && calls[n - 1] !== 'rename')
            ? 'done'
            : code,
          true,
          ['a.bin'],
        ])
      }
    }
  })

  it('leaves the old file as it was when the pieces end with an error', async () => {
    writeFileSync(path, whole(1))
    const broken = function* (): Generator<Uint8Array> {
      yield new Uint8Array(10)
      throw new Error('no more')
    }
    await expect(replaceFile(path, broken())).rejects.toThrow('no more')
    expect(content()).toEqual(whole(1))
    expect(readdirSync(folder)).toEqual(['a.bin'])
  })

  it('keeps the permissions and links of the old file', async () => {
    writeFileSync(path, 'old')
    chmodSync(path, 0o640)
    const link = join(folder, 'link')
    symlinkSync(path, link)
    await replaceFile(link, pieces(3))
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(content()).toEqual(whole(3))
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  it('is safe from itself: many saves at once leave one whole file', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => replaceFile(path, pieces(i))))
    expect(readdirSync(folder)).toEqual(['a.bin'])
    expect(content()).toEqual(whole(content()[0]))
  })
})

const kills = Number(process.env['KILLS'] ?? 20)

it(`${kills} processes killed while they save leave a whole file, and the next save clears away`, async () => {
  const program = join(folder, 'save.mjs')
  const source = fileURLToPath(new URL('../../packages/formats/src/files/atomic.node.ts', import.meta.url))
  const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source)
  const save = `
    for (let i = 0; ; i = (i + 1) % 200) {
      await replaceFile(process.argv[2], [1, 2, 3, 4].map(() => new Uint8Array(50_000).fill(i)))
      process.stdout.write('.')
    }`
  writeFileSync(program, code + save)
  await replaceFile(path, [new Uint8Array(200_000)])
  const below = numbers(Number(process.env['FC_SEED'] ?? 1))
  let litter = 0
  for (let n = 0; n < kills; n++) {
    const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    let saves = 1 + below(3)
    child.stdout.on('data', () => {
      if (saves-- === 0) {
        // Somewhere within a save, which takes some milliseconds.
        const until = performance.now() + below(8000) / 1000
        while (performance.now() < until);
        child.kill('SIGKILL')
      }
    })
    await ended
    const bytes = content()
    expect([bytes.length, bytes.every((byte) => byte === bytes[0])]).toEqual([200_000, true])
    litter += readdirSync(folder).length - 2
  }
  // Each process clears away what those before it left: at most the last one's is there.
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp')).length).toBeLessThan(2)
  expect(litter).toBeGreaterThan(0)
  await replaceFile(path, pieces(1))
  expect(readdirSync(folder).toSorted()).toEqual(['a.bin', 'save.mjs'])
}, 600_000)
