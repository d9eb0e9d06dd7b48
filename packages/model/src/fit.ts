/** The training loop: epochs, batches, validation and callbacks around the model's steps. */
import { concat, random, ShapeError, tensor, toTensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { CallbackList, History, type Callback, type Logs } from './callbacks/callback.ts'
import { rows, sampleCount, toList, type Data } from './inputs.ts'
import type { Batch, Model } from './model.ts'
import { ProgbarLogger } from './callbacks/progress.ts'
import { standardOutput } from './output.ts'

export type Verbose = 0 | 1 | 2 | 'auto'

export interface BatchOptions {
  /** Samples per step. @defaultValue `32` */
  readonly batchSize?: number
  /** 0 silent, 1 a live progress line, 2 one line per epoch. @defaultValue `'auto'`: 1 on a terminal, 2 elsewhere */
  readonly verbose?: Verbose
  readonly callbacks?: readonly Callback[]
}

export interface FitOptions extends BatchOptions {
  /** @defaultValue `1` */
  readonly epochs?: number
  /** Draws a new order of the samples for every epoch. @defaultValue `true` */
  readonly shuffle?: boolean
  /** The share of the samples, taken from the end, that is held back for validation. */
  readonly validationSplit?: number
  /** `[x, y]` or `[x, y, sampleWeight]` to evaluate after every epoch. */
  readonly validationData?: readonly [Data, Data] | readonly [Data, Data, TensorLike]
  readonly validationBatchSize?: number
  /** Evaluates after every so many epochs. @defaultValue `1` */
  readonly validationFreq?: number
  /** How much each sample counts in the loss. */
  readonly sampleWeight?: TensorLike
  /** How much the samples of each class count in the loss. */
  readonly classWeight?: Readonly<Record<number, number>>
  /** The number of the first epoch, to go on from an earlier `fit`. @defaultValue `0` */
  readonly initialEpoch?: number
  /** Steps per epoch; an epoch then goes on where the last one stopped. */
  readonly stepsPerEpoch?: number
}

export interface EvaluateOptions extends BatchOptions {
  readonly sampleWeight?: TensorLike
  /** Stops after so many batches. */
  readonly steps?: number
}

interface Arrays {
  readonly x: readonly Tensor[]
  readonly y: readonly Tensor[]
  readonly sampleWeight: readonly Tensor[]
}

const count = (arrays: Arrays): number => sampleCount({ x: arrays.x, y: arrays.y, sampleWeight: arrays.sampleWeight })

function integer(value: number, name: string, least: number): number {
  if (!Number.isInteger(value) || value < least)
    throw new ValueError(`fit: ${name} must be an integer ≥ ${least}, got ${value}`, { [name]: value })
  return value
}

const verbosity = (verbose: Verbose = 'auto'): 0 | 1 | 2 => (verbose === 'auto' ? (standardOutput().live ? 1 : 2) : verbose)

/** Lets timers, input and the collector's finalizers run; called a few times a second. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

class Pacer {
  #last = performance.now()

  async breathe(): Promise<void> {
    if (performance.now() - this.#last < 50) return
    await pause()
    this.#last = performance.now()
  }
}

function prepare(model: Model, x: Data, y: Data | undefined, sampleWeight?: TensorLike): Arrays {
  const arrays = {
    x: toList(x, model.inputNames, 'x'),
    y: y === undefined ? [] : toList(y, model.outputNames, 'y'),
    sampleWeight: sampleWeight === undefined ? [] : [toTensor(sampleWeight)],
  }
  if (count(arrays) === 0) throw new ShapeError('fit: the data has no samples')
  return arrays
}

/** The weight of every sample's class; classes are numbers, or one-hot. */
function weightsOfClasses(y: Tensor, classWeight: Readonly<Record<number, number>>): Tensor {
  const labels = y.rank > 1 && y.shape.at(-1)! > 1 ? y.argmax(-1) : y.reshape([y.shape[0]])
  return tensor(Float32Array.from(labels.toTypedArray(), (label) => classWeight[label] ?? 1))
}

const batchOf = (arrays: Arrays, start: number, end: number): Batch => ({
  x: rows(arrays.x, start, end),
  y: rows(arrays.y, start, end),
  sampleWeight: rows(arrays.sampleWeight, start, end),
})

const picked = (arrays: Arrays, order: Tensor): Arrays => ({
  x: arrays.x.map((array) => array.take(order)),
  y: arrays.y.map((array) => array.take(order)),
  sampleWeight: arrays.sampleWeight.map((array) => array.take(order)),
})

/** Endless batches, `perEpoch` of them per pass over the samples, each pass in an order of its own. */
function* batches(arrays: Arrays, batchSize: number, shuffle: boolean): Generator<Batch, never> {
  const n = count(arrays)
  for (;;) {
    const order = shuffle ? random.permutation(n) : undefined
    for (let start = 0; start < n; start += batchSize) {
      const end = Math.min(n, start + batchSize)
      const batch = order ? picked(arrays, order.slice([start, end])) : batchOf(arrays, start, end)
      yield batch
    }
  }
}

/** The last part of the samples, as Keras takes it: before any shuffling. */
function splitOff(arrays: Arrays, share: number): [Arrays, Arrays] {
  const n = count(arrays)
  const train = Math.floor(n * (1 - share))
  if (!(share > 0 && share < 1) || train === 0 || train === n) {
    throw new ValueError(`fit: validationSplit ${share} of ${n} samples leaves ${train} to train and ${n - train} to validate`, {
      validationSplit: share,
    })
  }
  return [batchOf(arrays, 0, train), batchOf(arrays, train, n)]
}

export async function fit(model: Model, x: Data, y: Data, options: FitOptions): Promise<History> {
  const { batchSize = 32, epochs = 1, shuffle = true, initialEpoch = 0, validationFreq = 1, stepsPerEpoch } = options
  integer(batchSize, 'batchSize', 1)
  integer(epochs, 'epochs', 0)
  let arrays = prepare(model, x, y, options.sampleWeight)
  let validation: Arrays | undefined
  if (options.validationData)
    validation = prepare(model, options.validationData[0], options.validationData[1], options.validationData[2])
  else if (options.validationSplit) [arrays, validation] = splitOff(arrays, options.validationSplit)
  if (options.classWeight) {
    if (options.sampleWeight !== undefined) throw new ValueError('fit: give sampleWeight or classWeight, not both')
    // As in Keras, classes are weighted in training only.
    arrays = { ...arrays, sampleWeight: [weightsOfClasses(arrays.y[0], options.classWeight)] }
  }

  const perEpoch = Math.ceil(count(arrays) / batchSize)
  const steps = stepsPerEpoch === undefined ? perEpoch : integer(stepsPerEpoch, 'stepsPerEpoch', 1)
  const verbose = verbosity(options.verbose)
  const progress = verbose === 0 ? undefined : new ProgbarLogger()
  const history = new History()
  const callbacks = new CallbackList([...(options.callbacks ?? []), history, ...(progress ? [progress] : [])], model, {
    epochs,
    steps,
    verbose,
  })

  const source = batches(arrays, batchSize, shuffle)
  model.buildOn(batchOf(arrays, 0, Math.min(batchSize, count(arrays))).x)
  const pacer = new Pacer()
  model.stopTraining = false
  await callbacks.call('onTrainBegin', {})
  for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
    model.resetMetrics()
    await callbacks.call('onEpochBegin', epoch, {})
    for (let step = 0; step < steps; step++) {
      await callbacks.call('onTrainBatchBegin', step, {})
      model.trainStep(source.next().value)
      if (callbacks.wantsBatchLogs()) await callbacks.call('onTrainBatchEnd', step, model.logs())
      await pacer.breathe()
      if (model.stopTraining) break
    }
    const logs: Logs = model.logs()
    if (validation && (epoch + 1) % validationFreq === 0) {
      const results = await runEvaluation(
        model,
        validation,
        options.validationBatchSize ?? batchSize,
        undefined,
        callbacks,
        pacer,
      )
      for (const [name, value] of Object.entries(results)) logs[`val_${name}`] = value
    }
    await callbacks.call('onEpochEnd', epoch, logs)
  }
  await callbacks.call('onTrainEnd', {})
  return history
}

async function runEvaluation(
  model: Model,
  arrays: Arrays,
  batchSize: number,
  steps: number | undefined,
  callbacks: CallbackList,
  pacer: Pacer,
  progress?: ProgbarLogger,
): Promise<Logs> {
  model.resetMetrics()
  await callbacks.call('onTestBegin', {})
  const n = count(arrays)
  const last = Math.min(Math.ceil(n / batchSize), steps ?? Infinity)
  for (let step = 0; step < last; step++) {
    await callbacks.call('onTestBatchBegin', step, {})
    model.testStep(batchOf(arrays, step * batchSize, Math.min(n, (step + 1) * batchSize)))
    if (callbacks.has('onTestBatchEnd')) await callbacks.call('onTestBatchEnd', step, model.logs())
    if (progress?.due()) progress.step(step + 1, model.logs())
    await pacer.breathe()
  }
  const logs = model.logs()
  await callbacks.call('onTestEnd', logs)
  progress?.step(last, logs)
  return logs
}

export async function evaluate(model: Model, x: Data, y: Data, options: EvaluateOptions): Promise<Logs> {
  const batchSize = integer(options.batchSize ?? 32, 'batchSize', 1)
  const arrays = prepare(model, x, y, options.sampleWeight)
  const verbose = verbosity(options.verbose)
  const steps = Math.min(Math.ceil(count(arrays) / batchSize), options.steps ?? Infinity)
  const progress = verbose === 0 ? undefined : new ProgbarLogger()
  const params = { epochs: 1, steps, verbose }
  if (progress) progress.params = params
  progress?.begin()
  model.buildOn(rows(arrays.x, 0, 1))
  const logs = await runEvaluation(
    model,
    arrays,
    batchSize,
    options.steps,
    new CallbackList(options.callbacks ?? [], model, params),
    new Pacer(),
    progress,
  )
  progress?.end(logs)
  return logs
}

export async function predict(model: Model, x: Data, options: BatchOptions): Promise<Tensor[]> {
  const batchSize = integer(options.batchSize ?? 32, 'batchSize', 1)
  const arrays = prepare(model, x, undefined)
  const n = count(arrays)
  const callbacks = new CallbackList(options.callbacks ?? [], model, { epochs: 1, steps: Math.ceil(n / batchSize), verbose: 0 })
  const pacer = new Pacer()
  const parts: Tensor[][] = []
  await callbacks.call('onPredictBegin', {})
  for (let start = 0, step = 0; start < n; start += batchSize, step++) {
    await callbacks.call('onPredictBatchBegin', step, {})
    parts.push(model.predictStep(rows(arrays.x, start, Math.min(n, start + batchSize))))
    await callbacks.call('onPredictBatchEnd', step, {})
    await pacer.breathe()
  }
  await callbacks.call('onPredictEnd', {})
  return parts[0].map((_, i) => joined(parts.map((part) => part[i])))
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0] : concat(parts))
