/** Evaluation and prediction, batch by batch. */
import { concat, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'
import { onHost } from './device.ts'
import { CallbackList, callbacksOf, type Logs } from './callbacks/callback.ts'
import { ProgbarLogger } from './callbacks/progress.ts'
import { ArrayFeed, isSource, readBatch, samplesOf, SourceFeed, toArrays, type BatchSource, type Feed } from './feed.ts'
import type { Data } from './inputs.ts'
import { knownOptions } from './known-options.ts'
import { integer, Pacer, verbosity, type BatchOptions } from './loop.ts'
import type { Model } from './model.ts'
import type { Batch } from './rows.ts'

export interface PredictOptions extends BatchOptions {
  /** Stops after so many batches. */
  readonly steps?: number
}

export interface EvaluateOptions extends PredictOptions {
  /** How much each sample counts: one array, or one per output as a list of tensors or by name. */
  readonly sampleWeight?: Data
}

/** A feed of the data, in its order; `what` names the method it was given to. */
export function feedOf(
  what: string,
  model: Model,
  x: Data | BatchSource,
  y?: Data | null,
  { sampleWeight, batchSize = 32 }: { readonly sampleWeight?: Data | undefined; readonly batchSize?: number | undefined } = {},
): Feed {
  if (isSource(x)) {
    if ((y !== undefined && y !== null) || sampleWeight !== undefined)
      throw new ValueError('data: given by batches, which hold y and sampleWeight: leave them out')
    return new SourceFeed(x, (batch) => readBatch(model, batch))
  }
  return new ArrayFeed(someSamples(toArrays(model, x, y, sampleWeight)), integer(what, batchSize, 'batchSize', 1))
}

/** The arrays, if they have samples. */
export function someSamples(arrays: Batch): Batch {
  if (samplesOf(arrays) === 0) throw new ShapeError('data: no samples, expected at least one')
  return arrays
}

interface Walk {
  readonly steps: number | undefined
  readonly pacer: Pacer
  readonly signal: AbortSignal | undefined
}

/** Calls `step` for the batches of a pass, or the first `steps` of them. */
async function walk(
  feed: Feed,
  { steps = feed.steps ?? Infinity, pacer, signal }: Walk,
  step: (i: number, batch: Batch) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < steps; i++) {
    signal?.throwIfAborted()
    const batch = (await feed.next()) ?? (feed.steps === undefined ? undefined : await feed.next())
    if (!batch) return
    await step(i, batch)
    await pacer.breathe()
  }
}

/** Loss and metrics on a feed, with the hooks of `evaluate`. */
export async function runEvaluation(
  model: Model,
  feed: Feed,
  how: Walk,
  callbacks: CallbackList,
  progress?: ProgbarLogger,
): Promise<Logs> {
  await callbacks.call('onTestBegin', {})
  model.resetMetrics()
  await model.steps.begin()
  await feed.begin()
  let done = 0
  await walk(feed, how, async (step, batch) => {
    await callbacks.call('onTestBatchBegin', step, {})
    model.steps.test(batch)
    done = step + 1
    if (callbacks.has('onTestBatchEnd')) await callbacks.call('onTestBatchEnd', step, await model.readLogs())
    if (progress?.due()) progress.step(done, await model.readLogs())
  })
  const logs = await model.readLogs()
  await callbacks.call('onTestEnd', logs)
  progress?.step(done, logs)
  return logs
}

export async function evaluate(
  model: Model,
  x: Data | BatchSource,
  y: Data | null | undefined,
  options: EvaluateOptions,
): Promise<Logs> {
  knownOptions('evaluate', options)
  const feed = feedOf('evaluate', model, x, y, options)
  const verbose = verbosity('evaluate', options.verbose)
  const steps = Math.min(feed.steps ?? Infinity, options.steps ?? Infinity)
  const progress = verbose === 0 ? undefined : new ProgbarLogger()
  const params = { epochs: 1, steps: Number.isFinite(steps) ? steps : 0, verbose }
  if (progress) progress.params = params
  progress?.begin()
  model.buildOn((await feed.first()).x)
  const how = { steps: options.steps, pacer: new Pacer(), signal: options.signal }
  const logs = await runEvaluation(model, feed, how, new CallbackList(callbacksOf(options.callbacks), model, params), progress)
  progress?.end(logs)
  return logs
}

export async function predict(model: Model, x: Data | BatchSource, options: PredictOptions): Promise<Tensor[]> {
  knownOptions('predict', options)
  const feed = feedOf('predict', model, x, undefined, options)
  const steps = Math.min(feed.steps ?? Infinity, options.steps ?? Infinity)
  const params = { epochs: 1, steps: Number.isFinite(steps) ? steps : 0, verbose: 0 } as const
  const callbacks = new CallbackList(callbacksOf(options.callbacks), model, params)
  const parts: Tensor[][] = []
  model.buildOn((await feed.first()).x)
  await model.steps.begin()
  await callbacks.call('onPredictBegin', {})
  await walk(feed, { steps: options.steps, pacer: new Pacer(), signal: options.signal }, async (step, batch) => {
    await callbacks.call('onPredictBatchBegin', step, {})
    const predicted = model.steps.predict(batch.x)
    parts.push(predicted instanceof Promise ? await predicted : predicted)
    await callbacks.call('onPredictBatchEnd', step, {})
  })
  await callbacks.call('onPredictEnd', {})
  return parts[0].map((_, i) => onHost(() => joined(parts.map((part) => part[i]))))
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0] : concat(parts))
