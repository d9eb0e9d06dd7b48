import {
  decodeReview,
  FormatError,
  imdbWordIndex,
  loadImdb,
  LoadError,
  vectorizeSequences,
  type LoadImdbOptions,
} from '@typegrad/data'
import { TypegradError } from '@typegrad/tensor'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { randomState } from '../../packages/data/src/keras/random-state.ts'

interface Reviews<Y = number[]> {
  xTrain: number[][]
  yTrain: Y
  xTest: number[][]
  yTest: Y
}

/** Written by NumPy and by Keras' own lines; see its `note`. */
const golden = JSON.parse(readFileSync(new URL('../golden/data/imdb.json', import.meta.url), 'utf8')) as {
  raw: Reviews
  files: Record<string, string>
  cases: { options: LoadImdbOptions; expected: Reviews }[]
  shuffles: { n: number; seed: number; order: number[] }[]
}
const fileOf = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(golden.files[name], 'base64'))
const blobOf = (name: string): Blob => new Blob([fileOf(name)])

const load = async (path: Blob, options: LoadImdbOptions = {}): Promise<Reviews> => {
  const { xTrain, yTrain, xTest, yTest } = await loadImdb({ path, ...options })
  expect([yTrain.dtype, yTest.dtype]).toEqual(['int32', 'int32'])
  return { xTrain, yTrain: Array.from(yTrain.toTypedArray()), xTest, yTest: Array.from(yTest.toTypedArray()) }
}
/** Without any encoding: what is in the file. */
const asIs = { seed: null, startChar: null, indexFrom: 0 } as const

/** An archive of the given files. */
const archive = (files: Record<string, Uint8Array>): Blob => new Blob([zipSync(files)])
const npy = (descr: string, shape: string, data: Uint8Array, extra = ''): Uint8Array => {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, ${extra}}\n`
  return Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0, ...Buffer.from(header), ...data)
}
const labels = (n: number): Uint8Array => npy('|u1', `(${n},)`, new Uint8Array(n))
const withReviews = (pickle: Uint8Array, n: number): Blob =>
  archive({
    'x_train.npy': npy('|O', `(${n},)`, pickle),
    'y_train.npy': labels(n),
    'x_test.npy': npy('|O', `(${n},)`, pickle),
    'y_test.npy': labels(n),
  })

/** False if reading ends in anything but a result or a typed error. */
const readOrRefused = (path: Blob): Promise<boolean> =>
  loadImdb({ path }).then(
    () => true,
    (error: unknown) => error instanceof TypegradError,
  )

describe('loadImdb reads what NumPy writes', () => {
  test.each(['protocol2', 'protocol3', 'protocol4', 'protocol5', 'stored', 'header2', 'savez_compressed'])('%s', async (name) => {
    expect(await load(blobOf(name), asIs)).toEqual(golden.raw)
  })

  test('arrays saved by position are taken as they are', async () => {
    expect(await load(blobOf('positional'))).toEqual(golden.raw)
    expect((await load(blobOf('positional'), { numWords: 50 })).xTrain).toEqual(
      golden.raw.xTrain.map((x) => x.map((w) => (w < 50 ? w : 2))),
    )
  })

  test('reviews of equal length are a matrix, of any byte order', async () => {
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [10, 11, 12],
    ]
    expect(await load(blobOf('matrices'), asIs)).toEqual({ xTrain: rows, yTrain: [0, 1, 1, 0], xTest: rows, yTest: [1, 0, 1, 0] })
  })
})

describe('loadImdb encodes as Keras', () => {
  test.each(golden.cases.map(({ options, expected }) => [JSON.stringify(options), options, expected] as const))(
    '%s',
    async (_, options, expected) => {
      expect(await load(blobOf('protocol4'), options)).toEqual(expected)
    },
  )

  test('NumPy’s shuffle', () => {
    for (const { n, seed, order } of golden.shuffles) expect(Array.from(randomState(seed).permutation(n))).toEqual(order)
  })

  test('then vectors', async () => {
    const { xTrain } = await load(blobOf('protocol4'), { numWords: 100 })
    expect(vectorizeSequences(xTrain, 100).shape).toEqual([12, 100])
  })

  test('options that cannot be', async () => {
    await expect(load(blobOf('protocol4'), { numWords: -1 })).rejects.toThrow('loadImdb: numWords must be an integer ≥ 0, got -1')
    await expect(load(blobOf('protocol4'), { seed: 0.5 })).rejects.toThrow('seed must be an integer')
    await expect(load(blobOf('protocol4'), { maxlen: 1 })).rejects.toThrow('loadImdb: maxlen 1 leaves no training reviews')
  })
})

describe('loadImdb trusts nothing', () => {
  const bytes = (...parts: (string | number[])[]): Uint8Array =>
    Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)))
  const head = 'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R'
  const state = (n: number, lists: string): string =>
    `(K\x01K${String.fromCharCode(n)}\x85cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89${lists}tb.`

  test('the pickles of these tests are right but for what they test', async () => {
    const pickle = bytes('\x80\x02', head, state(2, '](](K\x01K\x02e]K\x03ae'))
    expect((await load(withReviews(pickle, 2), asIs)).xTrain).toEqual([[1, 2], [3]])
  })

  test.each<[string, string, RegExp]>([
    ['a call of os.system', 'cos\nsystem\nX\x02\0\0\0ls\x85R.', /it names 'os system', and code in a pickle is never run/],
    ['a call of eval', 'c__builtin__\neval\nX\x01\0\0\x001\x85R.', /it names '__builtin__ eval'/],
    ['a name off the stack', '\x8c\x02os\x8c\x06system\x93.', /it names 'os system'/],
    ['an instance', '(ios\nsystem\n.', /opcode 0x69 at 3 has no place/],
    ['a dict', '}.', /opcode 0x7d/],
    ['an extension', '\x82\x01.', /opcode 0x82/],
    ['a persistent id', 'Px\n.', /opcode 0x50/],
    ['a call of the dtype with another type', 'cnumpy\ndtype\nX\x02\0\0\0i8\x85R.', /it calls numpy dtype/],
    ['a list alone', '].', /it is not an object array of shape \[2\]/],
    ['another shape', head + state(3, '](](K\x01e](K\x01ee'), /not an object array of shape \[2\]/],
    ['fewer elements', head + state(2, '](](K\x01ee'), /the array has 1 elements, its shape says 2/],
    ['elements that are no lists', head + state(2, '](K\x01K\x02e'), /element 0 is not a list/],
    ['words that are no integers', head + state(2, '](](Ne](K\x01ee'), /element 0 holds something else than integers/],
    ['too many lists', `${']'.repeat(200)}.`, /more than 2 lists/],
    ['too many memos', `]${'\x94'.repeat(200)}.`, /stores too many values/],
    ['too deep', '('.repeat(20), /nested too deeply/],
    ['nothing on the stack', '.     ', /a value is missing/],
    ['a recall of nothing', 'h\x05.', /recalls a value that it never stored/],
    ['appending to a number', 'K\x01K\x02a.', /appends to something else than a list/],
    ['state of a list', ']K\x01b.', /sets the state of something else/],
    ['no mark', 'K\x01e.', /a mark is missing/],
    ['a long text', 'X\xff\xff\xff\xffa', /a text of 4294967295 bytes/],
    ['bytes past the end', 'B\xff\xff\xff\xffa', /cut off/],
    ['a large integer', '\x8a\x09123456789.', /an integer is too large/],
    ['a new protocol', '\x06.     ', /newer than 5/],
    ['no end', 'K\x01', /cut off/],
  ])('%s', async (name, pickle, message) => {
    const start = name === 'a new protocol' ? '\x80' : '\x80\x02'
    const error: unknown = await loadImdb({ path: withReviews(bytes(start, pickle), 2) }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FormatError)
    expect((error as Error).message).toMatch(message)
  })

  test('one long list in many places does not grow', async () => {
    const n = 200
    const words = 'K\x01'.repeat(5000)
    const lists = `](](${words}eq\x00${'h\x00'.repeat(n - 1)}e`
    const pickle = bytes('\x80\x02', head, state(n, lists))
    await expect(loadImdb({ path: withReviews(pickle, n) })).rejects.toThrow('the same list stands in too many places')
  })

  test.each<[string, Record<string, Uint8Array>, string]>([
    ['no arrays', { 'a.txt': new Uint8Array(1) }, 'the archive has no arr_0'],
    ['a part missing', { 'x_train.npy': labels(1), 'y_train.npy': labels(1) }, 'the archive has no x_test'],
    [
      'no npy',
      { 'x_train.npy': bytes('hello world, hello'), 'y_train.npy': labels(1), 'x_test.npy': labels(1), 'y_test.npy': labels(1) },
      'does not begin with \\x93NUMPY',
    ],
    [
      'labels instead of reviews',
      { 'x_train.npy': labels(1), 'y_train.npy': labels(1), 'x_test.npy': labels(1), 'y_test.npy': labels(1) },
      'an array of |u1 with shape [1], expected lists of words',
    ],
    [
      'a shape too large',
      {
        'x_train.npy': npy('<i8', '(1000000000, 1000000000)', new Uint8Array(8)),
        'y_train.npy': labels(1),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      'has 8 bytes, expected',
    ],
    [
      'a shape of nothings',
      {
        'x_train.npy': npy('<i8', '(1000000000, 0)', new Uint8Array(0)),
        'y_train.npy': labels(1),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      'expected lists of words',
    ],
    [
      'a huge number of lists',
      {
        'x_train.npy': npy('|O', '(4000000000,)', bytes('\x80\x02.')),
        'y_train.npy': labels(1),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      '3 bytes for 4000000000 lists',
    ],
    [
      'floats',
      {
        'x_train.npy': npy('<f8', '(1, 1)', new Uint8Array(8)),
        'y_train.npy': labels(1),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      'an array of <f8 with shape [1, 1], expected integers',
    ],
    [
      'a number over int32',
      {
        'x_train.npy': npy('<u4', '(1, 1)', new Uint8Array(4).fill(255)),
        'y_train.npy': labels(1),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      'holds 4294967295, which int32 cannot',
    ],
    [
      'more labels than reviews',
      {
        'x_train.npy': npy('|u1', '(1, 1)', new Uint8Array(1)),
        'y_train.npy': labels(2),
        'x_test.npy': labels(1),
        'y_test.npy': labels(1),
      },
      '1 training reviews and 2 labels',
    ],
  ])('%s', async (_, files, message) => {
    const error: unknown = await loadImdb({ path: archive(files) }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FormatError)
    expect((error as Error).message).toContain(message)
  })

  test('a zip bomb is stopped', async () => {
    const zeros = zipSync({ 'x_train.npy': new Uint8Array(1 << 26) })
    await expect(loadImdb({ path: new Blob([zeros]) })).rejects.toThrow(/would unpack to 67108864 bytes, over the limit/)
    // The same with a small size in the directory: what comes out is counted, not what is promised.
    const liar = zeros.slice()
    new DataView(liar.buffer).setUint32(liar.length - 22 - 'x_train.npy'.length - 46 + 24, 1000, true)
    globalThis.gc!()
    const before = process.memoryUsage().arrayBuffers
    await expect(loadImdb({ path: new Blob([liar]) })).rejects.toThrow('inflates to more than the 1000 bytes of the directory')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 24)
  })

  test('a file that does not have its checksum is refused', async () => {
    const damaged = fileOf('stored')
    // The end of the first review: … 6, 3].
    const at = Buffer.from(damaged).indexOf(Uint8Array.of(0x4b, 6, 0x4b, 3, 0x65))
    damaged[at + 3] = 5
    await expect(loadImdb({ path: new Blob([damaged]) })).rejects.toThrow('does not have the checksum of the directory')
  })

  test.each(['protocol2', 'protocol4', 'stored', 'positional', 'matrices'])(
    '%s, damaged anywhere, is read or refused',
    async (name) => {
      const original = fileOf(name)
      const mutation = fc.record({ at: fc.nat(original.length - 1), byte: fc.nat(255), length: fc.integer({ min: 1, max: 4 }) })
      let slowest = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(mutation, { minLength: 1, maxLength: 4 }),
          fc.option(fc.nat(original.length), { freq: 8 }),
          async (mutations, cut) => {
            const damaged = original.slice(0, cut ?? original.length)
            for (const { at, byte, length } of mutations) damaged.fill(byte, at, at + length)
            const start = performance.now()
            expect(await readOrRefused(new Blob([damaged]))).toBe(true)
            slowest = Math.max(slowest, performance.now() - start)
          },
        ),
        { numRuns: Number(process.env['FC_RUNS'] ?? 400) },
      )
      expect(slowest).toBeLessThan(1000)
    },
  )

  test('a pickle damaged anywhere is read or refused', async () => {
    // The checksum of the zip archive would stop these: here it is made anew for each.
    const pickle = bytes('\x80\x02', head, state(3, '](](K\x01K\x02M\x05\x01e]q\x01K\x03aJ\x01\0\0\0h\x01e'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(pickle.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (mutations) => {
          const damaged = pickle.slice()
          for (const [at, byte] of mutations) damaged[at] = byte
          const start = performance.now()
          expect(await readOrRefused(withReviews(damaged, 3))).toBe(true)
          expect(performance.now() - start).toBeLessThan(1000)
        },
      ),
      { numRuns: Number(process.env['FC_RUNS'] ?? 1000) },
    )
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('words', () => {
  const json = new Blob([JSON.stringify({ the: 1, film: 2, good: 3, constructor: 4 }).replace('}', ',"__proto__":5}')])

  test('index and decoding', async () => {
    const index = await imdbWordIndex({ path: json })
    expect([...index]).toEqual([
      ['the', 1],
      ['film', 2],
      ['good', 3],
      ['constructor', 4],
      ['__proto__', 5],
    ])
    expect(index.get('toString')).toBeUndefined()
    expect(decodeReview([1, 4, 5, 2, 6, 0, 8, 99], index)).toBe('? the film ? good ? __proto__ ?')
    expect(decodeReview([1, 2], index, { indexFrom: 0 })).toBe('the film')
    index.set('new', 6)
    expect(decodeReview([9], index)).toBe('new')
  })

  test.each([
    ['{', 'is not JSON'],
    ['[1]', 'is not an object'],
    ['{"a":"b"}', 'the rank of \'a\' is "b"'],
    ['{"a":0}', 'expected a positive integer'],
  ])('%s', async (text, message) => {
    await expect(imdbWordIndex({ path: new Blob([text]) })).rejects.toThrow(message)
    await expect(imdbWordIndex({ path: new Blob([text]) })).rejects.toBeInstanceOf(FormatError)
  })
})

describe('downloads', () => {
  let home: string
  let server: Server
  let url: string
  let hits: number
  let answer: RequestListener

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'typegrad-home-'))
    process.env['TYPEGRAD_HOME'] = home
    hits = 0
    answer = (_, response) => response.end(fileOf('protocol4'))
    server = createServer((request, response) => (hits++, answer(request, response)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/imdb.npz`
  })
  afterEach(async () => {
    delete process.env['TYPEGRAD_HOME']
    server.closeAllConnections()
    server.close()
    await rm(home, { recursive: true })
  })

  test('happen once', async () => {
    const first = await loadImdb({ url, ...asIs })
    const second = await loadImdb({ url: new URL(url), ...asIs })
    expect(first.xTrain).toEqual(golden.raw.xTrain)
    expect(second.xTrain).toEqual(golden.raw.xTrain)
    expect(hits).toBe(1)
    const files = await readdir(join(home, 'datasets'))
    expect(files).toHaveLength(1)
    expect(files[0]).toMatch(/^[0-9a-f]{8}-imdb\.npz$/)
    expect(new Uint8Array(await readFile(join(home, 'datasets', files[0])))).toEqual(fileOf('protocol4'))
  })

  test('at the same time leave one whole file', async () => {
    await Promise.all(Array.from({ length: 5 }, () => loadImdb({ url })))
    expect(await readdir(join(home, 'datasets'))).toHaveLength(1)
  })

  test('of the word index', async () => {
    answer = (_, response) => response.end('{"the":1}')
    expect((await imdbWordIndex({ url })).get('the')).toBe(1)
    expect((await imdbWordIndex({ url })).get('the')).toBe(1)
    expect(hits).toBe(1)
  })

  test('that fail say what to do and leave nothing', async () => {
    answer = (_, response) => response.writeHead(404).end('no')
    await expect(loadImdb({ url })).rejects.toThrow(
      `loadImdb: '${url}', the server answered 404 Not Found. Without a network, download the file elsewhere and pass it: loadImdb({ path: 'imdb.npz' })`,
    )
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    }
    const broken: unknown = await loadImdb({ url }).catch((e: unknown) => e)
    expect(broken).toBeInstanceOf(LoadError)
    expect((broken as LoadError).message).toContain('the download broke off after 4 bytes')
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const refused: unknown = await loadImdb({ url }).catch((e: unknown) => e)
    expect(refused).toBeInstanceOf(LoadError)
    expect((refused as LoadError).message).toMatch(/it cannot be fetched \(.*ECONNREFUSED/)
    expect((refused as LoadError).cause).toBeDefined()
    expect(await readdir(home)).toEqual([])
  })

  test('that cannot be kept are used all the same', async () => {
    await writeFile(join(home, 'datasets'), 'a file where the folder should be')
    expect((await loadImdb({ url, ...asIs })).xTrain).toEqual(golden.raw.xTrain)
  })
})
