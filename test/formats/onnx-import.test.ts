// ONNX files by others, read and run: ONNX' own test cases of single operators give the values that are in them, and models as other
// libraries export them give what onnxruntime gives.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import * as ort from 'onnxruntime-web/wasm'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FormatError } from '@typegrad/data'
import { encodeOnnx, loadOnnx, MismatchError } from '@typegrad/formats'
import { Dense, Input } from '@typegrad/layers'
import { Model, Sequential } from '@typegrad/model'
import { Adam } from '@typegrad/optim'
import { compile, random, ShapeError, tensor, toModule, type Tensor } from '@typegrad/tensor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeTensor } from '../../packages/formats/src/onnx/decode.ts'
import { fuzz, runs } from './mutate.ts'

interface Case {
  readonly name: string
  readonly model: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))
const tensorIn = (text: string): Tensor => decodeTensor(bytes(text), (why) => new FormatError(why))

/** Cases that are not run, and why. */
const leftOut: readonly [cases: RegExp, why: string][] = [
  [/BFLOAT16/, 'NumPy has no bfloat16, so the values in the case are bit patterns'],
  [
    /^test_resize_downsample_scales_(linear|cubic)_align_corners$/,
    'the case has an output that is 1.8 pixels wide; runtimes take 1',
  ],
  [/^test_training_dropout/, 'training'],
]

const linesOf = (name: string): Case[] =>
  gunzipSync(readFileSync(new URL(`../golden/onnx/${name}.json.gz`, import.meta.url)))
    .toString()
    .split('\n')
    .map((line) => JSON.parse(line) as Case)

const cases = linesOf('nodes').filter(({ name }) => !leftOut.some(([pattern]) => pattern.test(name)))

/** What is wrong with a result, by the tolerance of ONNX' own runner. */
function wrong(got: Tensor, expected: Tensor): string | undefined {
  if (String(got.shape) !== String(expected.shape)) return `shape [${got.shape.join()}], expected [${expected.shape.join()}]`
  if (got.dtype !== expected.dtype) return `${got.dtype}, expected ${expected.dtype}`
  const [a, b] = [got.toTypedArray(), expected.toTypedArray()]
  const at = [...a.keys()].find(
    (i) => !(Object.is(a[i], b[i]) || a[i] === b[i] || Math.abs(a[i] - b[i]) <= 1e-7 + 1e-3 * Math.abs(b[i])),
  )
  return at === undefined ? undefined : `element ${at} of ${a.length} is ${a[at]}, expected ${b[at]}`
}

const listOf = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (Array.isArray(y) ? (y as readonly Tensor[]) : [y as Tensor])

/** What is refused in the cases, each once, and how many cases are not. */
const refused = new Set<string>()
let run = 0

describe("ONNX' own cases", () => {
  it.each(cases.map((one): [string, Case] => [one.name, one]))('%s', async (_, one) => {
    const model = await loadOnnx(bytes(one.model)).catch((error: unknown) => {
      if (!(error instanceof MismatchError)) throw error
      for (const problem of error.problems) refused.add(problem.replace(/ \(node.*/, ''))
    })
    if (!model) return
    run++
    const outputs = listOf(model.apply(one.inputs.map(tensorIn)))
    expect(outputs.map((y, i) => wrong(y, tensorIn(one.outputs[i])))).toEqual(outputs.map(() => undefined))
  })

  it('are refused where they hold what is not listed here', () => {
    expect(run).toBe(665)
    const operators = [...refused].flatMap((why) => /^the operator (\w+)$/.exec(why)?.[1] ?? [])
    expect(operators.toSorted().join(' ')).toBe(
      'Bernoulli BitShift BlackmanWindow Compress ConvInteger DFT DequantizeLinear Det DynamicQuantizeLinear GridSample HammingWindow HannWindow If Loop MatMulInteger MaxUnpool MelWeightMatrix NegativeLogLikelihoodLoss NonMaxSuppression OptionalGetElement OptionalHasElement QLinearConv QLinearMatMul QuantizeLinear RandomUniformLike RoiAlign STFT Scan SoftmaxCrossEntropyLoss TfIdfVectorizer Unique',
    )
    expect([...refused].filter((why) => !/^the operator \w+$/.test(why)).toSorted()).toEqual([
      'BatchNormalization: training_mode',
      'GatherND: batch_dims 1',
      'MaxPool: a second output',
      'MaxPool: dilations',
      'MaxPool: storage_order',
      "Resize: coordinate_transformation_mode 'tf_crop_and_resize'",
      "ScatterND: reduction 'mul'",
      'a graph without inputs',
      "the input 'optional_input' is no tensor",
      'the operator Adagrad of ai.onnx.preview.training',
      'the operator Adam of ai.onnx.preview.training',
      'the operator Momentum of ai.onnx.preview.training',
    ])
  })

  it('give the same as programs, where no shape depends on numbers', async () => {
    let compiled = 0
    for (const one of cases.filter((_, i) => i % 12 === 0)) {
      const model = await loadOnnx(bytes(one.model)).catch(() => undefined)
      if (!model) continue
      const inputs = one.inputs.map(tensorIn)
      const program = compile((xs: Tensor[]) => listOf(model.apply(xs) as Tensor | Tensor[]) as Tensor[])
      try {
        const outputs = program(inputs)
        expect([one.name, ...outputs.map((y, i) => wrong(y, tensorIn(one.outputs[i])))]).toEqual([
          one.name,
          ...outputs.map(() => undefined),
        ])
        compiled++
      } catch (error) {
        if (!/are read, which a compiled function cannot do/.test((error as Error).message)) throw error
      }
    }
    expect(compiled).toBeGreaterThan(40)
  })
})

const models = linesOf('models')

describe('models that PyTorch 2.13 exported, by both of its exporters', () => {
  it.each(linesOf('torch').map((one): [string, Case] => [one.name, one]))('%s', async (_, one) => {
    const model = await loadOnnx(bytes(one.model))
    const outputs = listOf(await model.predict(tensorIn(one.inputs[0])))
    outputs.forEach((y, i) => {
      const [values, theirs] = [y.toTypedArray(), tensorIn(one.outputs[i])]
      expect(y.shape).toEqual(theirs.shape)
      theirs.toTypedArray().forEach((v, at) => expect(Math.abs(values[at] - v)).toBeLessThanOrEqual(1e-6))
    })
    expect(model.explain()).toMatch(/^predictStep\n.*: \d+ kernels/)
  })
})

beforeAll(() => {
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
})

describe('models as other libraries export them', () => {
  it.each(models.map((one): [string, Case] => [one.name, one]))('%s', async (_, one) => {
    const session = await ort.InferenceSession.create(bytes(one.model))
    const model = await loadOnnx(bytes(one.model))
    const inputs = one.inputs.map(tensorIn)
    const feeds = inputs.map((x, i): [string, ort.Tensor] => {
      const values = x.toTypedArray()
      // int64 is int32 here.
      const given = x.dtype === 'int32' ? BigInt64Array.from(values, BigInt) : values
      return [model.inputNames[i], new ort.Tensor(x.dtype === 'int32' ? 'int64' : x.dtype, given as never, [...x.shape])]
    })
    const expected = await session.run(Object.fromEntries(feeds))
    await session.release()
    const eager = listOf(model.apply(inputs))
    const predicted = listOf(await model.predict(inputs[0]))
    model.outputNames.forEach((name, i) => {
      const theirs = expected[name]
      for (const y of [eager[i], predicted[i]]) {
        expect(y.shape).toEqual([...theirs.dims])
        const values = y.toTypedArray()
        const error = Array.from(theirs.data as ArrayLike<number | bigint>, (v, at) => Math.abs(Number(v) - values[at])).reduce(
          (a, b) => Math.max(a, b),
          0,
        )
        expect(error).toBeLessThanOrEqual(2e-6)
      }
    })
    // As programs, whose shapes were found out while they were made.
    expect(model.explain()).toMatch(/^predictStep\n.*: \d+ kernels/)
  })
})

const folder = mkdtempSync(join(tmpdir(), 'typegrad-onnx-'))
afterAll(() => rmSync(folder, { recursive: true }))
const small = (): Sequential =>
  new Sequential([new Dense({ units: 3, activation: 'relu', inputDim: 4 }), new Dense({ units: 2 })])

describe('a loaded model', () => {
  it('says what it takes and gives, and is a function, a module, a layer', async () => {
    const model = await loadOnnx(await encodeOnnx(small()))
    expect(model.inputInfo).toEqual([{ name: model.inputNames[0], dtype: 'float32', shape: [null, 4] }])
    expect(model.outputInfo).toEqual([{ name: model.outputNames[0], dtype: 'float32', shape: [null, 2] }])
    expect(model.countParams()).toBe(4 * 3 + 3 + 3 * 2 + 2)
    const x = new random.Generator(1).normal([5, 4])
    const y = model.apply(x).toArray() as unknown
    expect(compile((v: Tensor) => model.apply(v))(x).toArray()).toEqual(y)
    const text = toModule((v) => model.apply(v), [{ name: 'x', shape: [5, 4] }])
    const file = join(folder, 'module.mjs')
    writeFileSync(file, text)
    const { run } = (await import(file)) as { run: (x: unknown) => [Float32Array] }
    // Without relaxed multiply-adds the last bit may differ.
    run(x.toTypedArray())[0].forEach((value, i) => expect(value).toBeCloseTo((y as number[][]).flat()[i], 5))
    const input = Input({ shape: [4] })
    const whole = new Model({ inputs: input, outputs: new Dense({ units: 1 }).apply(model.apply(input)) })
    expect((await whole.predict(x)).shape).toEqual([5, 1])
  })

  it('goes on learning where its weights are told to', async () => {
    const model = await loadOnnx(await encodeOnnx(small()))
    expect(model.trainableWeights).toEqual([])
    for (const weight of model.weights) weight.trainable = true
    model.compile({ optimizer: new Adam({ learningRate: 0.05 }), loss: 'mse' })
    const x = new random.Generator(2).normal([32, 4])
    const { history } = await model.fit(x, x.slice(null, [0, 2]), { epochs: 20, verbose: 0 })
    expect(history['loss'].at(-1)).toBeLessThan(history['loss'][0] / 2)
    const path = join(folder, 'tuned.safetensors')
    await model.saveWeights(path)
    const again = await loadOnnx(await encodeOnnx(small()))
    await again.loadWeights(path)
    expect(again.getWeights().map((w) => w.toArray() as unknown)).toEqual(model.getWeights().map((w) => w.toArray() as unknown))
    await expect(model.save(join(folder, 'a.keras'))).rejects.toThrow(/the graph of an ONNX file/)
  })

  it('says what does not fit', async () => {
    const model = await loadOnnx(await encodeOnnx(small()))
    expect(() => model.apply(tensor([[1, 2, 3]]))).toThrow(ShapeError)
    expect(() => model.apply(tensor([[1, 2, 3]]))).toThrow(/is \[1, 3\], the file says \[null, 4\]/)
  })
})

/** A message of fields: texts, numbers, bytes and messages. */
type Fields = readonly (readonly [field: number, value: string | number | Uint8Array | Fields])[]
const message = (fields: Fields): Uint8Array => {
  const writer = new BinaryWriter()
  for (const [field, value] of fields) {
    if (typeof value === 'number') writer.tag(field, WireType.Varint).int64(value)
    else if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).string(value)
    else writer.tag(field, WireType.LengthDelimited).bytes(value instanceof Uint8Array ? value : message(value))
  }
  return writer.finish()
}
const value = (name: string, ...shape: number[]): Fields => [
  [1, name],
  [2, [[1, [[1, 1], [2, shape.map((n) => [1, [[1, n]]] as const)]]]]], // prettier-ignore
]
const node = (op: string, inputs: string[], output: string, ...more: Fields): Fields => [
  ...inputs.map((name) => [1, name] as const),
  [2, output],
  [4, op],
  ...more,
]
const file = (...graph: Fields): Uint8Array => message([[7, graph], [8, [[2, 17]]]]) // prettier-ignore

describe('files', () => {
  const external = (location: string, offset = '8'): Uint8Array =>
    file(
      [1, node('Add', ['x', 'w'], 'y')],
      [5, [[1, 2], [2, 1], [8, 'w'], [13, [[1, 'location'], [2, location]]], [13, [[1, 'offset'], [2, offset]]], [14, 1]]], // prettier-ignore
      [11, value('x', 1, 2)],
      [12, value('y', 1, 2)],
    )

  it('may have their weights in a file beside them, and nowhere else', async () => {
    const path = join(folder, 'external.onnx')
    const weights = new Uint8Array(Float32Array.of(0, 0, 3, 4).buffer)
    writeFileSync(path, external('external.onnx.data'))
    await expect(loadOnnx(path)).rejects.toThrow(/no such file/)
    writeFileSync(`${path}.data`, weights)
    const sum = async (model: Promise<Model>): Promise<unknown> => ((await model).apply(tensor([[1, 1]])) as Tensor).toArray()
    expect(await sum(loadOnnx(path))).toEqual([[4, 5]])
    const externalData = { w: weights, '../w': weights }
    expect(await sum(loadOnnx(external('w'), { externalData }))).toEqual([[4, 5]])
    expect(await sum(loadOnnx(external('../w'), { externalData }))).toEqual([[4, 5]])
    writeFileSync(path, external('../external.onnx.data'))
    await expect(loadOnnx(path)).rejects.toThrow(/which is not beside the model/)
    await expect(loadOnnx(external('w'))).rejects.toThrow(/say where that is/)
    await expect(loadOnnx(external('w', '16'), { externalData })).rejects.toThrow(/there are 0/)
    await expect(loadOnnx(external('w', '17'), { externalData })).rejects.toThrow(/lies outside of 'w'/)
  })

  it('name all that is not supported at once', async () => {
    const wrong = file(
      [1, node('Fancy', ['x'], 'a', [7, 'com.example'])],
      [1, node('Relu', ['a'], 'b', [5, [[1, 'slope'], [3, 1], [20, 2]]])], // prettier-ignore
      [1, node('Relu', ['b'], 'c', [5, [[1, 'slope'], [3, 1], [20, 2]]])], // prettier-ignore
      [1, node('constructor', ['c'], 'd')],
      [1, node('Conv', ['d'], 'y')],
      [11, value('x', 1, 2)],
      [12, value('y', 1, 2)],
    )
    const error = await loadOnnx(wrong).catch((e: unknown) => e as MismatchError)
    expect(error).toBeInstanceOf(MismatchError)
    expect((error as MismatchError).problems).toEqual([
      "the operator Fancy of com.example (node 'a')",
      "Relu: the attribute slope (node 'b', and 1 more)",
      "the operator constructor (node 'd')",
      "Conv with 1 inputs, expected 2 to 3 (node 'y')",
    ])
  })

  const refused: readonly [why: string, bytes: Uint8Array, message: RegExp][] = [
    ['nothing', new Uint8Array(), /no graph/],
    ['text', new TextEncoder().encode('hello'), /is no valid ONNX file/],
    ['a value that nothing makes', file([1, node('Relu', ['z'], 'y')], [11, value('x', 1)], [12, value('y', 1)]), /reads 'z'/],
    [
      'a circle',
      file([1, node('Relu', ['b'], 'a')], [1, node('Relu', ['a'], 'b')], [11, value('x', 1)], [12, value('b', 1)]),
      /reads 'b'/,
    ],
    ['a value made twice', file([1, node('Relu', ['x'], 'x')], [11, value('x', 1)], [12, value('x', 1)]), /made twice/],
    ['an output that nothing makes', file([11, value('x', 1)], [12, value('y', 1)]), /output 'y'/],
    ['a tensor that is larger than its bytes', file([5, [[1, 2 ** 40], [2, 1], [8, 'w'], [9, new Uint8Array(4)]]]), /takes 4398046511104 bytes/], // prettier-ignore
    ['a length below 0', file([5, [[1, -1], [2, 1], [8, 'w']]]), /no valid shape/], // prettier-ignore
  ]
  it.each(refused)('refuse %s', async (_, given, why) => {
    const error = await loadOnnx(given).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(FormatError)
    expect((error as Error).message).toMatch(why)
  })

  it(`are read or refused when they are damaged, ${runs} times`, async () => {
    const outcome = await fuzz([await encodeOnnx(small()), ...models.map((one) => bytes(one.model))], (damaged) =>
      loadOnnx(damaged),
    )
    expect(outcome.refused).toBeGreaterThan(runs / 2)
  })
})
