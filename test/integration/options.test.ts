/** Whatever takes an object of options refuses one that it does not know: else a mistyped one would do nothing. */
import * as typegrad from 'typegrad'
import { describe, expect, it } from 'vitest'

const { callbacks, fft, linalg, random, tensor, zeros } = typegrad
const x = tensor([
  [1, 2],
  [3, 5],
])
const images = zeros([1, 4, 4, 2])
const kernel = zeros([2, 2, 2, 2])
const f = (v: typegrad.Tensor): typegrad.Tensor => v.square().sum()
const model = new typegrad.Sequential([typegrad.Input({ shape: [2] }), new typegrad.Dense({ units: 1 })])
model.compile({ optimizer: 'sgd', loss: 'mse' })
const y = zeros([2, 1])
const curves = { loss: [3, 2, 1] }

/** A call by the name that its errors begin with; options that it cannot do without come third. */
type Row = readonly [name: string, call: (options: any) => unknown, needed?: object]

const tensors: readonly Row[] = [
  ['tensor', (o) => tensor([1], o)],
  ['zeros', (o) => zeros([1], o)],
  ['ones', (o) => typegrad.ones([1], o)],
  ['full', (o) => typegrad.full([1], 2, o)],
  ['eye', (o) => typegrad.eye(2, 2, o)],
  ['arange', (o) => typegrad.arange(2, o)],
  ['linspace', (o) => typegrad.linspace(0, 1, 5, o)],
  ['meshgrid', (o) => typegrad.meshgrid([[1], [2]], o)],
  ['Variable', (o) => new typegrad.Variable(x, o)],
  ...(['sum', 'mean', 'max', 'min', 'prod', 'any', 'all', 'argmax', 'argmin'] as const).map((name): Row => [
    name,
    (o) => x[name](0, o),
  ]),
  ...(['variance', 'std', 'logsumexp', 'median'] as const).map((name): Row => [name, (o) => x[name](0, o)]),
  ['quantile', (o) => x.quantile(0.5, 0, o)],
  ...(['sort', 'argsort', 'cumsum', 'cumprod'] as const).map((name): Row => [name, (o) => x[name](0, o)]),
  ...(['leakyRelu', 'elu', 'celu', 'threshold', 'boundedRelu'] as const).map((name): Row => [name, (o) => x[name](o)]),
  ['histogram', (o) => x.histogram(o)],
  ['bincount', (o) => tensor([1, 2], { dtype: 'int32' }).bincount(o)],
  ['searchsorted', (o) => tensor([1, 2]).searchsorted([1], o)],
  ['matmul', (o) => x.matmul(x, o)],
  ['conv', (o) => images.conv(kernel, o)],
  ['convTranspose', (o) => images.convTranspose(kernel, o)],
  ['depthwiseConv', (o) => images.depthwiseConv(kernel, o)],
  ['maxPool', (o) => images.maxPool(2, o)],
  ['averagePool', (o) => images.averagePool(2, o)],
  ['resize', (o) => typegrad.resize(images, [2, 2], o)],
  ['linalg.norm', (o) => linalg.norm(x, o)],
  ['linalg.pinv', (o) => linalg.pinv(x, o)],
  ['linalg.matrixRank', (o) => linalg.matrixRank(x, o)],
  ['linalg.solveTriangular', (o) => linalg.solveTriangular(x, [1, 2], o)],
  ...(['fft', 'ifft', 'rfft', 'irfft', 'fftn', 'ifftn', 'fft2', 'ifft2', 'rfft2', 'irfft2'] as const).map((name): Row => [
    `fft.${name}`,
    (o) => (fft[name] as (x: typegrad.Tensor, options: object) => unknown)(x, o),
  ]),
]

const randoms: readonly Row[] = [
  ...(['uniform', 'normal', 'truncatedNormal', 'bernoulli', 'exponential', 'gumbel'] as const).map((name): Row => [
    name,
    (o) => random[name]([2], o),
  ]),
  ['integers', (o) => random.integers([2], o), { high: 2 }],
  ['gamma', (o) => random.gamma([2], o), { alpha: 2 }],
  ['beta', (o) => random.beta([2], o), { alpha: 2, beta: 1 }],
  ['poisson', (o) => random.poisson([2], o), { rate: 2 }],
  ['binomial', (o) => random.binomial([2], o), { counts: 2, p: 0.5 }],
]

const gradients: readonly Row[] = [
  ['grad', (o) => typegrad.grad(f, o)],
  ['jacobian', (o) => typegrad.jacobian(f, o)],
  ['hessian', (o) => typegrad.hessian(f, o)],
  ['vmap', (o) => typegrad.vmap(f, o)],
  ['checkGradients', (o) => typegrad.checkGradients(f, [[1, 2]], o)],
  ['GradientTape', (o) => new typegrad.GradientTape(o)],
  [
    'gradient',
    (o) => {
      const tape = new typegrad.GradientTape()
      tape.watch(x)
      return tape.gradient(
        tape.run(() => f(x)),
        x,
        o,
      )
    },
  ],
]

const models: readonly Row[] = [
  ...(['relu', 'gelu', 'softmax', 'logSoftmax', 'sparsemax', 'glu', 'threshold', 'elu'] as const).map((name): Row => [
    name,
    (o) => typegrad.activations[name](x, o),
  ]),
  ['trainOnBatch', (o) => model.trainOnBatch(x, y, o)],
  ['testOnBatch', (o) => model.testOnBatch(x, y, o)],
  ['fit', (o) => model.fit(x, y, { verbose: 0, ...asGiven(o) })],
  ['evaluate', (o) => model.evaluate(x, y, { verbose: 0, ...asGiven(o) })],
  ['predict', (o) => model.predict(x, { verbose: 0, ...asGiven(o) })],
  ['toModule', (o) => model.toModule(o)],
  ['plot', (o) => model.plot(o)],
  ['summary', (o) => model.summary({ print: () => {}, ...asGiven(o) })],
  ['EarlyStopping', (o) => new callbacks.EarlyStopping(o)],
  ['ReduceLROnPlateau', (o) => new callbacks.ReduceLROnPlateau(o)],
  ['LearningRateScheduler', (o) => new callbacks.LearningRateScheduler((_, rate) => rate, o)],
  ['ModelCheckpoint', (o) => new callbacks.ModelCheckpoint('a.keras', o)],
  ['BackupAndRestore', (o) => new callbacks.BackupAndRestore('backup', o)],
  ['CSVLogger', (o) => new callbacks.CSVLogger('a.csv', o)],
  ['TensorBoard', (o) => new callbacks.TensorBoard(o)],
  ['RemoteMonitor', (o) => new callbacks.RemoteMonitor(o)],
  ['SwapEMAWeights', (o) => new callbacks.SwapEMAWeights(o)],
]

/** For calls that are given options of the table's own: what is no object stays what it is. */
const asGiven = (options: object | string): object => (typeof options === 'string' ? { [options]: 1 } : options)

const data: readonly Row[] = [
  // What is no object is one more array.
  ['trainTestSplit', (o) => typegrad.trainTestSplit(x, x, o), {}],
  ['kFold', (o) => typegrad.kFold([1, 2, 3, 4, 5], o)],
  ['StandardScaler', (o) => new typegrad.StandardScaler(o)],
  ['MinMaxScaler', (o) => new typegrad.MinMaxScaler(o)],
  ['toCategorical', (o) => typegrad.toCategorical([0, 1], o)],
  ['getDummies', (o) => typegrad.getDummies(['a', 'b'], o)],
  ['confusionMatrix', (o) => typegrad.confusionMatrix([0, 1], [1, 1], o)],
  ['padSequences', (o) => typegrad.padSequences([[1]], o)],
  ['vectorizeSequences', (o) => typegrad.vectorizeSequences([[1]], 3, o)],
  ['batches', (o) => typegrad.batches([x], o)],
  ['timeseriesDatasetFromArray', (o) => typegrad.timeseriesDatasetFromArray([1, 2, 3], null, o), { sequenceLength: 2 }],
  ['parseCsv', (o) => typegrad.parseCsv('a,b\n1,2\n', o)],
  ['toTensor', (o) => typegrad.parseCsv('a,b\n1,2\n').toTensor(o)],
  ['toTensor', (o) => typegrad.parseCsv('a,b\n1,2\n').column('a').toTensor(o)],
  ['plotHistory', (o) => typegrad.plotHistory(curves, o)],
  ['plotLines', (o) => typegrad.plotLines(o), { series: curves }],
  ['text', (o) => typegrad.plotHistory(curves).text(o)],
  ['drawImage', (o) => typegrad.drawImage(x, o)],
  ['drawImages', (o) => typegrad.drawImages([x], [], o)],
]

/** These wait for a file, and refuse before they look for it. */
const files: readonly Row[] = [
  ['readCsv', (o) => typegrad.readCsv('nowhere.csv', o)],
  ['readCsvChunks', (o) => typegrad.readCsvChunks('nowhere.csv', o).next()],
  ['loadImdb', (o) => typegrad.loadImdb({ path: 'nowhere.npz', ...asGiven(o) })],
  ['loadModel', (o) => typegrad.loadModel('nowhere.keras', o)],
  ['loadOnnx', (o) => typegrad.loadOnnx('nowhere.onnx', o)],
  ['readNpy', (o) => typegrad.readNpy('nowhere.npy', o)],
  ['readNpz', (o) => typegrad.readNpz('nowhere.npz', o)],
  ['readSafetensors', (o) => typegrad.readSafetensors('nowhere.safetensors', o)],
  ['writeNpz', (o) => typegrad.writeNpz('no/where.npz', { x }, o)],
  ['writeSafetensors', (o) => typegrad.writeSafetensors('no/where.safetensors', { x }, o)],
  ['save', (o) => model.save('no/where.keras', o)],
  ['loadWeights', (o) => model.loadWeights('nowhere.weights.h5', o)],
]

/** A row by names. */
const named = ([name, call, needed = {}]: Row): { name: string; call: Row[1]; needed: object } => ({ name, call, needed })

const run = async (call: Row[1], options: unknown): Promise<unknown> => call(options)

describe.each([
  ['tensors', tensors],
  ['random numbers', randoms],
  ['gradients', gradients],
  ['models', models],
  ['data', data],
] as const)('options: %s', (_, rows) => {
  it.each(rows.map(named))('$name', async ({ name, call, needed }) => {
    await run(call, needed)
    await expect(run(call, { ...needed, unheardOf: 1 })).rejects.toThrow(`${name}: unknown option unheardOf, `)
    await expect(run(call, 'float32')).rejects.toThrow(typegrad.TypegradError)
    for (const key of Object.keys(needed)) {
      const rest = Object.fromEntries(Object.entries(needed).filter(([other]) => other !== key))
      await expect(run(call, rest)).rejects.toThrow(`${name}: ${key} must be given`)
    }
  })
})

it.each(files.map(named))('options: files: $name', async ({ name, call }) => {
  await expect(run(call, { unheardOf: 1 })).rejects.toThrow(`${name}: unknown option unheardOf, `)
  await expect(run(call, {})).rejects.not.toThrow('unknown option')
})

describe('a list where numbers are given', () => {
  it('is named', () => {
    expect(() => x.reshape(-1 as never)).toThrow('reshape: shape must be an array of integers, as [-1], got -1')
    expect(() => x.transpose(1 as never)).toThrow('transpose: order must be an array of integers, as [1], got 1')
    expect(() => x.sum({ axis: 0 } as never)).toThrow('sum: axis an object of class Object must be an integer')
    expect(() => tensor([1, 2], [2, 1] as never)).toThrow('tensor: takes an object of options, { dtype, shape }, got a list of 2')
  })
})
