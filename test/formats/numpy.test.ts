import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@typegrad/data'
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz, readNpy, readNpz, writeNpy, writeNpz } from '@typegrad/formats'
import { dtypes, tensor, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { unzip } from '../../packages/data/src/zip.ts'
import { fuzz, runs } from './mutate.ts'

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../golden/formats/${name}`, import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'typegrad-numpy-'))
afterAll(() => rmSync(folder, { recursive: true }))

const whole = (x: Tensor): unknown => [x.dtype, x.shape, x.toArray()]

/** What `numpy.npz`, written by NumPy 2.4, holds. */
const quarters = [
  [0, 0.25, 0.5],
  [0.75, 1, 1.25],
]
const cube = Array.from({ length: 2 }, (_, i) =>
  Array.from({ length: 3 }, (_, j) => Array.from({ length: 4 }, (_, k) => 12 * i + 4 * j + k)),
)
const expected: Readonly<Record<string, unknown>> = {
  f4: ['float32', [2, 3], quarters],
  fortran: ['float64', [2, 3], quarters],
  big_f4: ['float32', [2, 3], quarters],
  big_i2: ['int32', [2], [-2, 300]],
  i8: ['int32', [2, 1], [[-(2 ** 31)], [7]]],
  u1: ['uint8', [2], [0, 255]],
  bool: ['bool', [2], [true, false]],
  scalar: ['float64', [], 2.5],
  empty: ['float32', [0, 4], []],
  f2: ['float32', [2], [0.5, -2]],
  i4: ['int32', [2], [1, -1]],
  cube: ['int32', [2, 3, 4], cube],
}

/** A version 1 file with this header and data. */
const npy = (header: string, data: number[] = []): Uint8Array => {
  const head = new TextEncoder().encode(header)
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    head.length & 255,
    head.length >> 8,
    ...head,
    ...data,
  ])
}

describe('npy and npz', () => {
  it('reads what NumPy writes: versions 1 to 3, both orders of axes and bytes, every width', () => {
    expect(Object.fromEntries([...decodeNpz(golden('numpy.npz'))].map(([name, x]) => [name, whole(x)]))).toEqual(expected)
  })

  it('writes what NumPy writes, byte by byte', async () => {
    const file = unzip(golden('plain.npz'), () => true, 'test').get('x.npy')!
    expect(await encodeNpy(decodeNpy(file))).toEqual(file)
  })

  it('gives back any array', async () => {
    const arrays = fc.record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(arrays, async ({ dtype, shape }) => {
        const size = shape.reduce((a, b) => a * b, 1)
        const x = tensor(
          Float64Array.from({ length: size }, (_, i) => (dtype === 'bool' ? i % 2 : i % 256)),
          { shape, dtype },
        )
        expect(whole(decodeNpy(await encodeNpy(x)))).toEqual(whole(x))
        expect(whole(decodeNpy(await encodeNpy(x.transpose())))).toEqual(whole(x.transpose()))
      }),
    )
  })

  it('reads and writes files', async () => {
    const path = join(folder, 'x')
    await writeNpy(`${path}.npy`, [[1, 2]])
    expect((await readNpy(`${path}.npy`)).toArray()).toEqual([[1, 2]])
    for (const compress of [false, true]) {
      await writeNpz(`${path}.npz`, { a: [1], constructor: [2] }, { compress })
      expect([...(await readNpz(`${path}.npz`))].map(([name, x]) => [name, x.toArray()])).toEqual([
        ['a', [1]],
        ['constructor', [2]],
      ])
    }
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(), /NUMPY/],
    ['pickled objects', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", [0x80]), /pickled objects are not read/],
    ['texts', npy("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", [0]), /expected numbers/],
    ['an absurd shape', npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 99999999), }"), /bytes/],
    [
      'too few bytes',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", [0, 0, 0, 0]),
      /takes 8 bytes, there are 4/,
    ],
    [
      'integers beyond int32',
      npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0, 1, 0, 0, 0]),
      /4294967296, which int32 cannot/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes)).toThrow(FormatError)
    expect(() => decodeNpy(bytes)).toThrow(message)
  })

  it('unpacks no more than it may', async () => {
    const bytes = await encodeNpz({ x: tensor(new Float32Array(2 ** 23)) }, { compress: true })
    expect(() => decodeNpz(bytes)).toThrow(/over the limit/)
    expect(decodeNpz(bytes, { maxBytes: 2 ** 26 }).get('x')!.size).toBe(2 ** 23)
  })

  it(`reads or refuses ${runs} damaged files of each`, async () => {
    const files = [...unzip(golden('numpy.npz'), () => true, 'test').values()]
    expect((await fuzz(files, decodeNpy)).refused).toBeGreaterThan(runs / 4)
    expect((await fuzz([golden('numpy.npz'), golden('plain.npz')], (bytes) => decodeNpz(bytes))).refused).toBeGreaterThan(
      runs / 2,
    )
  })
})
