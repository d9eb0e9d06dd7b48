// Callbacks that save models, and training that goes on from a backup.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '@typegrad/formats'
import { Dense, Dropout } from '@typegrad/layers'
import {
  BackupAndRestore,
  CSVLogger,
  EarlyStopping,
  LambdaCallback,
  ModelCheckpoint,
  ReduceLROnPlateau,
  Sequential,
  type Callback,
  type FitOptions,
  type Logs,
  type ModelCheckpointOptions,
} from '@typegrad/model'
import { Adam } from '@typegrad/optim'
import { random, setSeed, type Tensor } from '@typegrad/tensor'

let folder: string
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'typegrad-'))))
afterAll(() => rmSync(folder, { recursive: true }))

describe('ModelCheckpoint', () => {
  /** Gives the callback epochs with these figures, the weight being the figure; the files that it wrote, and the weight in each. */
  async function saved(path: string, options: ModelCheckpointOptions, values: readonly number[]): Promise<[string, number][]> {
    const place = mkdtempSync(join(folder, 'checkpoint-'))
    const model = new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({ loss: 'mse' })
    const callback = new ModelCheckpoint(join(place, path), options)
    callback.model = model
    for (const [epoch, value] of values.entries()) {
      model.setWeights([[[value]], [0]])
      callback.onEpochBegin(epoch)
      for (let batch = 0; batch < 2; batch++) {
        callback.onTrainBatchBegin()
        await callback.onTrainBatchEnd(batch, { loss: value })
      }
      await callback.onEpochEnd(epoch, { loss: value, val_loss: value })
    }
    const files = readdirSync(place).toSorted()
    const weights = await Promise.all(
      files.map(async (file) => {
        const target = new Sequential([new Dense({ units: 1, inputDim: 1 })])
        await target.loadWeights(join(place, file))
        return target.getWeights()[0].item()
      }),
    )
    return files.map((file, i) => [file, weights[i]])
  }

  it.each<[string, string, ModelCheckpointOptions, number[], [string, number][]]>([
    ['the last epoch', 'm.safetensors', {}, [3, 1, 2], [['m.safetensors', 2]]],
    ['the best one', 'm.safetensors', { saveBestOnly: true }, [3, 1, 2], [['m.safetensors', 1]]],
    [
      'the best one, where more is better',
      'm.safetensors',
      { saveBestOnly: true, mode: 'max' },
      [1, 3, 2],
      [['m.safetensors', 3]],
    ],
    ['weights alone', 'm.safetensors', { saveWeightsOnly: true }, [3], [['m.safetensors', 3]]],
    ['nothing that does not beat a threshold', 'm.safetensors', { saveBestOnly: true, initialValueThreshold: 1 }, [3, 2], []],
    [
      'a file per epoch, named by its number and figures',
      '{epoch:02d}-{val_loss:.2f}.safetensors',
      {},
      [3, 0.125],
      [
        ['01-3.00.safetensors', 3],
        ['02-0.13.safetensors', 0.125],
      ],
    ],
    [
      'after every third batch',
      '{epoch}-{batch}.safetensors',
      { saveFreq: 3 },
      [5, 6, 7],
      [
        ['2-1.safetensors', 6],
        ['3-2.safetensors', 7],
      ],
    ],
  ])('saves %s', async (_, path, options, values, files) => {
    expect(await saved(path, options, values)).toEqual(files)
  })

  it('saves models that are loaded whole, and in fit too', async () => {
    const path = join(folder, 'whole.safetensors')
    const [x, y] = [random.normal([8, 2]), random.normal([8, 1])]
    const model = new Sequential([new Dense({ units: 1, inputDim: 2 })]).compile({ loss: 'mse', optimizer: 'adam' })
    await model.fit(x, y, { verbose: 0, epochs: 2, callbacks: [new ModelCheckpoint(path)] })
    const loaded = await loadModel(path)
    expect(loaded.optimizer.iterations).toBe(2)
    expect((await loaded.predict(x)).toArray()).toEqual((await model.predict(x)).toArray())
    // Without its optimizer's state, the same would go another way.
    const quiet = { verbose: 0, shuffle: false } as const
    expect((await loaded.fit(x, y, quiet)).history).toEqual((await model.fit(x, y, quiet)).history)
  })

  it('names what it does not know', async () => {
    await expect(saved('{nothing}.safetensors', {}, [1])).rejects.toThrow('names nothing; there are loss, val_loss, epoch')
    await expect(saved('{loss:x}.safetensors', {}, [1])).rejects.toThrow("the format 'x'")
    expect(() => new ModelCheckpoint('m.safetensors', { saveFreq: 0 })).toThrow('saveFreq must be')
  })
})

describe('BackupAndRestore', () => {
  const [x, y] = [random.normal([30, 3]), random.normal([30, 1])]
  const batches = (): Iterable<Tensor[]> => [0, 1, 2].map((i) => [x, y].map((array) => array.slice([10 * i, 10 * i + 10])))

  const build = (): Sequential => {
    setSeed(9)
    return new Sequential([new Dense({ units: 4, inputDim: 3 }), new Dropout({ rate: 0.3 }), new Dense({ units: 1 })]).compile({
      loss: 'mse',
      metrics: ['mae'],
      optimizer: new Adam({ learningRate: 0.05 }),
    })
  }

  interface Result {
    history: Record<string, number[]>
    weights: unknown
    rate: number
    csv: string
  }

  interface Interruption {
    /** Called after every batch, counted over the whole training. */
    onBatch?: (batch: number) => unknown
    signal?: AbortSignal
  }

  /** A run with everything that remembers something. */
  async function run(
    place: string,
    backup: BackupAndRestore,
    options: FitOptions,
    { onBatch, signal }: Interruption = {},
  ): Promise<Result> {
    const model = build()
    let count = 0
    const csv = join(folder, `${place}.csv`)
    const callbacks: Callback[] = [
      backup,
      new EarlyStopping({ patience: 3, restoreBestWeights: true }),
      new ReduceLROnPlateau({ patience: 1, factor: 0.5 }),
      new CSVLogger(csv),
      new LambdaCallback({ onTrainBatchEnd: () => void onBatch?.(++count) }),
    ]
    const all: FitOptions = { verbose: 0, epochs: 8, batchSize: 7, callbacks, ...(signal && { signal }), ...options }
    const { history } = await ('stepsPerEpoch' in options
      ? model.fit(batches, { validationData: [x, y], ...all })
      : model.fit(x, y, { validationSplit: 0.2, ...all }))
    const text = existsSync(csv) ? readFileSync(csv, 'utf8') : ''
    return {
      history,
      weights: model.getWeights().map((w) => w.toArray()),
      rate: model.optimizer.currentLearningRate(),
      csv: text,
    }
  }

  it.each<[string, ConstructorParameters<typeof BackupAndRestore>[1], number, FitOptions]>([
    ['after an epoch', {}, 12, {}],
    ['at the end of an epoch', {}, 16, {}],
    ['within an epoch', { saveFreq: 1 }, 14, {}],
    ['within an epoch, some batches after the backup', { saveFreq: 3 }, 11, {}],
    ['before the first backup', {}, 2, {}],
    ['on batches of a source', { saveFreq: 1 }, 8, { stepsPerEpoch: 3 }],
    [
      "with shuffle: 'batch' and epochs that are no whole passes",
      { saveFreq: 2 },
      9,
      { shuffle: 'batch', stepsPerEpoch: undefined as never },
    ],
  ])('lets a run that broke go on as if nothing had happened: %s', async (name, options, at, given) => {
    const { stepsPerEpoch, ...rest } = given
    const how: FitOptions = stepsPerEpoch === undefined ? rest : given
    const place = name.replaceAll(/\W/g, '')
    const expected = await run(`${place}-whole`, new BackupAndRestore(join(folder, `${place}-whole`)), how)
    expect(expected.history['val_loss'].length).toBeGreaterThan(3)
    const breaks = (batch: number): void => {
      if (batch === at) throw new Error('power cut')
    }
    await expect(run(place, new BackupAndRestore(join(folder, place), options), how, { onBatch: breaks })).rejects.toThrow(
      'power cut',
    )
    let after = 0
    const rested = await run(place, new BackupAndRestore(join(folder, place), options), how, { onBatch: () => void after++ })
    expect(rested).toEqual(expected)
    // It did go on, where there was something to go on from.
    const epochs = expected.history['loss'].length
    const perEpoch = stepsPerEpoch ?? 4
    expect(after < epochs * perEpoch).toBe(name !== 'before the first backup')
    expect(existsSync(join(folder, place, 'latest.safetensors'))).toBe(false)
  })

  it('keeps the backup of what an AbortSignal stopped, and of what is told so', async () => {
    const expected = await run('abort-whole', new BackupAndRestore(join(folder, 'abort-whole'), { deleteCheckpoint: false }), {})
    expect(existsSync(join(folder, 'abort-whole', 'latest.safetensors'))).toBe(true)
    const abort = new AbortController()
    const backup = (): BackupAndRestore => new BackupAndRestore(join(folder, 'abort'), { saveFreq: 1 })
    const first = await run('abort', backup(), {}, { signal: abort.signal, onBatch: (batch) => batch === 10 && abort.abort() })
    expect(first.history['loss']).toHaveLength(2)
    expect(await run('abort', backup(), {})).toEqual(expected)
  })

  it('refuses a backup of another model, and leaves everything as it was', async () => {
    const place = join(folder, 'other')
    const abort = new AbortController()
    const stop = new LambdaCallback({ onTrainBatchEnd: () => abort.abort() })
    const backup = (): BackupAndRestore => new BackupAndRestore(place, { saveFreq: 1 })
    const fit = (model: Sequential, options: FitOptions): Promise<unknown> => model.fit(x, y, { verbose: 0, ...options })
    await fit(build(), { callbacks: [backup(), stop], signal: abort.signal })
    const other = new Sequential([new Dense({ units: 2, inputDim: 3 }), new Dense({ units: 1 })]).compile({ loss: 'mse' })
    const before = other.getWeights().map((w) => w.toArray())
    await expect(fit(other, { callbacks: [backup(), stop] })).rejects.toThrow('does not fit the model')
    expect(other.getWeights().map((w) => w.toArray())).toEqual(before)
  })

  it('takes frequencies that are some', () => {
    expect(() => new BackupAndRestore('x', { saveFreq: 1.5 })).toThrow("saveFreq must be 'epoch' or a positive integer, got 1.5")
  })
})

describe('the state of a callback', () => {
  it('is what setState takes: it goes on as the first one would', async () => {
    const pairs: (() => Callback)[] = [
      () => new EarlyStopping({ patience: 2, restoreBestWeights: true }),
      () => new ReduceLROnPlateau({ patience: 2 }),
    ]
    for (const make of pairs) {
      const model = new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({ loss: 'mse' })
      const feed = async (callback: Callback, values: number[], from: number): Promise<Logs> => {
        callback.model = model
        model.stopTraining = false
        for (const [i, value] of values.entries()) {
          model.setWeights([[[value]], [0]])
          await callback.onEpochEnd(from + i, { val_loss: value })
        }
        await callback.onTrainEnd({})
        return {
          stopped: Number(model.stopTraining),
          rate: model.optimizer.currentLearningRate(),
          w: model.getWeights()[0].item(),
        }
      }
      model.optimizer.learningRate = 1
      const whole = make()
      await whole.onTrainBegin({})
      const expected = await feed(whole, [3, 2, 4, 5], 0)
      model.optimizer.learningRate = 1
      const [first, second] = [make(), make()]
      await first.onTrainBegin({})
      await feed(first, [3, 2, 4], 0)
      await second.onTrainBegin({})
      second.setState(first.getState()!)
      expect(await feed(second, [5], 3)).toEqual(expected)
    }
  })
})
