/** The training loop: epochs, batches, validation and callbacks around the model's steps. */
import { BackendError, describe, DeviceLostError, scope, tensor, unheard, ValueError, type Tensor } from '@typegrad/tensor'
import { Callback, CallbackList, callbacksOf, History, type Logs } from './callbacks/callback.ts'
import { ProgbarLogger } from './callbacks/progress.ts'
import { Backup, onDevice } from './device.ts'
import { NonFiniteError, watchedStep } from './debug-nan.ts'
import { feedOf, runEvaluation, someSamples } from './evaluate.ts'
import {
  ArrayFeed,
  isSource,
  readBatch,
  samplesOf,
  slice,
  SourceFeed,
  toArrays,
  type BatchSource,
  type Feed,
  type Shuffle,
} from './feed.ts'
import { assertFinite, type Data } from './inputs.ts'
import { knownOptions } from './known-options.ts'
import { integer, Pacer, verbosity, type BatchOptions } from './loop.ts'
import type { Model } from './model.ts'
import type { Batch } from './rows.ts'
import type { State } from './storage.ts'

export interface FitOptions extends BatchOptions {
  /** @defaultValue `1` */
  readonly epochs?: number
  /**
   * Draws a new order of the samples for every epoch; `'batch'`: of the batches, whose samples stay together. Batches of a source keep
   * its order. @defaultValue `true`
   */
  readonly shuffle?: Shuffle
  /** The share of the samples, taken from the end, that is held back for validation. */
  readonly validationSplit?: number
  /** What to evaluate after every epoch: `[x, y]`, `[x, y, sampleWeight]`, or a source of batches. */
  readonly validationData?: readonly [Data, Data] | readonly [Data, Data, Data] | BatchSource
  readonly validationBatchSize?: number
  /** Evaluates on so many batches; on all by default. */
  readonly validationSteps?: number
  /** Evaluates after every so many epochs, or after those in a list, counted from 1. @defaultValue `1` */
  readonly validationFreq?: number | readonly number[]
  /** How much each sample counts in the loss: one array, or one per output as a list of tensors or by name. */
  readonly sampleWeight?: Data
  /** How much the samples of each class count in the loss. */
  readonly classWeight?: Readonly<Record<number, number>>
  /** The number of the first epoch, to go on from an earlier `fit`. @defaultValue `0` */
  readonly initialEpoch?: number
  /**
   * Runs every step op by op, slowly, and throws a {@link NonFiniteError} at the first whose loss, gradients or weights are not finite: it
   * names the layer and the op that made the first NaN or infinity, forward or backward. @defaultValue `false`
   */
  readonly debugNaN?: boolean
  /**
   * Takes arrays that hold NaN or infinity. Else they are refused before anything is changed, since one such number in a batch mostly
   * makes all weights NaN. Batches of a source are not looked at. @defaultValue `false`
   */
  readonly allowNaN?: boolean
  /** Steps per epoch; an epoch then goes on where the last one stopped. */
  readonly stepsPerEpoch?: number
}

/** The weight of every sample's class; classes are numbers, or one-hot. */
function weightsOfClasses(y: Tensor, classWeight: Readonly<Record<number, number>>): Tensor {
  const labels = y.rank > 1 && y.shape.at(-1)! > 1 ? y.argmax(-1) : y.reshape([y.shape[0]])
  return tensor(Float32Array.from(labels.toTypedArray(), (label) => classWeight[label] ?? 1))
}

/** What weighs the samples of a batch by their classes. As in Keras, this is for training only. */
function weigher(classWeight: FitOptions['classWeight']): (batch: Batch) => Batch {
  if (!classWeight) return (batch) => batch
  for (const [label, weight] of Object.entries(classWeight))
    if (!/^\d+$/.test(label) || typeof weight !== 'number' || !(weight >= 0))
      throw new ValueError(
        `fit: classWeight has ${describe(weight)} for '${label}', expected weights ≥ 0 by class number: { 0: 1, 1: 2.5 }`,
      )
  return (batch) => {
    if (batch.sampleWeight.length > 0) throw new ValueError('fit: give sampleWeight or classWeight, not both')
    if (batch.y.length !== 1) throw new ValueError(`fit: classWeight is for models with one output, not ${batch.y.length}`)
    return { ...batch, sampleWeight: [weightsOfClasses(batch.y[0], classWeight)] }
  }
}

/** The last part of the samples, as Keras takes it: before any shuffling. */
function splitOff(arrays: Batch, share: number): [Batch, Batch] {
  const n = samplesOf(arrays)
  const train = Math.floor(n * (1 - share))
  if (!(share > 0 && share < 1) || train === 0 || train === n) {
    throw new ValueError(`fit: validationSplit ${share} of ${n} samples leaves ${train} to train and ${n - train} to validate`, {
      validationSplit: share,
    })
  }
  return [slice(arrays, 0, train), slice(arrays, train, n)]
}

/** Where the batches for training and for validation come from. */
function feeds(
  model: Model,
  x: Data | BatchSource,
  y: Data | null | undefined,
  options: FitOptions,
): { training: Feed; validation: Feed | undefined } {
  const { batchSize = 32, shuffle = true, validationSplit, validationData, validationBatchSize = batchSize } = options
  const weigh = weigher(options.classWeight)
  let validation: Feed | undefined
  if (isSource(validationData)) validation = feedOf('fit', model, validationData)
  else if (validationData) {
    if (!Array.isArray(validationData))
      throw new ValueError(`fit: validationData is [x, y], [x, y, sampleWeight] or batches, got ${describe(validationData)}`)
    const [xs, ys, sampleWeight] = validationData
    validation = feedOf('fit', model, xs, ys, { sampleWeight, batchSize: validationBatchSize })
  }
  if (isSource(x)) {
    if (validationSplit) throw new ValueError('fit: validationSplit needs arrays; give validationData')
    if ((y !== undefined && y !== null) || options.sampleWeight !== undefined)
      throw new ValueError('data: given by batches, which hold y and sampleWeight: leave them out')
    return { training: new SourceFeed(x, (batch) => weigh(readBatch(model, batch))), validation }
  }
  let arrays = someSamples(toArrays(model, x, y, options.sampleWeight))
  if (!options.allowNaN && !options.debugNaN) assertFinite({ ...arrays })
  if (validationSplit && !validation) {
    const [train, rest] = splitOff(arrays, validationSplit)
    arrays = train
    validation = new ArrayFeed(rest, integer('fit', validationBatchSize, 'validationBatchSize', 1))
  }
  return { training: new ArrayFeed(weigh(arrays), integer('fit', batchSize, 'batchSize', 1), shuffle), validation }
}

/** How far training is, for a checkpoint, and going on from there. */
export interface TrainingRun {
  /** All callbacks, in the order in which they are called. */
  readonly callbacks: readonly Callback[]
  /** Whether an AbortSignal stopped it. */
  readonly aborted: boolean
  snapshot(): State
  goOn(from: State): Promise<void>
}

interface Position {
  readonly epoch: number
  readonly step: number
  readonly feed: State
  readonly metrics: readonly (readonly Tensor[])[]
}

/** The training loop. If the device is lost, the model has the weights of the last finished epoch, on the host. */
export async function fit(
  model: Model,
  x: Data | BatchSource,
  y: Data | null | undefined,
  options: FitOptions,
): Promise<History> {
  const backup = new Backup()
  const finished = { epochs: 0, steps: 0 }
  try {
    return await train(model, x, y, options, (epochs) => {
      Object.assign(finished, { epochs, steps: model.optimizer.steps })
      return backup.take([...model.weights, ...model.optimizer.variables])
    })
  } catch (error) {
    for (const callback of [options.callbacks ?? []].flat()) if (callback instanceof Callback) await abandon(callback)
    if (error instanceof DeviceLostError) {
      backup.restore()
      model.optimizer.steps = finished.steps
      model.steps.forget()
      error.message = `fit: ${error.message}; the model has the weights of ${finished.epochs} finished epochs, on the host`
    }
    throw error
  }
}

async function train(
  model: Model,
  x: Data | BatchSource,
  y: Data | null | undefined,
  options: FitOptions,
  /** Called before the first epoch, and after each. */
  keep: (epochs: number) => Promise<void>,
): Promise<History> {
  knownOptions('fit', options)
  const { epochs = 1, initialEpoch = 0, stepsPerEpoch, validationFreq = 1, validationSteps, signal } = options
  integer('fit', epochs, 'epochs', 0)
  if (stepsPerEpoch !== undefined) integer('fit', stepsPerEpoch, 'stepsPerEpoch', 1)
  if (validationSteps !== undefined) integer('fit', validationSteps, 'validationSteps', 1)
  const { training, validation } = feeds(model, x, y, options)
  const steps = stepsPerEpoch ?? training.steps
  const first = await training.first()
  model.buildOn(first.x)
  model.optimizer.build(model.trainableWeights)
  await keep(options.initialEpoch ?? 0)
  await model.steps.begin()
  const { placement } = model.steps
  if (options.debugNaN && placement.run(onDevice))
    throw new BackendError(
      "fit: debugNaN looks at every number, which it can on the host only: compile with { device: 'wasm' }, or call setBackend('wasm')",
    )

  const given = callbacksOf(options.callbacks)
  const verbose = verbosity('fit', options.verbose)
  const history = given.find((callback) => callback instanceof History) ?? new History()
  const all: Callback[] = [...given]
  if (!all.includes(history)) all.push(history)
  if (verbose > 0 && !all.some((callback) => callback instanceof ProgbarLogger)) all.push(new ProgbarLogger())
  const callbacks = new CallbackList(all, model, { epochs, steps: steps ?? 0, verbose })

  let [epoch, step] = [initialEpoch, 0]
  const aborted = (): boolean => signal?.aborted === true
  callbacks.run = {
    callbacks: all,
    get aborted(): boolean {
      return aborted()
    },
    snapshot(): State {
      const metrics = model.metrics.map((metric) => metric.variables.map((variable) => variable.value))
      return { epoch, step, feed: training.state(), metrics } satisfies Position
    },
    async goOn(from): Promise<void> {
      const { feed, metrics, ...place } = from as unknown as Position
      ;({ epoch, step } = place)
      await training.restore(feed)
      // The metrics, which the first batch makes, go on where they were.
      placement.run(() => scope(() => unheard(() => model.testStep(first))))
      model.metrics.forEach((metric, i) => metric.variables.forEach((variable, k) => variable.assign(metrics[i][k])))
    },
  }
  const validates = (): boolean =>
    typeof validationFreq === 'number' ? (epoch + 1) % validationFreq === 0 : validationFreq.includes(epoch + 1)

  const pacer = new Pacer()
  let logs: Logs = {}
  model.stopTraining = false
  await callbacks.call('onTrainBegin', {})
  await callbacks.restore()
  while (epoch < epochs && !model.stopTraining && !aborted()) {
    if (step === 0) model.resetMetrics()
    await callbacks.call('onEpochBegin', epoch, {})
    while (step < (steps ?? Infinity) && !aborted()) {
      // After the end of a pass comes the next one, if the epoch is to be longer.
      let given = training.next()
      let batch = given instanceof Promise ? await given : given
      if (!batch && steps !== undefined) {
        given = training.next()
        batch = given instanceof Promise ? await given : given
      }
      if (!batch) {
        if (steps !== undefined || step === 0) ranOut(model, epoch, step)
        break
      }
      let waiting = callbacks.call('onTrainBatchBegin', step, {})
      if (waiting) await waiting
      if (options.debugNaN) debugStep(model, batch, epoch, step)
      else model.steps.train(batch)
      step++
      if (callbacks.wantsBatchLogs()) await callbacks.call('onTrainBatchEnd', step - 1, await model.readLogs())
      waiting = callbacks.settle('batch') ?? pacer.breathe()
      if (waiting) await waiting
      if (model.stopTraining) break
    }
    if (aborted() || step === 0) break
    logs = await model.readLogs()
    if (validation && validates()) {
      const how = { steps: validationSteps, pacer, signal: undefined }
      const results = await runEvaluation(model, validation, how, callbacks)
      for (const [name, value] of Object.entries(results)) logs[`val_${name}`] = value
    }
    await callbacks.call('onEpochEnd', epoch, logs)
    ;[epoch, step] = [epoch + 1, 0]
    if (placement.run(onDevice)) await keep(epoch)
    await callbacks.settle('epoch')
  }
  if (model.optimizer.iterations > 0)
    placement.run(() => scope(() => model.optimizer.finalizeVariableValues(model.trainableWeights)))
  await callbacks.call('onTrainEnd', logs)
  callbacks.run = undefined
  return history
}

/** The error that ended training is the one to be told of, whatever comes of this. */
async function abandon(callback: Callback): Promise<void> {
  try {
    callback.run = undefined
    await callback.abandon()
  } catch {}
}

/** Errors say in which batch they arose. */
function debugStep(model: Model, batch: Batch, epoch: number, step: number): void {
  try {
    watchedStep(model, batch)
  } catch (error) {
    if (error instanceof NonFiniteError) error.message = `fit: epoch ${epoch + 1}, batch ${step}: ${error.message}`
    throw error
  }
}

function ranOut(model: Model, epoch: number, step: number): void {
  model.stopTraining = true
  globalThis.console.warn(
    `fit: the data ran out in epoch ${epoch + 1} after ${step} batches, training stops; give fewer epochs or stepsPerEpoch, or a function that returns a new generator`,
  )
}
