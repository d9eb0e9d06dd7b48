// Compiled steps: the same training as op by op, one program for each size of batch, and what cannot be compiled.
import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  Lambda,
  Layer,
  LayerNormalization,
  LSTM,
  MaxPooling2D,
  MultiHeadAttention,
  type AnyLayer,
} from '@typegrad/layers'
import { Rows, Sequential } from '@typegrad/model'
import { Adam, ExponentialDecay, optimizers } from '@typegrad/optim'
import { arange, currentBackend, IndexError, random, setSeed, setThreads, tensor, zeros, type Tensor } from '@typegrad/tensor'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** Without WebAssembly steps run op by op: there is nothing to compile them to. */
const hasPrograms = currentBackend().program !== undefined

/** Its layers are built when it is called, as nothing else says what they are called on. */
class Block extends Layer {
  readonly inner = new Sequential([new Dense({ units: 4, activation: 'relu' }), new Dense({ units: 5 })])
  readonly norm = new LayerNormalization()
  call(x: Tensor): Tensor {
    return this.norm.apply(x.add(this.inner.apply(x)))
  }
}

const models: Record<string, { x: () => Tensor; layers: () => AnyLayer[] }> = {
  dense: { x: () => random.normal([20, 5]), layers: () => [new Dense({ units: 7, activation: 'swish' })] },
  'batch normalization and dropout': {
    x: () => random.normal([20, 5]),
    layers: () => [new Dense({ units: 8, activation: 'relu' }), new BatchNormalization(), new Dropout({ rate: 0.3 })],
  },
  'layer normalization': { x: () => random.normal([20, 5]), layers: () => [new LayerNormalization()] },
  convolution: {
    x: () => random.normal([20, 8, 8, 2]),
    layers: () => [new Conv2D({ filters: 3, kernelSize: 3, activation: 'relu' }), new MaxPooling2D(), new Flatten()],
  },
  'a layer of layers': { x: () => random.normal([20, 5]), layers: () => [new Dense({ units: 5, inputDim: 5 }), new Block()] },
  lstm: { x: () => random.normal([20, 4, 3]), layers: () => [new LSTM({ units: 5 })] },
  embedding: {
    x: () => random.integers([20, 4], { high: 9 }),
    layers: () => [new Embedding({ inputDim: 9, outputDim: 3 }), new GlobalAveragePooling1D()],
  },
}

async function train(name: string, jit: boolean): Promise<{ history: unknown; predicted: number[]; model: Sequential }> {
  setSeed(4)
  const { x, layers } = models[name]
  const [inputs, y] = [x(), random.integers([20], { high: 3 })]
  const model = new Sequential([...layers(), new Dense({ units: 3, activation: 'softmax' })])
  model.compile({
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    jit,
  })
  const { history } = await model.fit(inputs, y, { epochs: 3, batchSize: 8, verbose: 0, validationSplit: 0.2 })
  return { history, predicted: [...(await model.predict(inputs)).toTypedArray()], model }
}

const close = (value: unknown): unknown => {
  if (typeof value === 'number') return expect.closeTo(value, 5)
  if (Array.isArray(value)) return value.map(close)
  return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, close(one)]))
}

describe('compiled steps', () => {
  it.each(Object.keys(models))('train as steps op by op: %s', async (name) => {
    const [compiled, eager] = [await train(name, true), await train(name, false)]
    expect(compiled.history).toEqual(close(eager.history))
    expect(compiled.predicted).toEqual(close(eager.predicted))
    expect(compiled.model.explain().includes('traced for')).toBe(hasPrograms)
    expect(eager.model.explain()).toBe('')
  })

  it.each(Object.keys(optimizers))('of %s', async (name) => {
    const weights = async (jit: boolean): Promise<number[]> => {
      setSeed(2)
      const [x, y] = [random.normal([12, 4]), random.normal([12, 2])]
      const model = new Sequential([new Dense({ units: 3, activation: 'tanh' }), new Dense({ units: 2 })])
      const options = { learningRate: 0.01, clipnorm: 1, useEma: true, gradientAccumulationSteps: 2, emaOverwriteFrequency: 2 }
      const optimizer = new optimizers[name as keyof typeof optimizers](options)
      await model.compile({ optimizer, loss: 'mse', jit }).fit(x, y, { epochs: 3, batchSize: 4, verbose: 0 })
      return model.getWeights().flatMap((w) => [...w.toTypedArray()])
    }
    expect(await weights(true)).toEqual(close(await weights(false)))
  })

  it.runIf(hasPrograms)('need one program for each size of batch, whatever the learning rate', async () => {
    setSeed(1)
    const model = new Sequential([new Dense({ units: 1 })])
    const rate = new ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 2, decayRate: 0.5 })
    model.compile({ optimizer: new Adam({ learningRate: rate }), loss: 'mse' })
    const [x, y] = [random.normal([10, 2]), random.normal([10, 1])]
    await model.fit(x, y, { epochs: 4, batchSize: 4, verbose: 0 })
    model.optimizer.learningRate = 0.5
    await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0 })
    expect(model.explain().match(/traced for/g)).toHaveLength(2)
  })

  it('follow layers that are frozen between two fits', async () => {
    const model = new Sequential([new Dense({ units: 2 }), new Dense({ units: 1 })]).compile({ loss: 'mse' })
    const [x, y] = [random.normal([8, 2]), random.normal([8, 1])]
    await model.fit(x, y, { verbose: 0 })
    model.layers[0].trainable = false
    const before = model.layers.map((layer) => layer.getWeights()[0].toArray())
    await model.fit(x, y, { verbose: 0 })
    const after = model.layers.map((layer) => layer.getWeights()[0].toArray())
    expect(after[0]).toEqual(before[0])
    expect(after[1]).not.toEqual(before[1])
  })

  it('check labels as steps op by op do', async () => {
    const model = new Sequential([new Dense({ units: 3, activation: 'softmax' })])
    model.compile({ loss: 'sparseCategoricalCrossentropy' })
    const x = random.normal([4, 2])
    await model.fit(x, tensor([0, 1, 2, 0]), { verbose: 0 })
    await expect(model.fit(x, tensor([0, 1, 2, 3]), { verbose: 0 })).rejects.toThrow(IndexError)
  })

  it('attend to sequences', async () => {
    class Attending extends Sequential {}
    const attention = new MultiHeadAttention({ numHeads: 2, keyDim: 3 })
    const model = new Attending([
      new Lambda({ function: (x: Tensor) => attention.apply([x, x]) }),
      new Flatten(),
      new Dense({ units: 1 }),
    ])
    await model
      .compile({ loss: 'mse', jit: true })
      .fit(random.normal([6, 4, 3]), random.normal([6, 1]), { verbose: 0, batchSize: 3 })
    expect(model.explain().includes('traced for')).toBe(hasPrograms)
  })
})

/** Typed arrays, views of them and pages of WebAssembly memory that are made while f runs. */
function countMade(f: () => void): number {
  const names = ['Float32Array', 'Float64Array', 'Int32Array', 'Uint8Array', 'ArrayBuffer', 'SharedArrayBuffer'] as const
  const originals = names.map((name) => globalThis[name])
  let made = 0
  const spies = [
    vi.spyOn(WebAssembly.Memory.prototype, 'grow'),
    vi.spyOn(Object.getPrototypeOf(Float32Array.prototype) as Float32Array, 'subarray'),
    vi.spyOn(Object.getPrototypeOf(Float32Array.prototype) as Float32Array, 'slice'),
  ]
  names.forEach((name, i) => {
    const construct = (type: NewableFunction, args: unknown[], target: NewableFunction): object => {
      made++
      return Reflect.construct(type, args, target) as object
    }
    Object.assign(globalThis, { [name]: new Proxy(originals[i], { construct }) })
  })
  try {
    f()
  } finally {
    names.forEach((name, i) => Object.assign(globalThis, { [name]: originals[i] }))
  }
  for (const spy of spies) {
    made += spy.mock.calls.length
    spy.mockRestore()
  }
  return made
}

/** Kernels of a step, and calls from JavaScript that it takes: two more for a draw of random numbers, and for each loop over time steps. */
const counts: Readonly<Record<string, readonly [kernels: number, calls: number]>> = {
  dense: [38, 1],
  'batch normalization and dropout': [49, 3],
  'layer normalization': [40, 1],
  convolution: [39, 1],
  'a layer of layers': [64, 1],
  lstm: [57, 5],
  embedding: [37, 1],
}

describe.runIf(hasPrograms)('a compiled step', () => {
  it('is counted where it makes something', () => {
    expect(countMade(() => void new Float32Array(2).subarray(1))).toBe(2)
  })

  it.each(Object.keys(models))('takes so many kernels and makes no array: %s', async (name) => {
    setThreads(1)
    setSeed(1)
    const { x, layers } = models[name]
    const model = new Sequential([...layers(), new Dense({ units: 3, activation: 'softmax' })])
    model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    const [inputs, y] = [x(), random.integers([20], { high: 3 })]
    await model.fit(inputs, y, { batchSize: 8, verbose: 0 })
    const rows = new Rows({ x: [inputs], y: [y], sampleWeight: [] }, arange(8, { dtype: 'int32' }))
    const step = (): void => model.steps.train(rows)
    step()
    expect(countMade(step)).toBe(0)
    const [, kernels, calls] = /: (\d+) kernels .* (\d+) calls/.exec(model.explain())!
    expect([kernels, calls].map(Number)).toEqual(counts[name])
    setThreads()
  })

  it('leaves the collector less than a kilobyte', async () => {
    const model = new Sequential([new Dense({ units: 3, activation: 'softmax', inputDim: 5 })]).compile({ loss: 'mse' })
    const rows = new Rows({ x: [zeros([20, 5])], y: [zeros([20, 3])], sampleWeight: [] }, arange(8, { dtype: 'int32' }))
    await model.steps.begin()
    const bytesOf = (steps: number): number => {
      globalThis.gc!()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < steps; i++) model.steps.train(rows)
      return (process.memoryUsage().heapUsed - before) / steps
    }
    // The least of several: what else the process does is counted too, and code that the engine makes.
    expect(Math.min(...Array.from({ length: 6 }, () => bytesOf(1500)))).toBeLessThan(1024)
  })
})

describe.runIf(hasPrograms)('what cannot be compiled', () => {
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('runs op by op, and says why', async () => {
    const reading = new Lambda({ function: (x: Tensor) => x.mul(x.max().item() > 0 ? 1 : 2), name: 'reading' })
    const model = new Sequential([new Dense({ units: 2 }), reading]).compile({ loss: 'mse' })
    await model.fit(random.normal([8, 2]), random.normal([8, 2]), { verbose: 0, epochs: 2 })
    expect(console.warn).toHaveBeenCalledOnce()
    expect(console.warn).toHaveBeenCalledWith(
      expect.stringMatching(/runs op by op, for it cannot be compiled: .*numbers of a tensor.*layer 'reading'/),
    )
  })
})
