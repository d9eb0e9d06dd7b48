import { describe, expect, it } from 'vitest'
import { Dense, Dropout, Input } from '@typegrad/layers'
import { Model, ProgbarLogger, Sequential, type Output } from '@typegrad/model'
import { Adam } from '@typegrad/optim'
import { currentBackend, random, setSeed, tensor, type Tensor } from '@typegrad/tensor'

const line = (): { x: Tensor; y: Tensor } => {
  const x = random.uniform([64, 1], { low: -1, high: 1 })
  return { x, y: x.mul(3).add(1) }
}

const small = (): Sequential =>
  new Sequential([
    Input({ shape: [1] }),
    new Dense({ units: 8, activation: 'tanh' }),
    new Dropout({ rate: 0.1 }),
    new Dense({ units: 1 }),
  ])

describe('fit', () => {
  it('learns a line and returns a history with one entry per epoch', async () => {
    setSeed(3)
    const { x, y } = line()
    const model = new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({
      loss: 'mse',
      optimizer: new Adam({ learningRate: 0.1 }),
      metrics: ['mae'],
    })
    const history = await model.fit(x, y, { epochs: 40, batchSize: 16, validationSplit: 0.25, verbose: 0 })
    expect(Object.keys(history.history)).toEqual(['loss', 'mae', 'val_loss', 'val_mae'])
    expect(history.epoch).toEqual([...Array(40).keys()])
    expect(history.history['val_loss'].at(-1)).toBeLessThan(1e-3)
    const [w, b] = model.getWeights()
    expect([w.item(), b.item()]).toEqual([expect.closeTo(3, 1), expect.closeTo(1, 1)])
  })

  it('gives the same numbers for the same seed: weights, shuffling and dropout', async () => {
    const run = async (): Promise<[Record<string, number[]>, number[]]> => {
      setSeed(7)
      const { x, y } = line()
      const model = small().compile({ loss: 'mse', optimizer: 'adam' })
      const { history } = await model.fit(x, y, { epochs: 3, batchSize: 10, verbose: 0 })
      return [history, model.getWeights().flatMap((w) => [...w.toTypedArray()])]
    }
    const first = await run()
    expect(await run()).toEqual(first)
    setSeed(8)
    const other = small().compile({ loss: 'mse', optimizer: 'adam' })
    expect(other.getWeights()[0].toArray()).not.toEqual(first[1].slice(0, 8))
  })

  it('goes on where it stopped: two fits with initialEpoch are one', async () => {
    const run = async (parts: [number, number][]): Promise<number[]> => {
      setSeed(5)
      const { x, y } = line()
      const model = small().compile({ loss: 'mse', optimizer: 'adam' })
      for (const [initialEpoch, epochs] of parts) await model.fit(x, y, { initialEpoch, epochs, verbose: 0 })
      return [...model.getWeights()[0].toTypedArray()]
    }
    expect(
      await run([
        [0, 2],
        [2, 4],
      ]),
    ).toEqual(await run([[0, 4]]))
  })

  it('weights the mean loss of an epoch by the size of its batches', async () => {
    const x = tensor([[0], [0], [0]])
    const y = tensor([1, 1, 4])
    const model = new Sequential([new Dense({ units: 1, inputDim: 1, kernelInitializer: 'zeros' })])
    model.compile({ loss: 'mae', optimizer: new Adam({ learningRate: 0 }) })
    const { history } = await model.fit(x, y, { batchSize: 2, shuffle: false, verbose: 0 })
    expect(history['loss']).toEqual([2]) // (1 + 1 + 4) / 3, not ((1 + 1) / 2 + 4) / 2
  })

  it('takes sampleWeight and classWeight into the loss', async () => {
    const model = new Sequential([new Dense({ units: 1, inputDim: 1, kernelInitializer: 'zeros' })])
    model.compile({ loss: 'mae', optimizer: new Adam({ learningRate: 0 }) })
    const [x, y] = [tensor([[0], [0]]), tensor([1, 2])]
    const weighted = await model.fit(x, y, { sampleWeight: [3, 1], verbose: 0 })
    expect(weighted.history['loss']).toEqual([2.5]) // (3·1 + 1·2) / 2
    const byClass = await model.fit(x, y, { classWeight: { 1: 3, 2: 1 }, verbose: 0 })
    expect(byClass.history['loss']).toEqual([2.5])
  })

  it('uses every sample once per epoch, and stepsPerEpoch of them when told', async () => {
    const seen: number[] = []
    class Watcher extends Model {
      readonly dense = new Dense({ units: 1 })
      override call(x: Tensor): Tensor {
        seen.push(...x.toTypedArray())
        return this.dense.apply(x)
      }
    }
    const model = new Watcher().compile({ loss: 'mse' })
    const x = tensor([...Array(10).keys()].map((i) => [i]))
    await model.fit(x, x, { batchSize: 3, verbose: 0 })
    seen.shift() // the call that builds
    expect(seen.toSorted((a, b) => a - b)).toEqual([...Array(10).keys()])
    seen.length = 0
    await model.fit(x, x, { batchSize: 3, stepsPerEpoch: 2, epochs: 2, verbose: 0 })
    expect(new Set(seen).size).toBe(10)
  })

  it('evaluates like fit validates, and predicts in batches what it predicts at once', async () => {
    setSeed(1)
    const { x, y } = line()
    const model = small().compile({ loss: 'mse', metrics: ['mae'] })
    const { history } = await model.fit(x, y, { validationData: [x, y], verbose: 0 })
    const results = await model.evaluate(x, y, { verbose: 0 })
    expect(results).toEqual({ loss: history['val_loss'][0], mae: history['val_mae'][0] })
    const [whole, parts] = [await model.predict(x, { batchSize: 64 }), await model.predict(x, { batchSize: 7 })]
    expect(parts.toArray()).toEqual(whole.toArray())
  })

  it('trains on single batches and on several outputs', () => {
    const input = Input({ shape: [1] })
    const h = new Dense({ units: 4, activation: 'relu' }).apply(input)
    const model = new Model({
      inputs: input,
      outputs: [
        new Dense({ units: 1, name: 'price' }).apply(h),
        new Dense({ units: 1, activation: 'sigmoid', name: 'flag' }).apply(h),
      ],
    })
    model.compile({
      loss: { price: 'mse', flag: 'binary_crossentropy' },
      lossWeights: { price: 1, flag: 0.3 },
      metrics: { price: ['mae'], flag: ['accuracy'] },
    })
    const logs = model.trainOnBatch(tensor([[1], [2]]), { price: [[1], [2]], flag: [[0], [1]] })
    expect(Object.keys(logs)).toEqual(['flag_accuracy', 'flag_loss', 'loss', 'price_loss', 'price_mae'])
    expect(logs['loss']).toBeCloseTo(logs['price_loss'] + 0.3 * logs['flag_loss'], 5)
  })
})

describe('steps on one batch', () => {
  const build = (jit: boolean): Sequential => {
    setSeed(2)
    return small().compile({ loss: 'mse', optimizer: 'adam', metrics: ['mae'], jit })
  }

  it('are those of fit, compiled or not', async () => {
    for (const jit of [true, false]) {
      const { x, y } = line()
      const [fitted, stepped] = [build(jit), build(jit)]
      setSeed(9)
      const { history } = await fitted.fit(x, y, { batchSize: 16, shuffle: false, verbose: 0 })
      setSeed(9)
      let logs = {}
      for (let i = 0; i < 64; i += 16) logs = stepped.trainOnBatch(x.slice([i, i + 16]), y.slice([i, i + 16]))
      expect(logs).toEqual({ loss: history['loss'][0], mae: history['mae'][0] })
      expect(stepped.explain() !== '').toBe(jit && currentBackend().program !== undefined)
      stepped.resetMetrics()
      expect(stepped.testOnBatch(x, y)).toEqual(await fitted.evaluate(x, y, { batchSize: 64, verbose: 0 }))
      expect(stepped.predictOnBatch(x).toArray()).toEqual((await fitted.predict(x, { batchSize: 64 })).toArray())
    }
  })

  it('know what was frozen in between', () => {
    const { x, y } = line()
    const model = build(true)
    model.trainOnBatch(x, y)
    model.layers[0].trainable = false
    const before = model.layers[0].getWeights().map((w) => w.toArray())
    model.trainOnBatch(x, y)
    expect(model.layers[0].getWeights().map((w) => w.toArray())).toEqual(before)
  })
})

describe('options', () => {
  it('that are mistyped are named, with what was meant', async () => {
    const model = small().compile({ loss: 'mse' })
    const { x, y } = line()
    const mistyped = { batch_size: 8 } as object
    await expect(model.fit(x, y, mistyped)).rejects.toThrow('fit: unknown option batch_size, did you mean batchSize?')
    await expect(model.evaluate(x, y, mistyped)).rejects.toThrow('evaluate: unknown option batch_size')
    await expect(model.predict(x, mistyped)).rejects.toThrow('predict: unknown option batch_size')
    expect(() => small().compile({ loss: 'mse', metric: 'mae' } as never)).toThrow('did you mean metrics?')
    expect(() => small().compile({ loss: 'mse', metrics: ['acuracy' as 'acc'] })).toThrow("unknown name 'acuracy'")
    expect(() => new Adam({ learning_rate: 0.1 } as object)).toThrow(
      'Adam: unknown option learning_rate, did you mean learningRate?',
    )
  })

  it('of fit may be given to evaluate and predict, too', async () => {
    const model = small().compile({ loss: 'mse' })
    const { x, y } = line()
    const options = { epochs: 2, batchSize: 8, verbose: 0 as const, shuffle: false }
    await model.evaluate(x, y, options)
    expect((await model.predict(x, options)).shape).toEqual([64, 1])
  })
})

describe('the progress line', () => {
  const record = (live: boolean): { lines: string[]; rewrites: string[]; output: Output } => {
    const [lines, rewrites]: [string[], string[]] = [[], []]
    return {
      lines,
      rewrites,
      output: { live, columns: 80, print: (text) => void lines.push(text), rewrite: (text) => void rewrites.push(text) },
    }
  }
  const drive = (output: Output, verbose: 0 | 1 | 2): void => {
    const bar = new ProgbarLogger(output)
    bar.params = { epochs: 2, steps: 4, verbose }
    bar.onEpochBegin(0)
    for (let i = 0; i < 4; i++) {
      bar.onTrainBatchBegin(i)
      bar.onTrainBatchEnd(i, { loss: 0.5 })
    }
    bar.onEpochEnd(0, { accuracy: 1, loss: 0.00001 })
  }

  it('rewrites one line on a terminal and ends it at the end of the epoch', () => {
    const { lines, rewrites, output } = record(true)
    drive(output, 1)
    expect(rewrites[0]).toMatch(/^1\/4 ━━━━━ {15} \d+s \S+\/step - loss: 0\.5000$/)
    expect(lines).toEqual([
      'Epoch 1/2',
      expect.stringMatching(/^4\/4 ━{20} \d+s \S+\/step - accuracy: 1\.0000 - loss: 1\.0000e-5$/),
    ])
  })

  it('writes one line per epoch into a file', () => {
    const { lines, rewrites, output } = record(false)
    drive(output, 2)
    expect(rewrites).toEqual([])
    expect(lines).toEqual([
      'Epoch 1/2',
      expect.stringMatching(/^4\/4 - \d+s - \S+\/step - accuracy: 1\.0000 - loss: 1\.0000e-5$/),
    ])
  })
})
