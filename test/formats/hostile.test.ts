// Files that are damaged, or made to do harm: each ends with a typed error that names what is wrong, soon, and changes nothing.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'
import { FormatError } from '@typegrad/data'
import { loadModel, MismatchError } from '@typegrad/formats'
import { Dense } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { TypegradError } from '@typegrad/tensor'
import { describe, expect, it } from 'vitest'
import { readHdf5, writeHdf5 } from '../../packages/formats/src/keras/hdf5.ts'
import { unzip } from '../../packages/data/src/zip.ts'
import { fuzz, runs } from './mutate.ts'

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../golden/keras/${name}`, import.meta.url))))
const text = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** The parts of a file by Keras, to be changed. */
const parts = unzip(golden('linear_regression.keras'), () => true, 'test')
const config = JSON.parse(new TextDecoder().decode(parts.get('config.json')))
const packed = (changes: Record<string, Uint8Array>, level: 0 | 6 = 6): Uint8Array =>
  zipSync({ ...Object.fromEntries(parts), ...changes }, { level })
const withConfig = (change: (json: any) => void): Uint8Array => {
  const changed = structuredClone(config)
  change(changed)
  return packed({ 'config.json': text(changed) })
}
const dense = (json: any): any => json.config.layers.find((layer: any) => layer.class_name === 'Dense')

const refused: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  [
    'a Lambda',
    withConfig((json) => Object.assign(dense(json), { class_name: 'Lambda', config: { function: ['4wEAAA==', null, null] } })),
    /Lambda/,
  ],
  [
    'a class that is a method of objects',
    withConfig((json) => (dense(json).class_name = 'constructor')),
    /unknown layer 'constructor'/,
  ],
  ['a class named __proto__', withConfig((json) => (dense(json).class_name = '__proto__')), /unknown layer '__proto__'/],
  [
    'an option named __proto__',
    packed({ 'config.json': text(JSON.stringify(config).replace('"units":', '"__proto__":{"polluted":1},"units":')) }),
    /unknown option \w*proto__/,
  ],
  ['a model that is none', withConfig((json) => (json.class_name = 'Dense')), /is no model|unknown option/],
  ['a config that is a list', packed({ 'config.json': text([1]) }), /is no model/],
  [
    'a config with a name twice',
    packed({ 'config.json': text(JSON.stringify(config).replace('"units":', '"units": 3, "units":')) }),
    /"units" twice/,
  ],
  ['absurd units', withConfig((json) => (dense(json).config.units = 2 ** 40)), /./],
  ['an absurd input', withConfig((json) => (json.config.layers[0].config.batch_shape = [null, 2 ** 52])), /./],
  ['no config', zipSync({ 'a.txt': text('a') }), /expected config\.json/],
  ['a file too many', packed({ '../../evil': text('x') }), /'\.\.\/\.\.\/evil' in the archive is not known/],
  ['weights that are no HDF5', packed({ 'model.weights.h5': text('hello') }), /HDF5 file is damaged/],
  ['an entry that inflates to very much', zipSync({ 'config.json': new Uint8Array(2 ** 26) }, { level: 9 }), /over the limit/],
]

describe('hostile .keras files', () => {
  it.each(refused)('%s is refused', async (_, bytes, message) => {
    const before = Reflect.ownKeys(Object.prototype)
    const error = await loadModel(bytes).then(
      () => undefined,
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(TypegradError)
    expect((error as Error).message).toMatch(message)
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
  })

  it('everything that is not known is named at once', async () => {
    const bytes = packed({
      'config.json': text({
        class_name: 'Sequential',
        config: {
          name: 'm',
          layers: [
            { class_name: 'Fancy', config: { name: 'a' } },
            { class_name: 'Dense', config: { name: 'b', units: 2, sparkle: 1 } },
            { class_name: 'Sequential', config: { name: 'c', layers: [{ class_name: 'Other', config: { name: 'd' } }] } },
          ],
        },
      }),
    })
    const error = (await loadModel(bytes).catch((e: unknown) => e)) as MismatchError
    expect(error).toBeInstanceOf(MismatchError)
    expect(error.problems.map((problem) => problem.split(',')[0])).toEqual([
      "layer 'a': deserializeLayer: unknown layer 'Fancy'; give its class: { Fancy }",
      "layer 'b': Dense: unknown option sparkle",
      "layer 'd': deserializeLayer: unknown layer 'Other'; give its class: { Other }",
    ])
  })

  it('weights that do not fit are named at once, and none is changed', async () => {
    const model = new Sequential([new Dense({ units: 2, inputDim: 3 }), new Dense({ units: 2 })])
    const before = model.weights.map((weight) => weight.toArray())
    const error = (await model.loadWeights(golden('cnn.weights.h5')).catch((e: unknown) => e)) as MismatchError
    expect(error.problems).toContain('weight layers/dense/vars/0: [32, 4] in the file, [3, 2] in the model')
    expect(error.problems).toContain('weight layers/dense_1/vars/0: missing in the file, the model has [2, 2]')
    expect(error.problems).toContain('weight layers/conv2d/vars/0: [3, 3, 1, 6] in the file, not in the model')
    expect(model.weights.map((weight) => weight.toArray())).toEqual(before)
  })

  it(`reads or refuses ${runs} damaged .keras files`, async () => {
    const outcome = await fuzz([golden('linear_regression.keras'), packed({})], (bytes) => loadModel(bytes))
    expect(outcome.refused).toBeGreaterThan(runs / 2)
  })

  it(`reads or refuses ${runs} .keras files whose weights are damaged`, async () => {
    const outcome = await fuzz([parts.get('model.weights.h5')!], (bytes) => loadModel(packed({ 'model.weights.h5': bytes }, 0)))
    expect(outcome.refused).toBeGreaterThan(runs / 5)
  })

  it(`reads or refuses ${runs} damaged .h5 files`, async () => {
    const outcome = await fuzz([golden('linear_regression.h5')], (bytes) => loadModel(bytes))
    expect(outcome.refused).toBeGreaterThan(runs / 5)
  })
})

describe('HDF5', () => {
  it('gives back what was written, of every dtype', async () => {
    const { tensors } = readHdf5(golden('transformer.weights.h5'), 'test')
    const attributes = new Map([['a', new Map([['name', 'naïve']])]])
    const again = readHdf5(await writeHdf5({ tensors, groups: new Set(['a', 'b/c']), attributes }, 'test'), 'test')
    expect([...again.tensors].map(([name, value]) => [name, value.dtype, value.toArray()])).toEqual(
      [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, value.dtype, value.toArray()]),
    )
    expect(again.attributes.get('a')!.get('name')).toBe('naïve')
    expect(again.groups.has('b/c')).toBe(true)
  })

  it('refuses groups that lead back to themselves, and files elsewhere', async () => {
    const { default: h5wasm, ready } = await import('h5wasm')
    const { FS } = await ready
    const made = (build: (file: InstanceType<typeof h5wasm.File>) => void): Uint8Array => {
      const file = new h5wasm.File('/hostile.h5', 'w', { libver: ['earliest', 'latest'] })
      build(file)
      file.close()
      return (FS as unknown as { readFile(path: string): Uint8Array }).readFile('/hostile.h5')
    }
    const loop = made((file) => {
      file.create_group('a')
      for (const name of ['x', 'y', 'z']) file.create_hard_link('/a', `a/${name}`)
    })
    const begun = performance.now()
    expect(() => readHdf5(loop, 'test')).toThrow(FormatError)
    expect(performance.now() - begun).toBeLessThan(1000)
    expect(() =>
      readHdf5(
        made((file) => file.create_external_link('/etc/passwd', '/x', 'out')),
        'test',
      ),
    ).toThrow(/links elsewhere/)
    expect(() =>
      readHdf5(
        made((file) => file.create_soft_link('/nowhere', 'soft')),
        'test',
      ),
    ).toThrow(/'soft' is a link/)
  })

  it('refuses an array that is larger than its file by far', async () => {
    const { default: h5wasm, ready } = await import('h5wasm')
    const { FS } = await ready
    const file = new h5wasm.File('/large.h5', 'w', { libver: ['earliest', 'latest'] })
    file.create_dataset({ name: 'x', data: [0], shape: [1], dtype: '<f4', maxshape: [null], chunks: [1024] }).resize([2 ** 31])
    file.close()
    const bytes = (FS as unknown as { readFile(path: string): Uint8Array }).readFile('/large.h5')
    expect(() => readHdf5(bytes, 'test')).toThrow(/more room than its size allows/)
  })
})

describe('files that are refused', () => {
  it('take no more than four times their size and 16 MiB', () => {
    const [script, preload] = ['./memory.ts', '../../scripts/ts-register.mjs'].map((name) =>
      fileURLToPath(new URL(name, import.meta.url)),
    )
    const out = join(mkdtempSync(join(tmpdir(), 'typegrad-memory-')), 'results.json')
    execFileSync(process.execPath, ['--expose-gc', '--conditions=@typegrad/source', '--import', preload, script, out], {
      env: { ...process.env, VITEST: '' },
    })
    const results = JSON.parse(readFileSync(out, 'utf8')) as Record<string, { refused: string; took: number; allowed: number }>
    rmSync(dirname(out), { recursive: true })
    expect(Object.keys(results)).toHaveLength(11)
    for (const [name, { refused, took, allowed }] of Object.entries(results)) {
      expect([name, refused]).toEqual([name, 'FormatError'])
      expect([name, took > allowed ? took : 'little']).toEqual([name, 'little'])
    }
  })
})
