// What is exported to ONNX gives in onnxruntime what it gives here, and so does what is imported again.
import * as ort from 'onnxruntime-web/wasm'
import { encodeOnnx, loadOnnx, MismatchError } from '@typegrad/formats'
import * as layers from '@typegrad/layers'
import { Input, Lambda, type AnyLayer, type SymbolicTensor } from '@typegrad/layers'
import { Model, modelFromConfig, Sequential } from '@typegrad/model'
import { random, tensor, type DType, type Tensor } from '@typegrad/tensor'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromGolden } from '../conformance.ts'
import { data, runs, type Run } from '../model/golden.ts'

beforeAll(() => {
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
})

/** The largest difference between the model's predictions and those of onnxruntime, and of the file read again, relative to what is above 1. */
async function compare(model: Model, x: readonly Tensor[]): Promise<number> {
  const bytes = await encodeOnnx(model)
  const session = await ort.InferenceSession.create(bytes)
  const feeds = Object.fromEntries(
    x.map((input, i) => {
      const given = input.cast(model.entrances[i].input.dtype as DType)
      return [
        model.inputNames[i],
        new ort.Tensor(given.dtype as 'float32', given.toTypedArray() as Float32Array, [...given.shape]),
      ]
    }),
  )
  const results = await session.run(feeds)
  const outputs = (await model.predict(x.length === 1 ? x[0] : [...x], { batchSize: 1000 })) as Tensor | Tensor[]
  const predicted = Array.isArray(outputs) ? outputs : [outputs]
  const imported = await loadOnnx(bytes)
  expect([imported.inputNames, imported.outputNames]).toEqual([model.inputNames, model.outputNames])
  const again = [imported.apply(x.length === 1 ? x[0] : [...x]) as Tensor | Tensor[]].flat()
  const errors = predicted.flatMap((y, i) => {
    const theirs = results[model.outputNames[i]]
    expect([[...theirs.dims], again[i].shape]).toEqual([y.shape, y.shape])
    return [theirs.data as Float32Array, again[i].toTypedArray()].map((values) => relative(values, y.toTypedArray()))
  })
  await session.release()
  return Math.max(...errors)
}

const relative = (given: ArrayLike<number>, expected: ArrayLike<number>): number =>
  Array.from(expected, (value, i) => Math.abs(given[i] - value) / Math.max(1, Math.abs(value))).reduce(
    (a, b) => Math.max(a, b),
    0,
  )

/** The model of a run, trained. */
function trained(run: Run): Model {
  const model = modelFromConfig(run.model)
  model.setWeights((run.final_weights ?? run.initial_weights).map(fromGolden))
  return model
}

/** The runs whose models have what ONNX has not. */
const masked = (run: Run): boolean => run.id === 'bidirectional_masked'

describe('models that Keras trained', () => {
  it.each(runs.filter((run) => !masked(run)).map((run) => [run.id, run] as const))('%s', async (_, run) => {
    const model = trained(run)
    const given = data(run.x)
    const x: Tensor[] = Array.isArray(given) ? given : 'shape' in given ? [given] : model.inputNames.map((name) => given[name])
    expect(await compare(model, x)).toBeLessThanOrEqual(1e-5)
  })

  it('one with masks is refused', async () => {
    await expect(encodeOnnx(trained(runs.find(masked)!))).rejects.toThrow(/mask_zero/)
  })
})

const { Conv1D, Conv2D, Dense, DepthwiseConv2D, GRU, LSTM, SeparableConv2D, SimpleRNN } = layers
const activations =
  'relu sigmoid tanh softmax elu selu softplus softsign exponential leaky_relu relu6 hard_sigmoid hard_silu silu mish gelu log_softmax'

const resizing = (options: Partial<layers.ResizingOptions>) => (): AnyLayer =>
  new layers.Resizing({ height: 4, width: 7, ...options })

/** Layers with options, the shape of one sample, and the shape that the model says, if that is another. */
type Case = [name: string, shape: number[], make: () => AnyLayer, said?: (number | null)[]]
const cases: readonly Case[] = [
  ...activations
    .split(' ')
    .map((name): [string, number[], () => AnyLayer] => [name, [5], () => new Dense({ units: 4, activation: name as 'relu' })]),
  ['Conv1D causal', [9, 2], () => new Conv1D({ filters: 3, kernelSize: 3, padding: 'causal', dilationRate: 2 })],
  ['Conv2D same, strides', [7, 8, 3], () => new Conv2D({ filters: 4, kernelSize: [3, 2], strides: 2, padding: 'same' })],
  ['Conv2D groups', [6, 6, 4], () => new Conv2D({ filters: 6, kernelSize: 3, groups: 2, activation: 'relu' })],
  ['Conv2D channels first', [3, 7, 8], () => new Conv2D({ filters: 4, kernelSize: 3, dataFormat: 'channelsFirst' })],
  ['DepthwiseConv2D', [6, 7, 3], () => new DepthwiseConv2D({ kernelSize: 3, depthMultiplier: 2, padding: 'same' })],
  [
    'SeparableConv2D',
    [6, 7, 3],
    () => new SeparableConv2D({ filters: 5, kernelSize: 3, depthMultiplier: 2, strides: 2, padding: 'same' }),
  ],
  ['AveragePooling2D same', [7, 5, 2], () => new layers.AveragePooling2D({ poolSize: 3, strides: 2, padding: 'same' })],
  ['MaxPooling1D', [9, 2], () => new layers.MaxPooling1D({ poolSize: 2 })],
  ['GlobalMaxPooling2D', [4, 5, 3], () => new layers.GlobalMaxPooling2D({ keepdims: true })],
  ['LayerNormalization', [4, 6], () => new layers.LayerNormalization()],
  ['BatchNormalization', [3, 4, 2], () => new layers.BatchNormalization({ scale: false })],
  ['LSTM sequences', [6, 3], () => new LSTM({ units: 4, returnSequences: true })],
  ['LSTM backwards', [6, 3], () => new LSTM({ units: 4, goBackwards: true })],
  ['GRU', [6, 3], () => new GRU({ units: 4 })],
  ['GRU reset before', [6, 3], () => new GRU({ units: 4, resetAfter: false, returnSequences: true })],
  ['SimpleRNN', [6, 3], () => new SimpleRNN({ units: 4 })],
  [
    'Bidirectional',
    [6, 3],
    () => new layers.Bidirectional({ layer: new GRU({ units: 3, returnSequences: true }), mergeMode: 'sum' }),
  ],
  ['TimeDistributed', [6, 3], () => new layers.TimeDistributed({ layer: new Dense({ units: 2 }) })],
  [
    'ZeroPadding2D',
    [3, 4, 2],
    () =>
      new layers.ZeroPadding2D({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
  ],
  ['ZeroPadding1D', [3, 2], () => new layers.ZeroPadding1D({ padding: [1, 2] })],
  ['UpSampling2D', [3, 4, 2], () => new layers.UpSampling2D({ size: [2, 3] })],
  ['Permute', [3, 4, 2], () => new layers.Permute({ dims: [3, 1, 2] })],
  ['Reshape', [3, 4, 2], () => new layers.Reshape({ targetShape: [-1, 6] })],
  ['RepeatVector', [4], () => new layers.RepeatVector({ n: 3 })],
  ['PReLU', [4, 3], () => new layers.PReLU({ alphaInitializer: 'glorotUniform' })],
  ['ReLU', [4, 3], () => new layers.ReLU({ maxValue: 0.5, negativeSlope: 0.1 })],
  ['ReLU threshold', [4, 3], () => new layers.ReLU({ maxValue: 0.7, threshold: 0.4 })],
  ['Softmax', [4, 3], () => new layers.Softmax({ axis: 1 })],
  ['Softmax of several axes', [4, 3], () => new layers.Softmax({ axis: [1, 2] })],
  ['Flatten channels first', [3, 2, 4], () => new layers.Flatten({ dataFormat: 'channelsFirst' })],
  ['Normalization of an axis that is not the last', [3, 4], () => new layers.Normalization({ axis: 1 })],
  ['LayerNormalization of an axis that is not the last', [3, 4], () => new layers.LayerNormalization({ axis: 1 })],
  [
    'GroupNormalization of a length that is not known',
    [4, 5, 3],
    () => new layers.GroupNormalization({ groups: 2, axis: 1 }),
    [4, null, 3],
  ],
  [
    'Conv2DTranspose of a size that is not known',
    [4, 5, 3],
    () => new layers.Conv2DTranspose({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }),
    [null, null, 3],
  ],
  ['Resizing', [6, 5, 2], resizing({})],
  ['Resizing of a size that is not known', [6, 5, 2], resizing({}), [null, null, 2]],
  ['Resizing bicubic', [6, 5, 2], resizing({ interpolation: 'bicubic' })],
  ['Resizing lanczos5', [6, 5, 2], resizing({ interpolation: 'lanczos5' })],
  ['Resizing antialias', [9, 15, 2], resizing({ antialias: true })],
  ['Resizing channels first', [2, 6, 5], resizing({ dataFormat: 'channelsFirst', interpolation: 'nearest' })],
  ['Resizing cropped', [9, 12, 2], resizing({ cropToAspectRatio: true })],
  ['Resizing padded', [9, 12, 2], resizing({ padToAspectRatio: true, fillValue: 0.5 })],
  // The fifth pixel is the 70th of the image exactly, which 32 bits make the 69th.
  ['Resizing nearest', [280, 2, 1], resizing({ interpolation: 'nearest', height: 18, width: 3 })],
  ['CenterCrop of what is too small', [3, 5, 2], () => new layers.CenterCrop({ height: 4, width: 4 })],
  ['RandomCrop', [6, 5, 2], () => new layers.RandomCrop({ height: 3, width: 4, dataFormat: 'channelsLast' })],
  ['AdaptiveMaxPooling2D', [2, 7, 6], () => new layers.AdaptiveMaxPooling2D({ outputSize: 3, dataFormat: 'channelsFirst' })],
  [
    'TimeDistributed of an axis, and of a number of steps that is not known',
    [5, 3, 2],
    () => new layers.TimeDistributed({ layer: new layers.LayerNormalization({ axis: 1 }) }),
    [null, 3, 2],
  ],
  ['GRU sequences backwards', [6, 3], () => new GRU({ units: 2, returnSequences: true, goBackwards: true })],
]

describe('layers', () => {
  it.each(cases)('%s', async (_, shape, make, said) => {
    const model = new Sequential([Input({ shape: said ?? shape }), make()])
    const generator = new random.Generator(1)
    model.setWeights(
      model.weights.map((w) =>
        /variance/i.test(w.name) ? generator.uniform(w.shape, { low: 0.5, high: 1.5 }) : generator.normal(w.shape),
      ),
    )
    expect(await compare(model, [generator.normal([3, ...shape])])).toBeLessThanOrEqual(1e-5)
  })

  it('several inputs and outputs, layers that are shared, models within models', async () => {
    const shared = new Dense({ units: 3, activation: 'tanh' })
    const [a, b] = [Input({ shape: [4], name: 'a' }), Input({ shape: [4], name: 'b' })]
    const within = new Sequential([new Dense({ units: 2, inputDim: 3 })])
    const [p, q] = [shared.apply(a), shared.apply(b)]
    const sum = layers.add([p, q] as never)
    const model = new Model({
      inputs: [a, b],
      outputs: [within.apply(sum), layers.multiply([p, q] as never)],
    })
    const generator = new random.Generator(2)
    expect(await compare(model, [generator.normal([5, 4]), generator.normal([5, 4])])).toBeLessThanOrEqual(1e-5)
  })

  it('inputs of lower rank get axes after the batch', async () => {
    const [a, b] = [Input({ shape: [3, 4] }), Input({ shape: [4] })]
    const model = new Model({ inputs: [a, b], outputs: [layers.add([a, b] as never), layers.average([a, b] as never)] })
    const generator = new random.Generator(4)
    expect(await compare(model, [generator.normal([3, 3, 4]), generator.normal([3, 4])])).toBeLessThanOrEqual(1e-5)
  })

  it('sizes that only the image knows are asked for', async () => {
    const model = new Sequential([Input({ shape: [null, null, 3] }), resizing({ interpolation: 'lanczos3', name: 'odd' })()])
    await expect(encodeOnnx(model)).rejects.toThrow(/layer 'odd': interpolation 'lanczos3' of images whose size is not known/)
  })

  it('what ONNX cannot say is named at once', async () => {
    const model = new Sequential([
      Input({ shape: [4, 3] }),
      new Lambda({ function: (x) => x as Tensor }),
      new GRU({ units: 2, activation: 'gelu', name: 'odd' }),
    ])
    await expect(encodeOnnx(model)).rejects.toThrow(MismatchError)
    await expect(encodeOnnx(model)).rejects.toThrow(/class Lambda[^]*layer 'odd': activations/)
  })
})

describe('ops on symbolic tensors', () => {
  const of = (f: (x: SymbolicTensor, y: SymbolicTensor) => SymbolicTensor): Model => {
    const [a, b] = [Input({ shape: [3, 4] }), Input({ shape: [3, 4] })]
    return new Model({ inputs: { a, b }, outputs: [f(a, b), layers.add([a, b] as never)] })
  }
  it.each<[string, (x: SymbolicTensor, y: SymbolicTensor) => SymbolicTensor]>([
    [
      'arithmetic',
      (x, y) =>
        x
          .add(y)
          .mul(2)
          .sub(tensor([1, 2, 3, 4]))
          .div(y.square().add(1)),
    ],
    ['matmul', (x, y) => x.matmul(y.transpose([0, 2, 1]))],
    ['where', (x, y) => x.greater(y).where(x.exp(), y.tanh())],
    ['activations', (x, y) => x.gelu().add(y.relu()).maximum(y.sigmoid().softplus())],
    ['clip', (x) => x.clip(-0.5, 0.5)],
    [
      'reductions',
      (x, y) =>
        x
          .sum([1, 2], { keepdims: true })
          .add(y.mean(-1, { keepdims: true }))
          .add(x.max(1, { keepdims: true })),
    ],
    ['softmax', (x, y) => x.softmax().add(y.logSoftmax(1))],
    ['movement', (x) => x.reshape([-1, 12]).expandDims(1).squeeze(1).reshape([-1, 4, 3])],
    ['slices', (x) => x.slice(null, [0, 3, 2], -1).add(x.slice(null, [null, null, -2], 0))],
  ])('%s', async (_, f) => expect(await compare(of(f), [random.normal([5, 3, 4]), random.normal([5, 3, 4])])).toBeLessThan(1e-5))

  it('that ONNX does not know are listed', async () => {
    const model = of((x, y) => x.flip(1).add(y.cumsum(1)))
    await expect(encodeOnnx(model)).rejects.toThrow(/does not know the op flip[^]*does not know the op cumsum/)
  })
})
