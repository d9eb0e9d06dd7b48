import { readCsv } from '@typegrad/data'
import { mkdtemp, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cachedDownload, download, sha256 } from '../../packages/data/src/download.ts'

let home: string
let server: Server
let url: string
let hits = 0
let answer: RequestListener

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'typegrad-home-'))
  process.env['TYPEGRAD_HOME'] = home
  server = createServer((request, response) => (hits++, answer(request, response)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.csv`
})
beforeEach(() => {
  hits = 0
  answer = (_, response) => response.end('a,b\n1,2\n')
})
afterAll(async () => {
  delete process.env['TYPEGRAD_HOME']
  server.closeAllConnections()
  server.close()
  await rm(home, { recursive: true })
})

const drain = async (parts: AsyncIterable<unknown>): Promise<number> => {
  let count = 0
  for await (const _ of parts) count++
  return count
}

describe('download', () => {
  test('readCsv takes an address, and asks once though it reads twice', async () => {
    answer = (_, response) => response.end('a,b\n01,2\nx,3\n')
    expect((await readCsv(url)).column('a').values).toEqual(['01', 'x'])
    expect(hits).toBe(1)
    answer = (_, response) => response.writeHead(500).end()
    await expect(readCsv(new URL(url))).rejects.toThrow(/^readCsv: 'http.*data.csv', the server answered 500/)
  })

  test('silence ends it', async () => {
    answer = (_, response) => void response.writeHead(200).write('a')
    await expect(drain(download(url, 'test', { timeout: 50 }))).rejects.toThrow(
      'the download broke off after 1 bytes (no data for 0.05 s)',
    )
    answer = () => {}
    await expect(drain(download(url, 'test', { timeout: 50 }))).rejects.toThrow('it cannot be fetched (no data for 0.05 s)')
  })

  test('slowness does not', async () => {
    answer = (_, response) => {
      let left = 6
      const timer = setInterval(() => (left-- > 0 ? response.write('a') : (clearInterval(timer), response.end())), 60)
    }
    const bytes: number[] = []
    for await (const part of download(url, 'test', { timeout: 250 })) bytes.push(...part)
    expect(bytes).toHaveLength(6)
  })

  test('too much ends it', async () => {
    await expect(drain(download(url, 'test', { maxBytes: 3 }))).rejects.toThrow('it is larger than 3 bytes')
  })

  test('progress is told', async () => {
    const told: unknown[] = []
    answer = (_, response) => response.writeHead(200, { 'content-length': '8' }).end('a,b\n1,2\n')
    await drain(download(url, 'test', { onProgress: (...args) => told.push(args) }))
    expect(told.at(-1)).toEqual([8, 8])
  })
})

describe('cachedDownload', () => {
  const hash = 'b5bfa6bd64aee4bd4ab4d30b8ba8a1bc3a2a4e1a8ad8ee3b0d0e7d8b9b9d0f7e'

  test('SHA-256', async () => {
    // FIPS 180-2, appendix B.1
    expect(await sha256(new TextEncoder().encode('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  test('a wrong checksum is an error, and nothing is kept', async () => {
    await expect(cachedDownload(url, 'test', { name: 'wrong', sha256: hash })).rejects.toThrow(
      /the file is damaged: its SHA-256 is [0-9a-f]{64}, not b5bf/,
    )
    await expect(cachedDownload(url, 'test', { name: 'wrong', sha256: hash })).rejects.toMatchObject({ name: 'LoadError' })
    expect(await readdir(home)).toEqual([])
  })

  test('a damaged file of the cache is fetched anew', async () => {
    const right = await sha256(new TextEncoder().encode('a,b\n1,2\n'))
    await mkdir(join(home, 'datasets'))
    await writeFile(join(home, 'datasets', 'damaged'), 'a,b\n1,')
    expect(new TextDecoder().decode(await cachedDownload(url, 'test', { name: 'damaged', sha256: right }))).toBe('a,b\n1,2\n')
    expect(await readFile(join(home, 'datasets', 'damaged'), 'utf8')).toBe('a,b\n1,2\n')
    await cachedDownload(url, 'test', { name: 'damaged', sha256: right })
    expect(hits).toBe(1)
  })
})
