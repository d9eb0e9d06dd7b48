// Every layer of the reference values, saved, loaded and exported: what works is written to docs/formats.md by `npm run formats`.
import * as ort from 'onnxruntime-web/wasm'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeOnnx, loadModel, loadOnnx, MismatchError } from '@typegrad/formats'
import { clearSession, deserializeLayer, Input, layers, type AnyLayer } from '@typegrad/layers'
import { Model } from '@typegrad/model'
import { random, type Tensor } from '@typegrad/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { fromGolden } from '../conformance.ts'
import type { KerasCase } from '../layers/keras-case.ts'

const folder = process.env['FORMATS_KEEP'] ?? mkdtempSync(join(tmpdir(), 'typegrad-layers-'))
mkdirSync(folder, { recursive: true })
afterAll(() => process.env['FORMATS_KEEP'] ?? rmSync(folder, { recursive: true }))
ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const golden = fileURLToPath(new URL('../golden/', import.meta.url))
interface File {
  readonly cases: KerasCase[]
  readonly more?: { readonly cases: KerasCase[] }
}

/** Layers without reference values of the same kind: their options under Keras' names, and the shape of an input. */
const others: readonly [name: string, args: Record<string, unknown>, shape: number[]][] = [
  ...['Average', 'Max'].flatMap((kind) =>
    [1, 2, 3].map((n): [string, Record<string, unknown>, number[]] => [
      `Adaptive${kind}Pooling${n}D`,
      { output_size: [2, 3, 2].slice(0, n) },
      [2, ...[5, 6, 4].slice(0, n), 2],
    ]),
  ),
  ...['CenterCrop', 'RandomCrop', 'Resizing'].map((name): [string, Record<string, unknown>, number[]] => [
    name,
    { height: 3, width: 4 },
    [2, 6, 5, 2],
  ]),
  ...['RandomBrightness', 'RandomContrast', 'RandomRotation'].map((name): [string, Record<string, unknown>, number[]] => [
    name,
    { factor: 0.1 },
    [2, 5, 5, 3],
  ]),
  ['RandomFlip', {}, [2, 5, 5, 3]],
  ['RandomTranslation', { height_factor: 0.1, width_factor: 0.2 }, [2, 5, 5, 3]],
  ['RandomZoom', { height_factor: 0.1 }, [2, 5, 5, 3]],
  ['Conv3DTranspose', { filters: 2, kernel_size: 2 }, [1, 3, 3, 3, 2]],
  ['ConvLSTM1D', { filters: 2, kernel_size: 2 }, [1, 3, 4, 2]],
  ['ConvLSTM3D', { filters: 2, kernel_size: 2 }, [1, 2, 3, 3, 3, 1]],
  ...['Cropping3D', 'GlobalAveragePooling3D', 'GlobalMaxPooling3D', 'UpSampling3D', 'ZeroPadding3D'].map(
    (name): [string, Record<string, unknown>, number[]] => [name, {}, [1, 3, 4, 5, 2]],
  ),
  ['SpatialDropout3D', { rate: 0.3 }, [1, 3, 4, 5, 2]],
  ['SpectralNormalization', { layer: { class_name: 'Dense', config: { units: 3 } } }, [2, 4]],
]

const generator = new random.Generator(3)
const made = others.map(([name, args, shape]): KerasCase => {
  const data = [...generator.uniform(shape).toTypedArray()]
  return {
    id: name,
    class: name,
    args,
    config: {},
    call_style: 'single',
    inputs: [{ shape, dtype: 'float32', data }],
    weights: [],
    outputs: [],
  }
})

const cases = readdirSync(golden)
  .filter((name) => name.startsWith('layers-') && !/strings|images/.test(name))
  .map((name) => JSON.parse(readFileSync(join(golden, name), 'utf8')) as File)
  .flatMap(({ cases: first, more }) => [...first, ...(more?.cases ?? [])])
  .filter((one) => !one.call && !('stateful' in one.args))
  .filter(
    (one, i, all) =>
      all.findIndex((other) => JSON.stringify([other.class, other.args]) === JSON.stringify([one.class, one.args])) === i,
  )
  .concat(made)

/** A model of one layer, with the case's weights. */
function modelOf(one: KerasCase): Model {
  clearSession()
  const inputs = one.inputs.map(({ shape, dtype }, i) =>
    Input({ shape: shape.slice(1), dtype: dtype === 'int64' ? 'int32' : dtype, name: `x${i}` }),
  )
  const layer = deserializeLayer({ class_name: one.class, config: one.args }) as AnyLayer
  const single = one.call_style === 'single'
  const outputs = layer.apply(single ? inputs[0] : inputs)
  const model = new Model({ inputs: single ? inputs[0] : inputs, outputs, name: 'model' })
  if (one.weights.length > 0) model.setWeights(one.weights.map(fromGolden))
  return model
}

const listOf = (y: Tensor | Tensor[]): Tensor[] => (Array.isArray(y) ? y : [y])
/** Op by op: compiling each of a thousand models that run once is what would take the time. */
const run = (model: Model, x: readonly Tensor[]): Tensor[] => listOf(model.apply(x.length === 1 ? x[0] : [...x]))
const values = (tensors: readonly Tensor[]): unknown => tensors.map((t) => [t.dtype, t.shape, [...t.toTypedArray()]])

/** What was found out of each class: how many cases there are, and how many of them could be exported. */
const found = new Map<string, { cases: number; exported: number; reasons: Set<string> }>()

describe('every layer', () => {
  it.each(cases.map((one, i) => [`${one.id} (${i})`, one] as const))('%s', async (name, one) => {
    const model = modelOf(one)
    const x = one.inputs.map(fromGolden)
    const expected = run(model, x)
    for (const ending of ['keras', 'safetensors']) {
      const path = join(folder, `${name.replaceAll(/[^\w]/g, '_')}.${ending}`)
      await model.save(path)
      const loaded = await loadModel(path)
      expect(JSON.parse(JSON.stringify(loaded))).toEqual(JSON.parse(JSON.stringify(model)))
      expect(values(run(loaded, x))).toEqual(values(expected))
    }
    const entry = found.get(one.class) ?? { cases: 0, exported: 0, reasons: new Set<string>() }
    found.set(one.class, entry)
    entry.cases++
    const bytes = await exported(model)
    if (bytes instanceof MismatchError) entry.reasons.add(bytes.problems[0].replace(/^layer '[^']*': /, ''))
    else entry.exported++
    const error = bytes instanceof MismatchError ? 0 : await difference(bytes, model, x, expected)
    expect(error).toBeLessThanOrEqual(1e-5)
  })

  it('is in the table of what can be saved, loaded and exported', () => {
    const path = fileURLToPath(new URL('../../docs/formats.md', import.meta.url))
    const table = tableOf()
    if (process.env['FORMATS'] === 'write') writeFileSync(path, table)
    expect(readFileSync(path, 'utf8')).toBe(table)
  })
})

async function exported(model: Model): Promise<Uint8Array | MismatchError> {
  try {
    return await encodeOnnx(model)
  } catch (error) {
    if (error instanceof MismatchError) return error
    throw error
  }
}

/** The largest difference of the results of onnxruntime, and of the file read again, relative to what is above 1. */
async function difference(bytes: Uint8Array, model: Model, x: readonly Tensor[], expected: readonly Tensor[]): Promise<number> {
  const session = await ort.InferenceSession.create(bytes)
  const feeds = x.map((t, i) => [
    model.inputNames[i],
    new ort.Tensor(t.dtype as 'float32', t.toTypedArray() as Float32Array, [...t.shape]),
  ])
  const results = await session.run(Object.fromEntries(feeds) as Record<string, ort.Tensor>)
  const names = session.outputNames
  await session.release()
  const again = listOf((await loadOnnx(bytes)).apply(x.length === 1 ? x[0] : [...x]))
  const errors = expected.flatMap((y, i) => {
    const theirs = results[names[i]]
    expect([[...theirs.dims], again[i].shape]).toEqual([y.shape, y.shape])
    const ours = Array.from(y.toTypedArray())
    return [theirs.data as Float32Array, again[i].toTypedArray()].map((values) =>
      ours.reduce((most, value, at) => Math.max(most, Math.abs(values[at] - value) / Math.max(1, Math.abs(value))), 0),
    )
  })
  return Math.max(...errors)
}

/** The table, from what was tried. */
function tableOf(): string {
  const names = Object.keys(layers).toSorted()
  const rows = names.map((name) => {
    const entry = found.get(name)
    if (!entry) return `| ${name} | | | | not tried here |`
    const { cases: n, exported: m, reasons } = entry
    const onnx = m === 0 ? 'no' : m === n ? 'yes' : 'in part'
    return `| ${name} | ${n} | yes | ${onnx} | ${m === n ? '' : [...reasons].join('; ')} |`
  })
  return `# What can be saved, loaded and exported

Made by \`npm run formats\`, which tries it: each layer, in the configurations of the reference values (their number is the second column), is put
into a model, saved as \`.keras\` and as \`.safetensors\`, loaded, and must have the same config and predict the same bits; what can be exported to
ONNX must give in onnxruntime, and read here again by \`loadOnnx\`, what the layer gives here, to 1e-5. A layer with states from batch to batch, and what is done in training only, are
no part of this.

Files as written here are loaded by the programs they are for: \`scripts/check-formats.py\` says how to repeat it. On 2026-11-30 Keras 3.15.1 on TensorFlow 2.21
loaded all 26 models of \`test/golden/keras\`, with the optimizer's steps, the same arrays and groups as in Keras' own files, and predictions within
1e-5; the 23 of them that ONNX can say pass \`onnx.checker\` 1.23.1 with full checks, and give the same in onnxruntime 1.30.0.

| layer | tried | .keras, .weights.h5, .safetensors: saved and loaded | ONNX: exported, imported again | what ONNX export refuses |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}
