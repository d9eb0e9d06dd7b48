// Whole training runs that were done in Keras: from the same weights ours gives the same predictions, history and weights.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EarlyStopping, LambdaCallback, ReduceLROnPlateau, type Callback, type Logs } from '@typegrad/model'
import { currentBackend, setBackend, type Tensor } from '@typegrad/tensor'
import {
  difference,
  fromGolden,
  onHost,
  useGpu,
  wholeGpuModes,
  type GoldenTensor,
  type GpuMode,
  type Tolerance,
} from '../conformance.ts'
import { compiledLike, data, list, runs, type Run, type Several } from './golden.ts'

// Adam divides by the root of second moments that are nearly 0, which shows how a sum was rounded: in Keras convolutions add up
// in float32, here in float64 (cpu) or by blocks (wasm). One weight of 54 is off by 1e-5.
const exceptions: Readonly<Record<string, Readonly<Record<string, Tolerance>>>> = {
  cnn: { final_weights: { rtol: 2e-5, atol: 2e-5 } },
}

const callbacks: Record<string, (config: any) => Callback> = {
  EarlyStopping: ({ monitor, patience, restore_best_weights }) =>
    new EarlyStopping({ monitor, patience, restoreBestWeights: restore_best_weights }),
  ReduceLROnPlateau: ({ monitor, factor, patience, min_lr }) =>
    new ReduceLROnPlateau({ monitor, factor, patience, minLr: min_lr }),
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')

/** The figure that differs, said for the table of all references. */
const reasons = { cnn: 'one weight of 54 differs by 1e-5, where Adam divides by the root of what is nearly 0' }

/** Where and how the runs are repeated: whole steps compiled into programs, or op by op. */
interface Way {
  readonly family: string
  readonly backend: string
  readonly jit: boolean
  readonly gpu?: GpuMode
}
const host: Way[] = [
  { family: 'whole training runs', backend: 'cpu', jit: true },
  { family: 'whole training runs', backend: 'wasm', jit: true },
  { family: 'whole training runs, op by op', backend: 'cpu', jit: false },
  { family: 'whole training runs, op by op', backend: 'wasm', jit: false },
]
const gpu = wholeGpuModes.map((mode): Way => ({ family: 'whole training runs', backend: `gpu.js ${mode}`, jit: true, gpu: mode }))
const all = [...(onHost ? host : []), ...gpu].flatMap((way) =>
  runs.map((run): [string, string, Way, Run] => [way.family, `${run.id} on ${way.backend}`, way, run]),
)

// One start serves all runs in a mode.
afterAll(async () => (await import('@typegrad/gpu')).disposeGpu())

describe.each(all)('conformance: %s: %s', (_, __, { family, backend, jit, gpu }, run) => {
  let before: string
  let missing: string | undefined
  beforeAll(async () => {
    before = currentBackend().name
    if (gpu) missing = await useGpu(gpu)
    else setBackend(backend)
  })
  afterAll(() => void setBackend(before))

  const tolerance = (field: string): Tolerance => exceptions[run.id]?.[field] ?? run.case_tol?.[field] ?? run.tol
  const same = (field: string, got: Tensor | Tensor[], expected: Several<GoldenTensor>): void => {
    const tensors = Array.isArray(got) ? got : [got]
    list(expected).forEach((reference, i) =>
      expect([field, difference(tensors[i], reference, tolerance(field))]).toEqual([field, undefined]),
    )
  }
  const sameNumbers = (field: string, got: readonly number[], expected: readonly number[]): void => {
    const { rtol, atol } = tolerance(field)
    expect(got).toHaveLength(expected.length)
    expected.forEach((e, i) =>
      expect([field, i, Math.abs(got[i] - e) <= atol + rtol * Math.abs(e) ? e : got[i]]).toEqual([field, i, e]),
    )
  }

  it(`is Keras' run: ${run.description}`, async ({ task, skip }) => {
    if (missing !== undefined) {
      skip(missing)
      return
    }
    const exception = Object.fromEntries(Object.entries(reasons).filter(([id]) => id === run.id))
    const result = { family, backend, total: 1, source: run.source, exceptions: exception }
    task.meta.conformance = { ...result, passed: 0 }
    const model = compiledLike(run, { jit })
    const { total, trainable } = run.param_counts
    expect(model.countParams()).toBe(total)
    expect(model.trainableWeights.reduce((n, w) => n + w.size, 0)).toBe(trainable)
    model.setWeights(run.initial_weights.map(fromGolden))
    const [x, y] = [data(run.x), data(run.y)]
    const { batch_size: batchSize } = run.fit as { batch_size: number }
    const quiet = { batchSize, verbose: 0 } as const
    same('predict_before', await model.predict(x, quiet), run.predict_before)
    const before = await model.evaluate(x, y, quiet)
    for (const [name, value] of Object.entries(run.evaluate_before)) sameNumbers('evaluate_before', [before[name]], [value])
    if (run.trained === false) {
      task.meta.conformance = { ...result, passed: 1 }
      return
    }

    const batches: Logs[] = []
    const watch = new LambdaCallback({
      onTrainBatchEnd: (_batch, logs) => {
        if (batches.length < run.first_epoch_batches.length) batches.push(logs)
      },
    })
    const { history } = await model.fit(x, y, {
      ...quiet,
      epochs: run.fit['epochs'],
      shuffle: false,
      ...(run.fit['validation_split'] ? { validationSplit: run.fit['validation_split'] } : {}),
      ...(run.fit['validation_freq'] ? { validationFreq: run.fit['validation_freq'] } : {}),
      ...(run.fit['class_weight'] ? { classWeight: run.fit['class_weight'] } : {}),
      ...(run.fit['sample_weight'] ? { sampleWeight: fromGolden(run.fit['sample_weight']) } : {}),
      ...(run.validation_data ? { validationData: [data(run.validation_data.x), data(run.validation_data.y)] as const } : {}),
      callbacks: [watch, ...(run.callbacks ?? []).map(({ class_name: name, config }) => callbacks[name](config))],
    })
    run.first_epoch_batches.forEach((logs, i) => {
      for (const [name, value] of Object.entries(logs)) sameNumbers('first_epoch_batches', [batches[i][name]], [value])
    })
    expect(Object.keys(history).toSorted()).toEqual(Object.keys(run.history).toSorted())
    for (const [name, values] of Object.entries(run.history)) sameNumbers('history', history[name], values)
    for (const [i, weight] of run.final_weights.entries()) {
      const got = await model.weights[i].value.to('cpu')
      expect([weight.path, difference(got, weight, tolerance('final_weights'))]).toEqual([weight.path, undefined])
    }
    same('predict', await model.predict(x, quiet), run.predict)
    const after = await model.evaluate(x, y, quiet)
    for (const [name, value] of Object.entries(run.evaluate)) sameNumbers('evaluate', [after[name]], [value])
    expect(model.optimizer.iterations).toBe(run.iterations)
    expect(linesOf(model.summary({ print: () => undefined }))).toEqual(linesOf(run.summary_after))
    task.meta.conformance = { ...result, passed: 1 }
  })
})
