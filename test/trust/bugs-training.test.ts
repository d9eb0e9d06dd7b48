/** Bugs that training libraries really had, each with where it was found. */
import { encodeSafetensors, decodeSafetensors } from '@typegrad/formats'
import { batches, CsvError, FormatError, parseCsv } from '@typegrad/data'
import { grad, valueAndGrad } from '@typegrad/autograd'
import { BatchNormalization, Dense, Dropout, Embedding, GRU, Bidirectional, LSTM, Masking, RandomFlip } from '@typegrad/layers'
import { losses } from '@typegrad/losses'
import { Callback, EarlyStopping, Sequential } from '@typegrad/model'
import { Adadelta, Adam, AdamW, optimizers, RMSprop, SGD, type Optimizer } from '@typegrad/optim'
import {
  arange,
  full,
  IndexError,
  memory,
  ones,
  random,
  setSeed,
  ShapeError,
  tensor,
  Variable,
  zeros,
  type Tensor,
} from '@typegrad/tensor'
import { expect, test } from 'vitest'

const list = (x: Tensor): number[] => Array.from(x.toTypedArray())
const f64 = (values: readonly number[]): Tensor => tensor(Float64Array.from(values))

test('bug 1: losses broadcast (N, 1) against (N) (pytorch #16045, #19699, #4938)', async () => {
  const y = tensor([1, 2, 3])
  const column = tensor([[1], [1], [1]]) // prettier-ignore
  for (const loss of [new losses.MeanSquaredError(), new losses.MeanAbsoluteError(), new losses.Huber(), new losses.LogCosh()]) {
    expect(loss.apply(y, column).item()).toBe(loss.apply(y.reshape([3, 1]), column).item())
    expect(() => loss.apply(y, ones([3, 3]))).toThrow(ShapeError)
    expect(() => loss.apply(y, ones([2, 1]))).toThrow(ShapeError)
  }
  const model = new Sequential([new Dense({ units: 1, inputDim: 1, kernelInitializer: 'ones' })]).compile({
    loss: 'mse',
    optimizer: new SGD({ learningRate: 0 }),
  })
  const { history } = await model.fit(column, y, { verbose: 0 })
  expect(history['loss'][0]).toBeCloseTo((0 + 1 + 4) / 3, 6)
})

test('bug 16: BatchNormalization of one value (pytorch #1381; Flux #1992)', async () => {
  setSeed(1)
  const model = new Sequential([new Dense({ units: 3, inputDim: 2 }), new BatchNormalization(), new Dense({ units: 1 })])
  model.compile({ loss: 'mse', optimizer: 'adam' })
  await model.fit(random.uniform([101, 2]), random.uniform([101, 1]), { batchSize: 10, epochs: 2, verbose: 0 })
  for (const w of model.getWeights()) expect(w.isfinite().all().item()).toBe(1)
  const layer = new BatchNormalization()
  expect(list(layer.apply(tensor([[5, -3]]), { training: true }))).toEqual([0, 0]) // prettier-ignore
  expect(model.weights.length).toBe(8)
})

test('bug 17: the state of an optimizer is lost (tensorflow #27049, #40342, #52368)', () => {
  const target = f64([1, -2, 3])
  const run = (optimizer: Optimizer, w: Variable, steps: number): void => {
    for (let i = 0; i < steps; i++) {
      const { grads } = valueAndGrad(
        () =>
          w
            .sub(target)
            .square()
            .mul(f64([1, 2, 3]))
            .sum(),
        [w],
      )
      optimizer.apply(grads, [w])
    }
  }
  for (const [name, Class] of Object.entries(optimizers) as [string, new (options: object) => Optimizer][]) {
    const options = { learningRate: 0.05 }
    const whole = new Variable(f64([0, 0, 0]))
    run(new Class(options), whole, 7)
    const [first, w] = [new Class(options), new Variable(f64([0, 0, 0]))]
    run(first, w, 4)
    const [second, v] = [new Class(options), new Variable(w.value)]
    second.build([v])
    second.variables.forEach((variable, i) => variable.assign(first.variables[i].value))
    second.iterations = first.iterations
    run(second, v, 3)
    expect([name, list(v)]).toEqual([name, list(whole)])
  }
})

test('bug 18: unequal last batches (keras #20241; transformers #34191)', async () => {
  const [x, y] = [arange(10).reshape([10, 1]), arange(10).mul(3).reshape([10, 1])]
  const model = new Sequential([new Dense({ units: 1, inputDim: 1, kernelInitializer: 'ones' })])
  model.compile({ loss: 'mse', optimizer: new SGD({ learningRate: 0 }), metrics: ['mae'] })
  const whole = await model.evaluate(x, y, { batchSize: 10, verbose: 0 })
  for (const batchSize of [1, 3, 4, 7]) {
    const got = await model.evaluate(x, y, { batchSize, verbose: 0 })
    expect(Object.values(got)).toEqual(Object.values(whole).map((v) => expect.closeTo(v, 4)))
    const { history } = await model.fit(x, y, { batchSize, verbose: 0, shuffle: false })
    expect(history['loss'][0]).toBeCloseTo(Object.values(whole)[0], 3)
  }
  // Gradients of shards, each counted by its size, are those of the batch.
  const w = f64([0.5])
  const lossOf =
    (from: number, to: number) =>
    (v: Tensor): Tensor => {
      const part = x.cast('float64').slice([from, to])
      return part.mul(v).sub(part.square()).square().mean()
    }
  const shards = [[0, 4], [4, 8], [8, 10]] as const // prettier-ignore
  const sum = shards.reduce((total, [from, to]) => total + (grad(lossOf(from, to))(w).item() * (to - from)) / 10, 0)
  expect(sum / grad(lossOf(0, 10))(w).item()).toBeCloseTo(1, 12)
})

test('bug 19: random numbers repeat between samples and epochs (pytorch #3880, #5059; fairseq #1383)', () => {
  setSeed(5)
  const masks = [1, 2, 3].map(() => list(new Dropout({ rate: 0.5 }).apply(ones([4, 40]), { training: true })))
  const rows = masks.flatMap((mask) => [0, 1, 2, 3].map((i) => mask.slice(40 * i, 40 * i + 40).join()))
  expect(new Set(rows).size).toBe(12)
  const flips = new RandomFlip({ mode: 'horizontal' }).apply(arange(2).reshape([1, 1, 2, 1]).tile([64, 1, 1, 1]), {
    training: true,
  })
  const flipped = list(flips.slice(null, 0, 0, 0)).reduce((a, b) => a + b)
  expect(flipped > 10 && flipped < 54).toBe(true)
  const epochs = [1, 2, 3].map(() => list(random.permutation(50)).join())
  expect(new Set(epochs).size).toBe(3)
})

test('bug 23: cross-entropy saturates (keras #377; pytorch #103316; tensorflow #41595; optax #431)', () => {
  const at = [50, 100, 1e4, 1e30]
  const binary =
    (target: number) =>
    (x: Tensor): Tensor =>
      new losses.BinaryCrossentropy({ fromLogits: true }).apply(f64([target]), x)
  for (const z of at) {
    expect(binary(0)(f64([z])).item() / z).toBeCloseTo(1, 12)
    expect(binary(1)(f64([z])).item()).toBeCloseTo(0, 12)
    expect([grad(binary(0))(f64([z])).item(), grad(binary(1))(f64([-z])).item()]).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(-1, 12),
    ])
    const sparse = (x: Tensor): Tensor =>
      new losses.SparseCategoricalCrossentropy({ fromLogits: true }).apply([0], x.reshape([1, 2]))
    expect(sparse(f64([-z, z])).item() / (2 * z)).toBeCloseTo(1, 12)
    expect(list(grad(sparse)(f64([-z, z])))).toEqual([expect.closeTo(-1, 12), expect.closeTo(1, 12)])
  }
  // Of probabilities: 1 - 1e-9 is 1 in float32, and neither value nor gradient is infinite.
  for (const p of [0, 1, 1 - 1e-9]) {
    const loss = (x: Tensor): Tensor => new losses.BinaryCrossentropy().apply([1 - Math.round(p)], x)
    expect([Number.isFinite(loss(tensor([p])).item()), Number.isFinite(grad(loss)(tensor([p])).item())]).toEqual([true, true])
  }
})

test('bug 24: cross-entropy of nothing (pytorch #70348, #75181, #116349)', () => {
  const loss = new losses.SparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: -1 })
  const f = (x: Tensor): Tensor => loss.apply([-1, -1], x.reshape([2, 3]))
  const at = f64([1, 2, 3, 4, 5, 6])
  expect([f(at).item(), list(grad(f)(at)).map((v) => v + 0)]).toEqual([0, [0, 0, 0, 0, 0, 0]])
  for (const wrong of [3, -2, 100]) expect(() => loss.apply([wrong, 0], zeros([2, 3]))).toThrow(IndexError)
  const mean = new losses.MeanSquaredError().apply(zeros([0, 2]), zeros([0, 2])).item()
  expect(mean).toBe(0)
})

test('bug 31: training goes on after the device is lost (tfjs #756; disco #62)', async () => {
  // On the host nothing can be lost; a weight that stops being a number must be seen.
  const model = new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({
    loss: 'mse',
    optimizer: new SGD({ learningRate: 1e30 }),
  })
  const { history } = await model.fit(full([8, 1], 1e10), ones([8, 1]), { epochs: 3, verbose: 0 })
  expect(Number.isFinite(history['loss'].at(-1))).toBe(false)
})

test('bug 32: memory leaks in fit (tfjs #200, #481, #1167, #8326)', async () => {
  const settled = async (): Promise<number> => {
    for (let i = 0; i < 3; i++) {
      globalThis.gc!()
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    return memory().bytes
  }
  const [x, y] = [random.uniform([64, 8]), random.uniform([64, 1])]
  const model = new Sequential([
    new Dense({ units: 16, inputDim: 8, activation: 'relu' }),
    new Dropout({ rate: 0.1 }),
    new Dense({ units: 1 }),
  ])
  model.compile({ loss: 'mse', optimizer: 'adam' })
  const counts: number[] = []
  class Count extends Callback {
    override async onEpochEnd(epoch: number): Promise<void> {
      if (epoch % 50 === 49) counts.push(await settled())
    }
  }
  await model.fit(x, y, { epochs: 200, verbose: 0, callbacks: [new Count()] })
  for (const count of counts.slice(1)) expect(count).toBeLessThanOrEqual(counts[0] + 4 * 128 * 1024)
  const before = await settled()
  for (let i = 0; i < 50; i++) {
    const failing = new Sequential([new Dense({ units: 16, inputDim: 8 })]).compile({ loss: 'mse', optimizer: 'adam' })
    await expect(failing.fit(x, ones([64, 3]), { verbose: 0 })).rejects.toThrow(ShapeError)
  }
  expect(await settled()).toBeLessThanOrEqual(before + 8 * 128 * 1024)
})

test('bug 33: an epsilon that is 0 in the dtype (tfjs #425, #2808)', () => {
  for (const optimizer of [new Adam(), new AdamW(), new RMSprop(), new Adadelta()]) {
    const w = new Variable(tensor([1, 2]))
    for (let i = 0; i < 3; i++) optimizer.apply([zeros([2])], [w])
    expect(w.value.isfinite().all().item()).toBe(1)
    const { epsilon } = optimizer.options as unknown as { epsilon: number }
    expect(Math.fround(epsilon)).toBeGreaterThan(0)
  }
})

test('bug 34: recurrent layers by Keras (tfjs #1220, #2437, #2442; MLX #3249)', () => {
  setSeed(2)
  const x = random.uniform([2, 5, 3])
  const gru = new GRU({ units: 4 })
  gru.apply(x)
  expect(gru.weights.map(({ shape }) => shape)).toEqual([[3, 12], [4, 12], [2, 12]]) // prettier-ignore
  const before = new GRU({ units: 4, resetAfter: false })
  before.apply(x)
  expect(before.weights.map(({ shape }) => shape)).toEqual([[3, 12], [4, 12], [12]]) // prettier-ignore
  // A mask makes steps disappear, in both directions.
  const masked = new Sequential([
    new Masking({ maskValue: 0, inputShape: [6, 3] }),
    new Bidirectional({ layer: new LSTM({ units: 4 }) }),
  ])
  const padded = x.pad([[0, 0], [0, 1], [0, 0]]) // prettier-ignore
  const [whole, short] = [masked.apply(padded), masked.layers.at(-1)!.apply(x)] as Tensor[]
  expect(whole.sub(short).abs().max().item()).toBeLessThan(1e-6)
  expect(() => new Embedding({ inputDim: 4, outputDim: 2 }).apply(tensor(Int32Array.of(4)))).toThrow(IndexError)
})

test('bug 35: AdamW and Adam in detail (keras #19051; torchani #261; pytorch #41679)', () => {
  const hand = ({ decay = 0, amsgrad = false, l2 = 0 }): number => {
    let [w, m, v, best] = [1, 0, 0, 0]
    for (let t = 1; t <= 3; t++) {
      const g = [0.5, -2, 0.1][t - 1] + l2 * w
      w -= w * decay * 0.1
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      best = Math.max(best, v)
      const alpha = (0.1 * Math.sqrt(1 - 0.999 ** t)) / (1 - 0.9 ** t)
      w -= (alpha * m) / (Math.sqrt(amsgrad ? best : v) + 1e-7)
    }
    return w
  }
  const run = (optimizer: Optimizer): number => {
    const w = new Variable(f64([1]))
    for (const g of [0.5, -2, 0.1]) optimizer.apply([f64([g])], [w])
    return w.value.item()
  }
  expect(run(new Adam({ learningRate: 0.1 }))).toBeCloseTo(hand({}), 13)
  expect(run(new Adam({ learningRate: 0.1, amsgrad: true }))).toBeCloseTo(hand({ amsgrad: true }), 13)
  expect(run(new AdamW({ learningRate: 0.1, weightDecay: 0.2 }))).toBeCloseTo(hand({ decay: 0.2 }), 13)
  expect(Math.abs(run(new AdamW({ learningRate: 0.1, weightDecay: 0.2 })) - hand({ l2: 0.2 }))).toBeGreaterThan(1e-3)
})

test('bug 36: EarlyStopping restores the wrong weights (keras #12511, #20256, #13658; tensorflow #35634)', async () => {
  const model = new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({ loss: 'mse', optimizer: 'sgd' })
  const feed = (stop: EarlyStopping, values: readonly number[]): number => {
    stop.model = model
    model.stopTraining = false
    stop.onTrainBegin()
    let epochs = 0
    for (const value of values) {
      model.setWeights([[[value]], [0]])
      stop.onEpochEnd(epochs++, { val_loss: value })
      if (model.stopTraining) break
    }
    stop.onTrainEnd()
    return model.getWeights()[0].item()
  }
  const stop = (options: object = {}): EarlyStopping =>
    new EarlyStopping({ monitor: 'val_loss', restoreBestWeights: true, patience: 2, ...options })
  expect(feed(stop(), [5, 3, 4, 4, 9])).toBe(3)
  expect(feed(stop(), [5, 4, 3])).toBe(3)
  expect(feed(stop(), [5, NaN, 4, NaN, NaN, 1])).toBe(4)
  const used = stop()
  feed(used, [1, 2, 2])
  expect(feed(used, [7, 6, 8, 8])).toBe(6)
})

test('bug 39: files that lie about their length (MLX #4212; safetensors #762; jsfive #65)', async () => {
  const bytes = await encodeSafetensors({ a: arange(10) })
  for (const length of [0, 7, 8, 20, bytes.length - 1])
    await expect(decodeSafetensors(bytes.slice(0, length))).rejects.toThrow(FormatError)
  const lying = bytes.slice()
  new DataView(lying.buffer).setBigUint64(0, 2n ** 62n, true)
  await expect(decodeSafetensors(lying)).rejects.toThrow(FormatError)
  expect(list((await decodeSafetensors(bytes)).tensors.get('a')!)).toEqual(list(arange(10)))
})

test('bug 43: epochs that skip or repeat samples (burn #4792)', async () => {
  const seen: number[][] = []
  for (let epoch = 0; epoch < 3; epoch++) {
    const epochSeen: number[] = []
    for (const [x] of batches([arange(23)], { batchSize: 5, shuffle: true, seed: epoch })) epochSeen.push(...list(x))
    seen.push(epochSeen)
    for (const [x] of batches([arange(23)], { batchSize: 5, shuffle: true })) if (x.size > 0) break
  }
  for (const epoch of seen) expect(epoch.toSorted((a, b) => a - b)).toEqual(list(arange(23)))
})

test('bug 45: CSV with quotes, line ends and marks (tfjs #1012; tensorflow #633; miller #161)', () => {
  const rows = (text: string): unknown[] => {
    const table = parseCsv(text)
    return table.columns.map((name) => Array.from(table.column(name).values as ArrayLike<unknown>))
  }
  const wanted = [['a,b', 'c"d', 'e\nf'], [1, 2, 3]] // prettier-ignore
  expect(rows('x,y\n"a,b",1\n"c""d",2\n"e\nf",3\n')).toEqual(wanted)
  expect(rows('\uFEFFx,y\r\n"a,b",1\r\n"c""d",2\r\n"e\nf",3')).toEqual(wanted)
  expect(() => parseCsv('x,y\n"never closed,1\n2,3\n')).toThrow(CsvError)
  expect(() => parseCsv('x,y\n1,2,3\n')).toThrow(CsvError)
})
