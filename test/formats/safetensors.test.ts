import fc from 'fast-check'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FormatError, LoadError } from '@typegrad/data'
import { decodeSafetensors, encodeSafetensors, readSafetensors, SaveError, writeSafetensors } from '@typegrad/formats'
import { dtypes, tensor, zeros, type DType, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { fuzz, runs } from './mutate.ts'

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../golden/formats/${name}`, import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'typegrad-safetensors-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A file from a header and bytes, as they are. */
const file = (header: string | object, data: number[] = [], length?: bigint): Uint8Array => {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + json.length + data.length)
  new DataView(out.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  out.set(json, 8)
  out.set(data, 8 + json.length)
  return out
}

const float = Math.fround

describe('safetensors', () => {
  it('reads every dtype of a file by the reference implementation', async () => {
    const { tensors, metadata } = await decodeSafetensors(golden('reference.safetensors'))
    const read = Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, `${dtype} ${shape.join('x')}`]))
    expect(Object.fromEntries(metadata)).toEqual({ format: 'np', 'made by': 'safetensors 0.8.0' })
    expect(tensors.size).toBe(17)
    expect(read).toMatchObject({
      float16: 'float32 4',
      bfloat16: 'float32 3',
      int64: 'int32 2',
      scalar: 'float32 ',
      empty: 'float32 0x3',
    })
    const values = (name: string): number[] => [...tensors.get(name)!.toTypedArray()]
    expect(values('float64')).toEqual([1.5, -2.25, Math.PI, -0])
    expect(values('float32')).toEqual([1e-45, 3.4028235e38, 0.1].map(float))
    expect(values('float16')).toEqual([0.0999755859375, -65504, 2 ** -24, Infinity])
    expect(values('bfloat16')).toEqual([0.10009765625, -3.00405527047391e38, 9.183549615799121e-41])
    expect(values('int64')).toEqual([-(2 ** 31), 2 ** 31 - 1])
    expect(values('int16')).toEqual([-32768, 7])
    expect(values('int8')).toEqual([-128, 127])
    expect(values('uint32')).toEqual([2 ** 31 - 1])
    expect(values('uint16')).toEqual([65535])
    expect(tensors.get('bool')!.toArray()).toEqual([true, false, true])
    expect(values('__proto__')).toEqual([1, 2])
    expect(values('naïve/ключ')).toEqual([4])
  })

  it('writes what the reference implementation writes, byte by byte', async () => {
    const bytes = golden('own-dtypes.safetensors')
    const { tensors, metadata } = await decodeSafetensors(bytes)
    expect(await encodeSafetensors(tensors, { metadata })).toEqual(bytes)
  })

  it('gives back any tensors, whatever their names', async () => {
    const named = fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'toString', '0', '')),
      fc.record({
        dtype: fc.constantFrom(...dtypes),
        shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
        seed: fc.nat(200),
      }),
      { noNullPrototype: false },
    )
    await fc.assert(
      fc.asyncProperty(named, async (given) => {
        const names = Object.keys(given).filter((name) => name !== '__metadata__' && !/\p{Surrogate}/u.test(name))
        const made = new Map(
          names.map((name): [string, Tensor] => {
            const { dtype, shape, seed } = Object.getOwnPropertyDescriptor(given, name)!.value as {
              dtype: DType
              shape: number[]
              seed: number
            }
            const size = shape.reduce((a, b) => a * b, 1)
            return [
              name,
              tensor(
                Float64Array.from({ length: size }, (_, i) => (seed + i) % (dtype === 'bool' ? 2 : 256)),
                { shape, dtype },
              ),
            ]
          }),
        )
        const { tensors } = await decodeSafetensors(await encodeSafetensors(made))
        expect([...tensors.keys()].toSorted()).toEqual(names.toSorted())
        for (const [name, value] of tensors) {
          const expected = made.get(name)!
          expect([value.dtype, value.shape, value.toArray()]).toEqual([expected.dtype, expected.shape, expected.toArray()])
        }
      }),
    )
  })

  it('writes views in row-major order', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const { tensors } = await decodeSafetensors(await encodeSafetensors({ t: x.transpose(), s: x.slice(null, [null, null, -1]) }))
    expect(tensors.get('t')!.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect(tensors.get('s')!.toArray()).toEqual([
      [3, 2, 1],
      [6, 5, 4],
    ])
  })

  it('reads paths, file URLs, Blobs and buffers', async () => {
    const path = join(folder, 'a.safetensors')
    await writeSafetensors(path, { x: [1, 2] })
    const bytes = new Uint8Array(readFileSync(path))
    for (const source of [path, pathToFileURL(path), String(pathToFileURL(path)), new Blob([bytes]), bytes, bytes.buffer]) {
      const { tensors } = await readSafetensors(source)
      expect(tensors.get('x')!.toArray()).toEqual([1, 2])
    }
    // Saving to the file that was just read.
    const { tensors } = await readSafetensors(path)
    await writeSafetensors(path, tensors)
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes)
  })

  it('says what is wrong with a path', async () => {
    await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow(LoadError)
    await expect(readSafetensors(folder)).rejects.toThrow(/it is a folder/)
    await expect(writeSafetensors(join(folder, 'no', 'a.safetensors'), { x: [1] })).rejects.toThrow(SaveError)
    await expect(writeSafetensors(folder, { x: [1] })).rejects.toThrow(/it is a folder/)
    await expect(writeSafetensors('https://example.org/a', { x: [1] })).rejects.toThrow(/can only be read/)
    await expect(writeSafetensors(join(folder, 'b'), { __metadata__: [1] })).rejects.toThrow(/reserved/)
  })

  const two = (first: object, second: object): object => ({
    a: { dtype: 'U8', shape: [2], ...first },
    b: { dtype: 'U8', shape: [2], ...second },
  })
  const refused: readonly [why: string, bytes: Uint8Array, message: RegExp][] = [
    ['nothing', new Uint8Array(), /0 bytes/],
    ['a length beyond the file', file({}, [], 1000n), /header has 1000/],
    ['a length of 2^64 - 1', file({}, [], 2n ** 64n - 1n), /header has/],
    ['no object', file('[1, 2]  '), /begin with \{/],
    ['a space before the header', file(' {}'), /begin with \{/],
    ['no JSON', file('{"a":'), /no JSON/],
    ['UTF-8 that is none', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff), /no JSON/],
    [
      'a name twice',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        [1, 2],
      ),
      /"a" twice/,
    ],
    ['an overlap', file(two({ data_offsets: [0, 2] }, { data_offsets: [1, 3] }), [1, 2, 3]), /an overlap/],
    ['the same bytes twice', file(two({ data_offsets: [0, 2] }, { data_offsets: [0, 2] }), [1, 2]), /an overlap/],
    ['a hole', file(two({ data_offsets: [0, 2] }, { data_offsets: [3, 5] }), [1, 2, 3, 4, 5]), /a hole/],
    ['bytes left over', file(two({ data_offsets: [0, 2] }, { data_offsets: [2, 4] }), [1, 2, 3, 4, 5]), /take 4 bytes/],
    ['bytes missing', file(two({ data_offsets: [0, 2] }, { data_offsets: [2, 4] }), [1, 2, 3]), /take 4 bytes/],
    ['an end before the start', file({ a: { dtype: 'U8', shape: [2], data_offsets: [2, 0] } }, [1, 2]), /data_offsets/],
    ['a wrong length', file({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 2] } }, [1, 2]), /take 8/],
    ['a negative length', file({ a: { dtype: 'U8', shape: [-2, -1], data_offsets: [0, 2] } }, [1, 2]), /shape/],
    ['a shape whose product wraps', file({ a: { dtype: 'U8', shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] } }), /take/],
    ['a fraction', file({ a: { dtype: 'U8', shape: [0.5, 4], data_offsets: [0, 2] } }, [1, 2]), /shape/],
    ['an unknown dtype', file({ a: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, [1]), /known are F64/],
    ['a dtype named as a method', file({ a: { dtype: 'constructor', shape: [1], data_offsets: [0, 1] } }, [1]), /known are F64/],
    ['a field too many', file({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1], x: 1 } }, [1]), /not described/],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), /no text/],
    ['a bool of 2', file({ a: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] } }, [2]), /expected 0 or 1/],
    [
      'an int64 beyond int32',
      file({ a: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, [0, 0, 0, 128, 0, 0, 0, 0]),
      /2147483648, which int32 cannot/,
    ],
  ]
  it.each(refused)('refuses %s', async (_, bytes, message) => {
    await expect(decodeSafetensors(bytes)).rejects.toThrow(FormatError)
    await expect(decodeSafetensors(bytes)).rejects.toThrow(message)
  })

  it(`reads or refuses ${runs} damaged files`, async () => {
    const outcome = await fuzz([golden('reference.safetensors'), golden('own-dtypes.safetensors')], decodeSafetensors)
    expect(outcome.refused).toBeGreaterThan(runs / 2)
  })

  it('refuses a file before it makes room for what it promises', async () => {
    const promise = file({ a: { dtype: 'F64', shape: [2 ** 20, 2 ** 20], data_offsets: [0, 2 ** 43] } })
    await expect(decodeSafetensors(promise)).rejects.toThrow(/take 8796093022208 bytes/)
    expect((await decodeSafetensors(await encodeSafetensors({ x: zeros([0, 1000]) }))).tensors.get('x')!.shape).toEqual([0, 1000])
  })
})
