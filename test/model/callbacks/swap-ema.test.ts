import { describe, expect, it } from 'vitest'
import { Dense } from '@typegrad/layers'
import { LambdaCallback, Sequential, SwapEMAWeights, type Callback, type FitOptions } from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { random, setSeed, tensor } from '@typegrad/tensor'

const model = (options: object = { useEma: true, emaMomentum: 0.8 }): Sequential => {
  setSeed(1)
  return new Sequential([new Dense({ units: 1, inputDim: 3 })]).compile({
    loss: 'mse',
    optimizer: new SGD({ learningRate: 0.1, ...options }),
  })
}
setSeed(2)
const [x, y] = [random.normal([12, 3]), random.normal([12, 1])]
const quiet: FitOptions = { verbose: 0, shuffle: false, batchSize: 4, epochs: 3 }
const valuesOf = (target: Sequential): number[] => target.getWeights().flatMap((w) => [...w.toTypedArray()])

/** What an epoch begins with, the weights that are evaluated, and those after the epoch's hooks; and the weights at the end. */
async function watched(
  callbacks: Callback[],
): Promise<{ begin: number[][]; tested: number[][]; end: number[][]; last: number[] }> {
  const target = model()
  const log = { begin: [] as number[][], tested: [] as number[][], end: [] as number[][] }
  const watch = new LambdaCallback({
    onEpochBegin: () => void log.begin.push(valuesOf(target)),
    onTestBatchBegin: () => void log.tested.push(valuesOf(target)),
    onEpochEnd: () => void log.end.push(valuesOf(target)),
  })
  await target.fit(x, y, { ...quiet, validationData: [x, y], validationBatchSize: 12, callbacks: [...callbacks, watch] })
  return { ...log, last: valuesOf(target) }
}

/** The raw weights after every epoch, and their averages, by the definition. */
async function reference(): Promise<{ raw: number[][]; averages: number[][] }> {
  const target = model({})
  let average: number[] | undefined
  const [raw, averages]: number[][][] = [[], []]
  const watch = new LambdaCallback({
    onTrainBatchEnd: () => {
      const w = valuesOf(target)
      average = average ? average.map((a, i) => 0.8 * a + 0.2 * w[i]) : w
    },
    onEpochEnd: () => {
      raw.push(valuesOf(target))
      averages.push(average!)
    },
  })
  await target.fit(x, y, { ...quiet, callbacks: [watch] })
  return { raw, averages }
}

const close = (values: readonly number[]): unknown[] => values.map((value) => expect.closeTo(value, 5))

describe('SwapEMAWeights', () => {
  it('evaluates with the averages and trains with the weights', async () => {
    const { raw, averages } = await reference()
    const { begin, tested, end, last } = await watched([new SwapEMAWeights()])
    expect(tested).toEqual(averages.map(close))
    expect(begin.slice(1)).toEqual(raw.slice(0, -1).map(close))
    expect(end).toEqual(raw.map(close))
    expect(last).toEqual(close(averages.at(-1)!))
  })

  it('gives checkpoints the averages with swapOnEpoch', async () => {
    const { raw, averages } = await reference()
    const { begin, end, last } = await watched([new SwapEMAWeights({ swapOnEpoch: true })])
    expect(end).toEqual(averages.map(close))
    expect(begin.slice(1)).toEqual(raw.slice(0, -1).map(close))
    expect(last).toEqual(close(averages.at(-1)!))
  })

  it('without it fit ends with the averages all the same, as in Keras', async () => {
    const { averages } = await reference()
    expect((await watched([])).last).toEqual(close(averages.at(-1)!))
  })

  it('gives the averages back after a training that was stopped, and leaves a model alone that has none yet', async () => {
    const { averages } = await reference()
    const target = model()
    const before = valuesOf(target)
    const swap = new SwapEMAWeights({ swapOnEpoch: true })
    await target.evaluate(x, y, { verbose: 0, callbacks: [swap] })
    expect(valuesOf(target)).toEqual(before)
    const stop = new LambdaCallback({ onEpochEnd: () => void (target.stopTraining = true) })
    await target.fit(x, y, { ...quiet, callbacks: [swap, stop] })
    expect(valuesOf(target)).toEqual(close(averages[0]))
  })

  it('asks for an optimizer that keeps averages', async () => {
    const target = model({})
    await expect(target.fit(x, y, { ...quiet, validationData: [x, y], callbacks: [new SwapEMAWeights()] })).rejects.toThrow(
      'the optimizer keeps no averages, give it useEma: true',
    )
    await expect(model().predict(tensor([[1, 2, 3]]), { callbacks: [new SwapEMAWeights()] })).resolves.toBeDefined()
  })
})
