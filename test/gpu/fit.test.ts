/** `fit`, `evaluate` and `predict` on the gpu: the numbers of the host, and no more transfers than batches. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import '@typegrad/formats'
import { BackendError, currentBackend, random, setBackend, tensor, type Tensor } from '@typegrad/tensor'
import { BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D } from '@typegrad/layers'
import { Callback, LambdaCallback, Sequential, type Logs } from '@typegrad/model'
import { gpuCounters, useBackend, type GpuCounters } from '@typegrad/gpu'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gpuSettled } from '../../packages/gpu/src/use-backend.ts'
import { collect } from './collect.ts'
import { modes, onEveryMode } from './modes.ts'

interface Lesson {
  readonly make: () => Sequential
  readonly x: Tensor
  readonly y: Tensor
}

/** Samples whose class, one of three, is where the largest of their first numbers stands. */
function classes(shape: readonly number[], n: number): Pick<Lesson, 'x' | 'y'> {
  const x = new random.Generator(3).normal([n, ...shape])
  return { x, y: x.reshape([n, -1]).slice(null, [0, 3]).argmax(-1) }
}

function regression(): Lesson {
  const x = new random.Generator(4).uniform([40, 3])
  const y = x.matmul(tensor([[1], [-2], [0.5]])).add(0.25)
  const make = (): Sequential =>
    new Sequential([new Dense({ units: 8, activation: 'tanh' }), new Dense({ units: 1 })]).compile({
      optimizer: 'adam',
      loss: 'mse',
      metrics: ['mae'],
    })
  return { make, x, y }
}

function perceptron(): Lesson {
  const make = (): Sequential =>
    new Sequential([
      new Dense({ units: 12, activation: 'relu', kernelRegularizer: 'l2' }),
      new BatchNormalization(),
      new Dropout({ rate: 0.3, seed: 5 }),
      new Dense({ units: 3, activation: 'softmax' }),
    ]).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return { make, ...classes([8], 40) }
}

function convolutional(): Lesson {
  const make = (): Sequential =>
    new Sequential([
      new Conv2D({ filters: 4, kernelSize: 3, activation: 'relu' }),
      new MaxPooling2D({ poolSize: 2 }),
      new Flatten(),
      new Dense({ units: 3, activation: 'softmax' }),
    ]).compile({ optimizer: 'rmsprop', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return { make, ...classes([6, 6, 2], 24) }
}

const lessons = { regression, perceptron, convolutional }
type Name = keyof typeof lessons

/** Told of the counters when all work of an epoch is done. */
class Watch extends Callback {
  readonly counters: GpuCounters[] = []
  left = 0

  override async onEpochEnd(): Promise<void> {
    await gpuSettled()
    this.counters.push(gpuCounters())
  }

  /** What the collector finds was not freed in time. */
  override async onTrainEnd(): Promise<void> {
    await collect()
    this.left = gpuCounters().buffers
  }
}

interface Outcome {
  readonly history: Record<string, number[]>
  readonly weights: readonly ArrayLike<number>[]
  readonly evaluated: Logs
  readonly predicted: ArrayLike<number>
}

const epochs = 4
const batchSize = 8

/** Trains on the current backend. */
async function learn(name: Name, callbacks: Callback[] = []): Promise<Outcome> {
  const before = setBackend('cpu')
  const { make, x, y } = lessons[name]()
  random.setSeed(9)
  setBackend(before)
  const model = make()
  const options = { epochs, batchSize, verbose: 0, validationSplit: 0.2, callbacks } as const
  const { history } = await model.fit(x, y, options)
  const evaluated = await model.evaluate(x, y, { batchSize, verbose: 0 })
  const predicted = (await model.predict(x, { batchSize })).toTypedArray()
  return { history, evaluated, predicted, weights: await Promise.all(model.weights.map((weight) => weight.data())) }
}

const close = (got: ArrayLike<number>, want: ArrayLike<number>): void => {
  expect(got.length).toBe(want.length)
  Array.from(want, (value, i) => expect(Math.abs(got[i] - value)).toBeLessThan(1e-4))
}

const wanted = new Map<Name, Outcome>()

onEveryMode((mode) => {
  beforeEach(async () => {
    await useBackend('gpu', mode.options)
  })
  afterEach(() => {
    setBackend('cpu')
  })

  test.each(Object.keys(lessons) as Name[])('%s learns as on the host', async (name) => {
    setBackend('cpu')
    const want = wanted.get(name) ?? (await learn(name))
    wanted.set(name, want)
    setBackend('gpu')
    const got = await learn(name)
    expect(Object.keys(got.history)).toEqual(Object.keys(want.history))
    for (const [figure, values] of Object.entries(want.history)) close(got.history[figure], values)
    close(Object.values(got.evaluated), Object.values(want.evaluated))
    close(got.predicted, want.predicted)
    got.weights.forEach((values, i) => close(values, want.weights[i]))
    expect(want.history['loss'].at(-1)).toBeLessThan(want.history['loss'][0])
    expect(gpuCounters().hostOps).toBe(0)
  })

  test.each(Object.keys(lessons) as Name[])('%s moves its batch numbers and its figures, nothing else', async (name) => {
    const watch = new Watch()
    // Of the models before.
    await collect()
    await learn(name, [watch])
    const each = (key: keyof GpuCounters): number[] =>
      watch.counters.slice(1).map((counters, i) => counters[key] - watch.counters[i][key])
    const { x } = lessons[name]()
    const n = x.shape[0]
    const batches = Math.ceil((n * 0.8) / batchSize) + Math.ceil((n * 0.2) / batchSize)
    // The data went up once, in the first epoch; from then on the numbers of the samples in each batch.
    expect(each('uploads')).toEqual(Array(epochs - 1).fill(batches))
    expect(each('uploadedBytes')).toEqual(Array(epochs - 1).fill(4 * n))
    // The figures of training, and those of validation.
    expect(each('readbacks')).toEqual(Array(epochs - 1).fill(2))
    expect(each('buffers')).toEqual(Array(epochs - 1).fill(0))
    expect(each('bytes')).toEqual(Array(epochs - 1).fill(0))
    expect(watch.left).toBe(watch.counters.at(-1)!.buffers)
  })

  test('weights go where the backend computes, and are saved from there', async () => {
    setBackend('cpu')
    const { make, x, y } = lessons.regression()
    const model = make()
    const options = { epochs: 1, batchSize, verbose: 0 } as const
    for (const backend of ['cpu', 'gpu', 'cpu', 'gpu']) {
      setBackend(backend)
      await model.fit(x, y, options)
      expect(model.weights.map((weight) => weight.buffer.device)).toEqual(
        model.weights.map(() => (backend === 'gpu' ? 'gpu' : 'host')),
      )
    }
    const path = join(await mkdtemp(join(tmpdir(), 'typegrad-gpu-')), 'model.weights.h5')
    await model.saveWeights(path)
    const saved = await Promise.all(model.weights.map((weight) => weight.data()))
    setBackend('cpu')
    const other = make()
    other.buildOn([x])
    await other.loadWeights(path)
    other.weights.forEach((weight, i) => expect(weight.toTypedArray()).toEqual(saved[i]))
    await rm(dirname(path), { recursive: true })
  })

  test('a model compiled for the gpu is computed there, and nothing else is', async () => {
    setBackend('cpu')
    const { x, y } = lessons.perceptron()
    const make = (device?: string): Sequential =>
      new Sequential([new Dense({ units: 5, activation: 'relu' }), new Dense({ units: 3, activation: 'softmax' })]).compile({
        optimizer: 'adam',
        loss: 'sparseCategoricalCrossentropy',
        ...(device === undefined ? {} : { device }),
      })
    random.setSeed(2)
    const models = [make(), make('gpu')]
    models.forEach((model) => model.buildOn([x]))
    models[1].setWeights(models[0].getWeights())
    const seen: string[] = []
    const watch = new LambdaCallback({ onTrainBatchEnd: () => void seen.push(currentBackend().name) })
    const before = gpuCounters().launches
    // Both at once: they take turns.
    const [host, gpu] = await Promise.all(
      models.map((model) => model.fit(x, y, { epochs: 2, batchSize, shuffle: false, verbose: 0, callbacks: [watch] })),
    )
    expect(gpuCounters().launches).toBeGreaterThan(before)
    expect(models.map((model) => model.weights[0].buffer.device)).toEqual(['host', 'gpu'])
    expect(new Set(seen)).toEqual(new Set(['cpu']))
    close(gpu.history['loss'], host.history['loss'])
    close(
      Object.values(await models[1].evaluate(x, y, { verbose: 0 })),
      Object.values(await models[0].evaluate(x, y, { verbose: 0 })),
    )
    close((await models[1].predict(x)).toTypedArray(), (await models[0].predict(x)).toTypedArray())
    expect(() => models[1].trainOnBatch(x, y)).toThrow(/lie on the gpu/)
  })

  test('what needs the numbers at once says what to do', async () => {
    const { make, x, y } = lessons.regression()
    const model = make()
    expect(() => model.trainOnBatch(x, y)).toThrow(/trainOnBatch: the figures lie on the gpu.*readLogs/)
    expect(() => model.logs()).toThrow(BackendError)
    await expect(model.fit(x, y, { debugNaN: true })).rejects.toThrow(/debugNaN.*setBackend/)
  })

  test('a callback that listens has the figures of every batch', async () => {
    class Listener extends Callback {
      readonly losses: number[] = []
      override onTrainBatchEnd(_: number, logs: Logs): void {
        this.losses.push(logs['loss'])
      }
    }
    const runs: number[][] = []
    for (const backend of ['cpu', 'gpu']) {
      const listener = new Listener()
      setBackend(backend)
      await learn('regression', [listener])
      runs.push(listener.losses)
    }
    expect(runs[0].length).toBe(epochs * 4)
    close(runs[1], runs[0])
  })
}, modes)
