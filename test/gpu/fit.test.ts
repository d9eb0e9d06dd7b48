/** `fit`, `evaluate` and `predict` on the gpu: the numbers of the host, and no more transfers than batches. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import '@typegrad/formats'
import { BackendError, currentBackend, random, setBackend, zeros, type Tensor } from '@typegrad/tensor'
import { getDummies, loadBreastCancer, loadDiabetes, loadIris, StandardScaler } from '@typegrad/data'
import { BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D } from '@typegrad/layers'
import { Callback, LambdaCallback, Model, Sequential, type Logs } from '@typegrad/model'
import { Adam, Optimizer, optimizers, RMSprop } from '@typegrad/optim'
import { gpuCounters, useBackend, type GpuCounters } from '@typegrad/gpu'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { gpuSettled } from '../../packages/gpu/src/use-backend.ts'
import { numbers } from './arrays.ts'
import { collect } from './collect.ts'
import { modes, onEveryMode } from './modes.ts'

/** A model of a lesson, and a few of its samples. */
interface Lesson {
  readonly make: () => Model
  readonly x: Tensor
  readonly y: Tensor
  readonly batchSize: number
  readonly epochs?: number
}

const multiHot = (rows: number, words: number): Tensor => new random.Generator(8).uniform([rows, words]).less(0.1).cast('float32')

/** The models of the lessons, smaller where that changes nothing but the time; and what else a step may be made of. */
const lessons: Record<string, () => Promise<Lesson> | Lesson> = {
  'a line': () => {
    const x = new random.Generator(4).uniform([40, 1])
    const make = (): Model =>
      new Sequential([Input({ shape: [1] }), new Dense({ units: 1 })]).compile({
        optimizer: new Adam({ learningRate: 0.1 }),
        loss: 'mse',
        metrics: ['mae'],
      })
    return { make, x, y: x.mul(3).add(1), batchSize: 8, epochs: 4 }
  },
  'a perceptron for surgery': async () => {
    const { x, y } = await loadBreastCancer()
    const make = (): Model =>
      new Sequential([
        new Dense({ units: 30, inputDim: 17, activation: 'relu' }),
        new Dense({ units: 1, activation: 'sigmoid' }),
      ]).compile({ loss: 'binary_crossentropy', optimizer: 'adam', metrics: ['acc'] })
    const samples = new StandardScaler().fitTransform(x).slice([0, 60], [0, 17])
    return { make, x: samples, y: y.slice([0, 60]), batchSize: 16 }
  },
  'house prices': async () => {
    const { x, y } = await loadDiabetes()
    const make = (): Model => {
      const input = Input({ shape: [10] })
      let h = new Dense({ units: 24, activation: 'swish' }).apply(input)
      h = new Dense({ units: 24, activation: 'gelu' }).apply(h)
      return new Model({ inputs: input, outputs: new Dense({ units: 1 }).apply(h) }).compile({ loss: 'mse', optimizer: 'sgd' })
    }
    return { make, x: new StandardScaler().fitTransform(x).slice([0, 40]), y: y.slice([0, 40]).div(100), batchSize: 16 }
  },
  iris: async () => {
    const { table } = await loadIris()
    const make = (): Model => {
      const input = Input({ shape: [4] })
      let h = new BatchNormalization().apply(new Dense({ units: 16, activation: 'swish' }).apply(input))
      h = new BatchNormalization().apply(new Dense({ units: 16, activation: 'swish' }).apply(h))
      return new Model({ inputs: input, outputs: new Dense({ units: 3, activation: 'softmax' }).apply(h) }).compile({
        loss: 'categorical_crossentropy',
        metrics: ['accuracy'],
      })
    }
    const [x, y] = [table.drop('species').toTensor(), getDummies(table.select(['species'])).toTensor()]
    return { make, x, y: y.cast('float32'), batchSize: 150 }
  },
  'movie reviews': () => {
    const x = multiHot(64, 120)
    const make = (): Model =>
      new Sequential([
        Input({ shape: [120] }),
        new Dense({ units: 16, activation: 'relu' }),
        new Dense({ units: 16, activation: 'relu' }),
        new Dense({ units: 1, activation: 'sigmoid' }),
      ]).compile({ optimizer: new RMSprop({ learningRate: 0.001 }), loss: 'binary_crossentropy', metrics: ['binary_accuracy'] })
    return { make, x, y: x.slice(null, [0, 10]).sum(-1).greater(0).cast('float32'), batchSize: 32 }
  },
  'a regularized perceptron': () => {
    const make = (): Model =>
      new Sequential([
        new Dense({ units: 12, activation: 'relu', kernelRegularizer: 'l2' }),
        new BatchNormalization(),
        new Dropout({ rate: 0.3, seed: 5 }),
        new Dense({ units: 3, activation: 'softmax' }),
      ]).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    return { make, ...classes([8], 40) }
  },
  'a convolutional net': () => {
    const make = (): Model =>
      new Sequential([
        new Conv2D({ filters: 4, kernelSize: 3, activation: 'relu' }),
        new MaxPooling2D({ poolSize: 2 }),
        new Flatten(),
        new Dense({ units: 3, activation: 'softmax' }),
      ]).compile({ optimizer: 'rmsprop', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    return { make, ...classes([6, 6, 2], 24) }
  },
}

/** Samples whose class, one of three, is where the largest of their first numbers stands. */
function classes(shape: readonly number[], n: number): Omit<Lesson, 'make'> {
  const x = new random.Generator(3).normal([n, ...shape])
  return { x, y: x.reshape([n, -1]).slice(null, [0, 3]).argmax(-1), batchSize: 8, epochs: 4 }
}

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
  readonly variables: number
}

/** Trains on the current backend. */
async function learn({ make, x, y, batchSize, epochs = 2 }: Lesson, callbacks: Callback[] = []): Promise<Outcome> {
  const before = setBackend('cpu')
  random.setSeed(9)
  setBackend(before)
  const model = make()
  const options = { epochs, batchSize, verbose: 0, validationSplit: 0.2, callbacks } as const
  const { history } = await model.fit(x, y, options)
  const evaluated = await model.evaluate(x, y, { batchSize, verbose: 0 })
  const predicted = (await model.predict(x, { batchSize })).toTypedArray()
  const variables = model.weights.length + model.optimizer.variables.length
  return { history, evaluated, predicted, variables, weights: await Promise.all(model.weights.map((weight) => weight.data())) }
}

const close = (got: ArrayLike<number>, want: ArrayLike<number>): void => {
  expect(got.length).toBe(want.length)
  Array.from(want, (value, i) => expect(Math.abs(got[i] - value)).toBeLessThan(1e-4))
}

const wanted = new Map<string, Outcome>()

onEveryMode((mode) => {
  beforeEach(async () => {
    await useBackend('gpu', mode.options)
  })
  afterEach(() => {
    setBackend('cpu')
  })

  // How kernels are launched, and how they are compiled, is no matter of the lesson. (Whole runs in mode cpu: test/model/conformance.test.ts.)
  const names = Object.keys(lessons)
  const first = modes.find(({ name, missing }) => name === 'webgpu' && missing === undefined) ?? modes[0]
  test.each(mode === first ? names : names.slice(-1))(
    '%s learns as on the host, and moves its batch numbers and its figures only',
    async (name) => {
      setBackend('cpu')
      const lesson = await lessons[name]()
      const want = wanted.get(name) ?? (await learn(lesson))
      wanted.set(name, want)
      setBackend('gpu')
      // Of the models before.
      await collect()
      const watch = new Watch()
      const got = await learn(lesson, [watch])
      expect(Object.keys(got.history)).toEqual(Object.keys(want.history))
      for (const [figure, values] of Object.entries(want.history)) close(got.history[figure], values)
      close(Object.values(got.evaluated), Object.values(want.evaluated))
      close(got.predicted, want.predicted)
      got.weights.forEach((values, i) => close(values, want.weights[i]))
      expect(want.history['loss'].at(-1)).toBeLessThan(want.history['loss'][0])
      expect(gpuCounters().hostOps).toBe(0)

      const each = (key: keyof GpuCounters): number[] =>
        watch.counters.slice(1).map((counters, i) => counters[key] - watch.counters[i][key])
      const all = (count: number): number[] => watch.counters.slice(1).map(() => count)
      const { x, batchSize } = lesson
      const n = x.shape[0]
      const batches = Math.ceil((n * 0.8) / batchSize) + Math.ceil((n * 0.2) / batchSize)
      // The data went up once, in the first epoch; from then on the numbers of the samples in each batch.
      expect(each('uploads')).toEqual(all(batches))
      expect(each('uploadedBytes')).toEqual(all(4 * n))
      // The figures of training, those of validation, and the weights and slots that the host keeps if the device is lost.
      expect(each('readbacks')).toEqual(all(2 + got.variables))
      expect(each('buffers')).toEqual(all(0))
      expect(each('bytes')).toEqual(all(0))
      expect(watch.left).toBe(watch.counters.at(-1)!.buffers)
    },
  )

  test('weights go where the backend computes, and are saved from there', async () => {
    setBackend('cpu')
    const { make, x, y, batchSize } = await lessons['a line']()
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

  // Fewer is better; more is a step back.
  const compiledSteps = [
    [
      'a perceptron',
      30,
      [16, 32],
      () => [new Dense({ units: 16, activation: 'relu' }), new Dense({ units: 16, activation: 'relu' })],
    ],
    [
      'a convolutional net',
      28,
      [8, 8, 8, 1],
      () => [new Conv2D({ filters: 4, kernelSize: 3, activation: 'relu' }), new MaxPooling2D({ poolSize: 2 }), new Flatten()],
    ],
  ] as const
  const counted = mode.name === 'webgpu' || mode.name === 'gpu.js cpu'
  test.each(counted ? compiledSteps : [])(
    'a compiled step of %s is %i launches, and binds nothing anew',
    async (_, launches, shape, layers) => {
      setBackend('cpu')
      const head = new Dense({ units: 10, activation: 'softmax' })
      const model = new Sequential([Input({ shape: shape.slice(1) }), ...layers(), head])
      model.compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'adam', device: 'gpu' })
      await model.steps.begin()
      const data = { x: [await numbers(shape).to('gpu')], y: [await zeros([shape[0]], { dtype: 'int32' }).to('gpu')] }
      const steps = async (count: number): Promise<GpuCounters> => {
        for (let i = 0; i < count; i++) model.steps.train({ ...data, sampleWeight: [] })
        await gpuSettled()
        return gpuCounters()
      }
      // What models before it had is free, and its buffers come back to the same places.
      await collect()
      const before = await steps(30)
      const after = await steps(10)
      const { uploads, readbacks, bindings, buffers, bytes } = before
      expect(after).toMatchObject({ uploads, readbacks, bindings, buffers, bytes })
      const count = (after.launches - before.launches) / 10
      // Kernels of the other modes may read more arrays, and be fewer.
      expect(mode.options.mode === 'webgpu' ? count : Math.max(count, launches)).toBe(launches)
    },
  )

  // What an optimizer is made of is the same in every mode.
  const classes = Object.entries(optimizers).filter(([, made]) => made.prototype instanceof Optimizer)
  test.each(mode === modes[0] ? classes : [])('%s keeps its slots on the device', async (_, Made) => {
    setBackend('cpu')
    const layers = [Input({ shape: [3] }), new Dense({ units: 4, activation: 'tanh' }), new Dense({ units: 1 })]
    const model = new Sequential(layers).compile({ loss: 'mse', optimizer: new Made(), device: 'gpu' })
    await model.steps.begin()
    const [x, y] = await Promise.all([numbers([8, 3]), numbers([8, 1], 2)].map((data) => data.to('gpu')))
    model.steps.train({ x: [x], y: [y], sampleWeight: [] })
    const before = gpuCounters()
    for (let i = 0; i < 3; i++) model.steps.train({ x: [x], y: [y], sampleWeight: [] })
    await gpuSettled()
    const { uploads, readbacks, hostOps } = before
    expect(gpuCounters()).toMatchObject({ uploads, readbacks, hostOps })
    expect(hostOps).toBe(0)
    expect((await model.weights[0].data()).every(Number.isFinite)).toBe(true)
  })

  test('a model compiled for the gpu is computed there, and nothing else is', async () => {
    setBackend('cpu')
    const { x, y, batchSize } = await lessons['a regularized perceptron']()
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
    const { make, x, y } = await lessons['a line']()
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
      const lesson = await lessons['a line']()
      await learn(lesson, [listener])
      runs.push(listener.losses)
    }
    expect(runs[0].length).toBe(4 * 4)
    close(runs[1], runs[0])
  })
}, modes)
