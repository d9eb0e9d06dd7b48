// The order of hooks, and the logs they get, as Keras' Trainer calls them.
import { describe, expect, it } from 'vitest'
import { Dense } from '@typegrad/layers'
import { Callback, History, LambdaCallback, ProgbarLogger, Sequential, type Logs } from '@typegrad/model'
import { tensor } from '@typegrad/tensor'

const hooks = Object.getOwnPropertyNames(Callback.prototype).filter((name) => name.startsWith('on')) as `on${string}`[]

/** Writes down every hook with its number and the names of its logs. */
function spy(order: string[]): Callback {
  const record =
    (hook: string) =>
    (...args: unknown[]): void => {
      const logs = args.at(-1) as Logs
      order.push([hook.slice(2), ...args.slice(0, -1), Object.keys(logs).join()].filter((part) => part !== '').join(' '))
    }
  return new LambdaCallback(Object.fromEntries(hooks.map((hook) => [hook, record(hook)])))
}

const model = (): Sequential => new Sequential([new Dense({ units: 1, inputDim: 1 })]).compile({ loss: 'mse', metrics: ['mae'] })
const x = tensor([[1], [2], [3]])
const quiet = { batchSize: 2, verbose: 0 } as const

const epoch = (n: number): string[] => [
  `EpochBegin ${n}`,
  'TrainBatchBegin 0',
  'TrainBatchEnd 0 loss,mae',
  'TrainBatchBegin 1',
  'TrainBatchEnd 1 loss,mae',
]
const test = [
  'TestBegin',
  'TestBatchBegin 0',
  'TestBatchEnd 0 loss,mae',
  'TestBatchBegin 1',
  'TestBatchEnd 1 loss,mae',
  'TestEnd loss,mae',
]

describe('the order of hooks', () => {
  it('of fit, with validation after the second epoch', async () => {
    const order: string[] = []
    await model().fit(x, x, { ...quiet, epochs: 2, validationData: [x, x], validationFreq: 2, callbacks: [spy(order)] })
    expect(order).toEqual([
      'TrainBegin',
      ...epoch(0),
      'EpochEnd 0 loss,mae',
      ...epoch(1),
      ...test,
      'EpochEnd 1 loss,mae,val_loss,val_mae',
      'TrainEnd loss,mae,val_loss,val_mae',
    ])
  })

  it('of evaluate and of predict', async () => {
    const order: string[] = []
    await model().evaluate(x, x, { ...quiet, callbacks: [spy(order)] })
    expect(order.splice(0)).toEqual(test)
    await model().predict(x, { ...quiet, callbacks: [spy(order)] })
    expect(order).toEqual([
      'PredictBegin',
      'PredictBatchBegin 0',
      'PredictBatchEnd 0',
      'PredictBatchBegin 1',
      'PredictBatchEnd 1',
      'PredictEnd',
    ])
  })

  it('of fit that is stopped within an epoch: the epoch ends, with its validation', async () => {
    const order: string[] = []
    const target = model()
    const stop = new LambdaCallback({ onTrainBatchEnd: () => void (target.stopTraining = true) })
    await target.fit(x, x, { ...quiet, epochs: 3, validationData: [x, x], callbacks: [stop, spy(order)] })
    expect(order).toEqual([
      'TrainBegin',
      ...epoch(0).slice(0, 3),
      ...test,
      'EpochEnd 0 loss,mae,val_loss,val_mae',
      'TrainEnd loss,mae,val_loss,val_mae',
    ])
  })

  it('of callbacks: as given, then history and progress, unless they are given', async () => {
    const order: string[] = []
    class Mine extends History {
      override onEpochEnd(...args: [number, Logs]): void {
        super.onEpochEnd(...args)
        order.push('history')
      }
    }
    const lines: string[] = []
    const output = { live: false, columns: 80, print: (text: string) => void lines.push(text), rewrite: () => undefined }
    const last = new LambdaCallback({
      onEpochEnd: async (_, logs) => {
        await Promise.resolve()
        logs['added'] = 7
        order.push('last')
      },
    })
    const mine = new Mine()
    const history = await model().fit(x, x, { verbose: 2, callbacks: [last, mine, new ProgbarLogger(output)] })
    expect(history).toBe(mine)
    expect(order).toEqual(['last', 'history'])
    // What one callback adds to the logs, the next ones see.
    expect(history.history['added']).toEqual([7])
    expect(lines.join()).toContain('added: 7.0000')
  })
})
