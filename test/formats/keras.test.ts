// The files that Keras wrote after whole training runs: each gives the run's model back, to predict, to train on, and to be written again.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel } from '@typegrad/formats'
import { modelFromConfig, type Model } from '@typegrad/model'
import type { Tensor } from '@typegrad/tensor'
import { readHdf5 } from '../../packages/formats/src/keras/hdf5.ts'
import { unzip } from '../../packages/data/src/zip.ts'
import { afterAll, describe, expect, it } from 'vitest'
import { difference, fromGolden, type GoldenTensor, type Tolerance } from '../conformance.ts'
import { data, list, runs, type Run } from '../model/golden.ts'

const golden = fileURLToPath(new URL('../golden/keras/', import.meta.url))
const there = new Set(readdirSync(golden))
const folder = mkdtempSync(join(tmpdir(), 'typegrad-keras-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Continued {
  readonly source: string
  readonly tol: Tolerance
  readonly runs: Readonly<Record<string, { history: Record<string, number[]>; predict: GoldenTensor[]; iterations: number }>>
}
const continued = JSON.parse(readFileSync(join(golden, 'continued.json'), 'utf8')) as Continued

const each = runs.map((run): [string, Run] => [run.id, run])
const several = (given: Tensor | Tensor[]): Tensor[] => (Array.isArray(given) ? given : [given])
const batch = ({ fit }: Run): { batchSize: number; verbose: 0 } => ({ batchSize: fit['batch_size'] as number, verbose: 0 })

/** Throws unless the model has the run's weights and predicts what the run does. */
async function expectTrained(model: Model, run: Run): Promise<void> {
  const values = (tensors: readonly Tensor[]): number[][] => tensors.map((tensor) => [...tensor.toTypedArray()])
  expect(values(model.weights)).toEqual(values((run.final_weights ?? run.initial_weights).map(fromGolden)))
  const predicted = several(await model.predict(data(run.x), batch(run)))
  const tolerance = run.case_tol?.['predict'] ?? run.tol
  list(run.predict ?? run.predict_before).forEach((reference, i) =>
    expect(difference(predicted[i], reference, tolerance)).toBeUndefined(),
  )
}

/** All that a model is, to the bit. */
const wholeOf = (model: Model): unknown => ({
  config: JSON.parse(JSON.stringify(model)) as unknown,
  weights: model.weights.map((weight) => [...weight.toTypedArray()]),
  optimizer: model.optimizer.variables.map((variable) => [...variable.toTypedArray()]),
  steps: model.optimizer.steps,
  rate: model.optimizer.currentLearningRate(),
})

/** The file of weights in an archive. */
const weightsOf = (path: string): Uint8Array =>
  unzip(new Uint8Array(readFileSync(path)), () => true, 'test').get('model.weights.h5')!

it('every run has its file', () => {
  expect(runs.length).toBe(24)
  expect(runs.filter(({ id }) => !there.has(`${id}.keras`))).toEqual([])
})

describe.each(each)('%s', (id, run) => {
  it('is read from .keras, with its optimizer', async () => {
    const model = await loadModel(join(golden, `${id}.keras`))
    await expectTrained(model, run)
    if (run.trained === false) return
    expect(model.optimizer.iterations).toBe(run.iterations)
    const figures = await model.evaluate(data(run.x), data(run.y), batch(run))
    const { rtol, atol } = run.case_tol?.['evaluate'] ?? run.tol
    for (const [name, value] of Object.entries(run.evaluate))
      expect(Math.abs(figures[name] - value)).toBeLessThanOrEqual(atol + rtol * Math.abs(value))
  })

  it.runIf(run.trained !== false)('goes on training as Keras does', async () => {
    const expected = continued.runs[id]
    const model = await loadModel(join(golden, `${id}.keras`))
    const { fit } = run
    const { history } = await model.fit(data(run.x), data(run.y), {
      ...batch(run),
      epochs: 3,
      shuffle: false,
      ...(fit['validation_split'] ? { validationSplit: fit['validation_split'] as number } : {}),
      ...(fit['class_weight'] ? { classWeight: fit['class_weight'] as Record<number, number> } : {}),
      ...(fit['sample_weight'] ? { sampleWeight: fromGolden(fit['sample_weight'] as GoldenTensor) } : {}),
    })
    const { rtol, atol } = continued.tol
    for (const [name, values] of Object.entries(expected.history)) {
      values.forEach((value, epoch) => {
        const ours = history[name][epoch]
        expect([name, epoch, Math.abs(ours - value) <= atol + rtol * Math.abs(value) ? value : ours]).toEqual([
          name,
          epoch,
          value,
        ])
      })
    }
    const predicted = several(await model.predict(data(run.x), batch(run)))
    expected.predict.forEach((reference, i) => expect(difference(predicted[i], reference, continued.tol)).toBeUndefined())
    expect(model.optimizer.iterations).toBe(expected.iterations)
  })

  it.each(['keras', 'safetensors'])('is the same after it was written as .%s', async (ending) => {
    const model = await loadModel(join(golden, `${id}.keras`))
    const path = join(folder, `${id}.${ending}`)
    await model.save(path)
    expect(wholeOf(await loadModel(path))).toEqual(wholeOf(model))
  })

  it.each(['weights.h5', 'h5'].filter((ending) => ending === 'weights.h5' || there.has(`${id}.${ending}`)))(
    "has the weights of Keras' .%s",
    async (ending) => {
      const model = modelFromConfig(run.model)
      const name = `${id}.${ending}`
      // Of other models the same file lies in the archive.
      await model.loadWeights(there.has(name) ? join(golden, name) : weightsOf(join(golden, `${id}.keras`)))
      await expectTrained(model, run)
      if (ending === 'h5') await expectTrained(await loadModel(join(golden, `${id}.h5`)), run)
    },
  )

  it("has the layout of Keras' own file: the same groups, names, arrays, to the byte", async () => {
    const [theirs, ours] = [join(golden, `${id}.keras`), join(folder, `${id}.layout.keras`)]
    await (await loadModel(theirs)).save(ours)
    const layout = async (path: string): Promise<unknown> => {
      const file = readHdf5(unzip(new Uint8Array(readFileSync(path)), () => true, 'test').get('model.weights.h5')!, 'test')
      // Layers within a layer that have no weights are not layers of their own here.
      const kept = (name: string): boolean => !/\/_(softmax|dropout_layer)(\/|$)/.test(name)
      return {
        groups: [...file.groups].filter(kept).toSorted(),
        names: [...file.attributes].filter(([name]) => kept(name)).map(([name, texts]) => [name, Object.fromEntries(texts)]),
        arrays: [...file.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]),
        values: [...file.tensors.values()].map((value) => [...value.toTypedArray()]),
      }
    }
    expect(await layout(ours)).toEqual(await layout(theirs))
  })

  it('has the weights that it wrote itself', async () => {
    const model = await loadModel(join(golden, `${id}.keras`))
    for (const ending of ['weights.h5', 'safetensors']) {
      const path = join(folder, `${id}.${ending}`)
      await model.saveWeights(path)
      const fresh = modelFromConfig(run.model)
      await fresh.loadWeights(path)
      await expectTrained(fresh, run)
    }
  })
})
