import { describe, expect, it } from 'vitest'
import { Dense } from '@typegrad/layers'
import {
  EarlyStopping,
  LambdaCallback,
  LearningRateScheduler,
  ReduceLROnPlateau,
  Sequential,
  TerminateOnNaN,
  type Callback,
} from '@typegrad/model'
import { SGD } from '@typegrad/optim'
import { tensor } from '@typegrad/tensor'

const model = (learningRate = 1): Sequential =>
  new Sequential([new Dense({ units: 1, inputDim: 1, kernelInitializer: 'ones' })]).compile({
    loss: 'mse',
    optimizer: new SGD({ learningRate }),
  })

/** Feeds a list of values, one per epoch, to a callback until it stops training; returns the epochs that ran. */
function feed(
  callback: Callback,
  figure: string,
  values: readonly number[],
  target = model(),
): { epochs: number; target: Sequential; rates: number[] } {
  callback.model = target
  target.stopTraining = false
  void callback.onTrainBegin({})
  const rates: number[] = []
  let epochs = 0
  for (const value of values) {
    target.setWeights([[[value]], [0]])
    const logs = { [figure]: value }
    void callback.onEpochBegin(epochs, {})
    void callback.onEpochEnd(epochs, logs)
    rates.push(logs['learning_rate'])
    epochs++
    if (target.stopTraining) break
  }
  void callback.onTrainEnd({})
  return { epochs, target, rates }
}

describe('EarlyStopping', () => {
  it.each([
    ['stops at the first epoch without an improvement', {}, [3, 2, 2, 1], 3],
    ['waits for its patience', { patience: 2 }, [3, 2, 2, 2, 1], 4],
    ['starts to count again after an improvement', { patience: 2 }, [3, 4, 2, 3, 3, 1], 5],
    ['takes changes below minDelta for none', { minDelta: 0.5 }, [3, 2.7, 1], 2],
    ['does not look before startFromEpoch', { startFromEpoch: 2 }, [1, 2, 3, 2, 2], 5],
    ['never stops at epoch 0', { patience: 0 }, [Number.NaN], 1],
    ['stops on NaN', { patience: 1 }, [1, Number.NaN, 2], 2],
    ['stops when the baseline is not reached', { patience: 2, baseline: 1 }, [5, 4, 4, 2], 3],
  ])('%s', (_, options, values, epochs) => {
    expect(feed(new EarlyStopping(options), 'val_loss', values).epochs).toBe(epochs)
  })

  it('knows that more accuracy is better, and asks where it does not know', () => {
    expect(feed(new EarlyStopping({ monitor: 'val_accuracy' }), 'val_accuracy', [0.1, 0.2, 0.15]).epochs).toBe(3)
    expect(() => new EarlyStopping({ monitor: 'val_strange' })).toThrow(/give mode/)
  })

  it('gives back the weights of the best epoch, also when nothing was stopped', () => {
    const kernelAfter = (values: number[]): number =>
      feed(new EarlyStopping({ patience: 5, restoreBestWeights: true }), 'val_loss', values)
        .target.getWeights()[0]
        .item()
    expect(kernelAfter([3, 1, 2])).toBe(1)
    expect(kernelAfter([3, 2, 1])).toBe(1)
  })

  it('begins anew in every fit', () => {
    const callback = new EarlyStopping()
    expect(feed(callback, 'val_loss', [1, 2]).epochs).toBe(2)
    expect(feed(callback, 'val_loss', [5, 4, 3]).epochs).toBe(3)
  })
})

describe('learning rates', () => {
  it('ReduceLROnPlateau lowers the rate after its patience, down to minLr, with a cooldown', () => {
    const { rates, target } = feed(
      new ReduceLROnPlateau({ factor: 0.5, patience: 2, minLr: 0.2, cooldown: 1 }),
      'val_loss',
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    )
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2].map((r) => expect.closeTo(r, 10)))
    expect(target.optimizer.currentLearningRate()).toBe(0.2)
  })

  it('LearningRateScheduler sets the rate of every epoch and logs it', () => {
    const { rates } = feed(new LearningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2)), 'loss', [1, 1, 1])
    expect(rates).toEqual([1, 0.5, 0.25])
    expect(() => feed(new LearningRateScheduler(() => -1), 'loss', [1])).toThrow(/gave -1 for epoch 0/)
  })
})

describe('small ones', () => {
  it('TerminateOnNaN stops within the epoch', async () => {
    const target = model(1e30)
    const x = tensor([[1e20], [1e20], [1e20], [1e20]])
    const batches: number[] = []
    const spy = new LambdaCallback({ onTrainBatchEnd: (batch) => void batches.push(batch) })
    await target.fit(x, x.mul(-1), { batchSize: 1, epochs: 5, verbose: 0, callbacks: [spy, new TerminateOnNaN()] })
    expect(batches.length).toBeLessThan(4)
  })
})
