// Where fit, evaluate and predict take their batches from, and when they stop.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { batches } from '@typegrad/data'
import { Dense, Input } from '@typegrad/layers'
import { LambdaCallback, Model, Sequential, type BatchSource, type FitOptions } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, tensor, type Tensor } from '@typegrad/tensor'

const x = random.normal([12, 2])
const y = random.normal([12, 1])
const w = random.uniform([12])

const model = (): Sequential => {
  setSeed(3)
  return new Sequential([new Dense({ units: 3, inputDim: 2, activation: 'tanh' }), new Dense({ units: 1 })]).compile({
    loss: 'mse',
    metrics: ['mae'],
    weightedMetrics: ['mse'],
    optimizer: new SGD({ learningRate: 0.1 }),
  })
}

const quiet = { verbose: 0 } as const
const part = (i: number, ...arrays: Tensor[]): Tensor[] => arrays.map((array) => array.slice([4 * i, 4 * i + 4]))

/** What training on arrays in their order gives: figures and weights. */
async function reference(options: FitOptions = {}): Promise<unknown> {
  const target = model()
  const { history } = await target.fit(x, y, { ...quiet, batchSize: 4, shuffle: false, epochs: 2, ...options })
  return [history, target.getWeights().map((v) => v.toArray())]
}

async function onSource(source: BatchSource, options: FitOptions = {}): Promise<unknown> {
  const target = model()
  const { history } = await target.fit(source, { ...quiet, epochs: 2, ...options })
  return [history, target.getWeights().map((v) => v.toArray())]
}

function* once(n = 3, ...further: Tensor[]): Generator<Tensor[]> {
  for (let i = 0; i < n; i++) yield part(i % 3, x, y, ...further)
}

async function* late(): AsyncGenerator<Tensor[]> {
  for (const batch of once()) {
    await Promise.resolve()
    yield batch
  }
}

afterEach(() => vi.restoreAllMocks())

describe('fit on batches gives what it gives on arrays', () => {
  const list = [...once()]
  const iterable: Iterable<Tensor[]> = { [Symbol.iterator]: () => once() }
  const asynchronous: AsyncIterable<Tensor[]> = { [Symbol.asyncIterator]: () => late() }
  it.each<[string, BatchSource, FitOptions]>([
    ['an iterable', iterable, {}],
    ['an async iterable', asynchronous, {}],
    ['a set of batches', new Set(list), {}],
    ['a function that returns a generator', () => once(), {}],
    ['a function that returns an async generator', () => late(), {}],
    ['a function that returns a list', () => list, {}],
    ['the batches of the data package', batches([x, y], { batchSize: 4 }), {}],
    ['a generator that goes on from epoch to epoch', once(6), { stepsPerEpoch: 3 }],
    ['a generator without end', once(Infinity), { stepsPerEpoch: 3 }],
    ['an iterable that begins again within an epoch', { [Symbol.iterator]: () => once() }, { stepsPerEpoch: 6, epochs: 1 }],
  ])('%s', async (_, source, options) => {
    const expected = await reference(options.epochs === 1 ? { epochs: 1, stepsPerEpoch: 6 } : {})
    expect(await onSource(source, options)).toEqual(expected)
  })

  it('with weights of samples in the batches', async () => {
    expect(await onSource(() => once(3, w))).toEqual(await reference({ sampleWeight: w }))
  })

  it('with weights of classes', async () => {
    const classes = tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    const run = (
      fit: (target: Sequential, options: FitOptions) => Promise<{ history: unknown }>,
    ): Promise<{ history: unknown }> => {
      setSeed(4)
      const target = new Sequential([new Dense({ units: 3, inputDim: 2, activation: 'softmax' })])
      return fit(target.compile({ loss: 'sparse_categorical_crossentropy' }), { ...quiet, classWeight: { 0: 3, 1: 0.5 } })
    }
    const source = (): Tensor[][] => [0, 1, 2].map((i) => part(i, x, classes))
    const expected = await run((target, options) => target.fit(x, classes, { ...options, batchSize: 4, shuffle: false }))
    expect((await run((target, options) => target.fit(source, options))).history).toEqual(expected.history)
  })

  it('with inputs, targets and weights by name', async () => {
    const build = (): Model => {
      setSeed(5)
      const inputs = ['a', 'b'].map((name) => Input({ shape: [2], name }))
      const outputs = inputs.map((input, i) => new Dense({ units: 1, name: `out${i}` }).apply(input))
      return new Model({ inputs, outputs }).compile({ loss: { out0: 'mse', out1: 'mae' }, optimizer: new SGD() })
    }
    const named = { x: { a: x, b: x.neg() }, y: { out0: y, out1: y.mul(2) }, w: { out0: w, out1: w.add(1) } }
    const expected = await build().fit(named.x, named.y, { ...quiet, batchSize: 12, sampleWeight: named.w, shuffle: false })
    const got = await build().fit(() => [[named.x, named.y, named.w]], quiet)
    expect(got.history).toEqual(expected.history)
    const listed = await build().fit(
      () => [
        [
          [x, x.neg()],
          [y, y.mul(2)],
          [w, w.add(1)],
        ],
      ],
      quiet,
    )
    expect(listed.history).toEqual(expected.history)
    expect(Object.keys(got.history)).toEqual(['loss', 'out0_loss', 'out1_loss'])
  })
})

describe('the end of the data', () => {
  it.each([
    ['a generator of one epoch', once(3), {}, [2, 'epoch 2 after 0 batches']],
    ['fewer batches than an epoch has steps', once(2), { stepsPerEpoch: 3 }, [1, 'epoch 1 after 2 batches']],
  ])('stops training, and says so: %s', async (_, source, options, [, message]) => {
    const warn = vi.spyOn(globalThis.console, 'warn').mockImplementation(() => undefined)
    const target = model()
    const { epoch } = await target.fit(source, { ...quiet, epochs: 3, ...options })
    expect(epoch).toEqual([0])
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(message as string))
  })

  it('is an error where there is none at all', async () => {
    await expect(model().fit(() => [], quiet)).rejects.toThrow('data: no batches')
    await expect(model().fit(tensor([]).reshape([0, 2]), tensor([]), quiet)).rejects.toThrow('data: no samples')
  })

  it.each<[string, unknown[], string]>([
    ['y beside batches', [() => once(), y, quiet], 'leave them out'],
    ['weights beside batches', [() => once(), { sampleWeight: w }], 'leave them out'],
    ['a share of batches', [() => once(), { validationSplit: 0.5 }], 'validationSplit needs arrays'],
    ['batches of four parts', [() => [[x, y, w, w]], quiet], 'a batch is [x, y]'],
    ['batches of numbers', [() => [[1, 2]], quiet], 'a batch is [x, y]'],
    ['a function of nothing', [() => 3, quiet], 'expected an iterable'],
  ])('%s is refused', async (_, args, message) => {
    await expect((model().fit as (...all: unknown[]) => Promise<unknown>)(...args)).rejects.toThrow(message)
  })
})

describe('evaluate and predict on batches', () => {
  it('give what they give on arrays', async () => {
    const target = model()
    const expected = await target.evaluate(x, y, { ...quiet, sampleWeight: w, batchSize: 4 })
    expect(await target.evaluate(() => once(3, w), quiet)).toEqual(expected)
    expect(await target.evaluate(() => late(), quiet)).toEqual(await target.evaluate(x, y, { ...quiet, batchSize: 4 }))
    const all = (await target.predict(x, quiet)).toArray()
    for (const source of [() => once(), () => late(), [0, 1, 2].map((i) => part(i, x)[0]).values()])
      expect((await target.predict(source as BatchSource, quiet)).toArray()).toEqual(all)
  })

  it('stop after some steps', async () => {
    const target = model()
    expect((await target.predict(x, { ...quiet, batchSize: 4, steps: 2 })).shape).toEqual([8, 1])
    expect((await target.predict(once(Infinity), { ...quiet, steps: 5 })).shape).toEqual([20, 1])
    const two = await target.evaluate(x.slice([0, 8]), y.slice([0, 8]), { ...quiet, batchSize: 4 })
    expect(await target.evaluate(once(Infinity), { ...quiet, steps: 2 })).toEqual(two)
  })
})

describe('validation', () => {
  const losses = async (options: FitOptions): Promise<number[] | undefined> =>
    (await model().fit(x, y, { ...quiet, batchSize: 4, shuffle: false, epochs: 4, ...options })).history['val_loss']

  it('is on arrays with weights, or on batches, each time from their beginning', async () => {
    const expected = await losses({ validationData: [x, y, w] })
    expect(expected).toHaveLength(4)
    expect(await losses({ validationData: () => once(3, w) })).toEqual(expected)
    expect(await losses({ validationData: { [Symbol.asyncIterator]: () => late() } })).toEqual(
      await losses({ validationData: [x, y] }),
    )
  })

  it('takes some batches only', async () => {
    const expected = await losses({ validationData: [x.slice([0, 8]), y.slice([0, 8])], validationBatchSize: 4 })
    expect(await losses({ validationData: () => once(), validationSteps: 2 })).toEqual(expected)
  })

  it('is done after every so many epochs, or those in a list', async () => {
    const all = (await losses({ validationData: [x, y] }))!
    expect(await losses({ validationData: [x, y], validationFreq: 2 })).toEqual([all[1], all[3]])
    expect(await losses({ validationData: [x, y], validationFreq: [1, 4] })).toEqual([all[0], all[3]])
  })
})

describe("shuffle: 'batch'", () => {
  it('draws the order of the batches, and leaves the samples of each together', async () => {
    setSeed(11)
    const seen: number[][] = []
    class Watcher extends Model {
      readonly dense = new Dense({ units: 1 })
      override call(given: Tensor): Tensor {
        seen.push([...given.toTypedArray()])
        return this.dense.apply(given)
      }
    }
    const numbers = tensor([...Array(14).keys()].map((i) => [i]))
    await new Watcher().compile({ loss: 'mse' }).fit(numbers, numbers, { ...quiet, batchSize: 3, epochs: 4, shuffle: 'batch' })
    seen.shift() // the call that builds
    const epochs = [0, 1, 2, 3].map((i) => seen.slice(5 * i, 5 * i + 5))
    for (const epoch of epochs) {
      expect(epoch[4]).toEqual([12, 13]) // what fills no batch stays last
      expect(epoch.slice(0, 4).toSorted(([a], [b]) => a - b)).toEqual([0, 3, 6, 9].map((i) => [i, i + 1, i + 2]))
    }
    expect(new Set(epochs.map(String)).size).toBeGreaterThan(1)
  })
})

describe('an AbortSignal', () => {
  it('ends fit after the step under way, as if training were over, without the epoch that is not whole', async () => {
    const abort = new AbortController()
    const order: string[] = []
    const hooks = new LambdaCallback({
      onTrainBatchEnd: (batch) => {
        order.push(`batch ${batch}`)
        if (order.length === 6) abort.abort()
      },
      onTestBegin: () => void order.push('test'),
      onEpochEnd: (epoch) => void order.push(`epoch ${epoch}`),
      onTrainEnd: (logs) => void order.push(`end ${Object.keys(logs).length}`),
    })
    const target = model()
    const { epoch } = await target.fit(x, y, {
      ...quiet,
      batchSize: 4,
      epochs: 10,
      validationData: [x, y],
      callbacks: [hooks],
      signal: abort.signal,
    })
    expect(order).toEqual(['batch 0', 'batch 1', 'batch 2', 'test', 'epoch 0', 'batch 0', 'end 6'])
    expect(epoch).toEqual([0])
    // What was learned is kept, and training can go on.
    expect(target.optimizer.iterations).toBe(4)
    expect((await target.fit(x, y, { ...quiet, signal: abort.signal })).epoch).toEqual([])
  })

  it('reaches fit between two steps', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 0)
    await model().fit(once(Infinity), { ...quiet, signal: abort.signal })
    expect(abort.signal.aborted).toBe(true)
  })

  it('makes evaluate and predict throw its reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(model().evaluate(x, y, { ...quiet, signal })).rejects.toThrow('enough')
    await expect(model().predict(x, { ...quiet, signal })).rejects.toThrow('enough')
  })
})
