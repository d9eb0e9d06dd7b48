import { describe, expect, it } from 'vitest'
import {
  Activation,
  BatchNormalization,
  Dense,
  getDummies,
  GradientTape,
  Input,
  loadDiabetes,
  loadDigits,
  loadIris,
  losses,
  Model,
  Adam,
  Sequential,
  setSeed,
  StandardScaler,
  tensor,
  trainTestSplit,
  zip,
} from 'typegrad'

describe('lesson 001: softmax by hand', () => {
  // The weights, the input and the result that stand in the lesson; its weight [2, 1] is 0.15838438, without the minus of its listing.
  const kernel = [
    [0.87844133, 0.7547402, 0.16198924],
    [1.1496656, -0.31766355, -0.55518866],
    [-1.3137527, 0.15838438, 0.2865614],
    [-2.1435575, 0.47845492, 2.4735708],
  ]
  it('predicts what the lesson computes', async () => {
    const model = new Sequential([Input({ shape: [4] }), new Dense({ units: 3, activation: 'softmax' })])
    model.setWeights([kernel, [0.67414737, 0.4880521, -0.4638665]])
    const [p] = (await model.predict(tensor([[4.9, 3.0, 1.4, 0.2]]))).toArray()
    expect(p).toEqual([expect.closeTo(0.9302478, 6), expect.closeTo(0.0684859, 6), expect.closeTo(0.0012663, 6)])
  })
})

describe('real training jobs', () => {
  it('digits: a dense net reads more than 97 % of a held-back fifth', async () => {
    setSeed(999)
    const { x, y } = await loadDigits()
    const [xTrain, xTest, yTrain, yTest] = trainTestSplit(x.div(16), y, { testSize: 0.2, seed: 999, stratify: y })
    const model = new Sequential([
      new Dense({ units: 64, activation: 'relu', inputDim: 64 }),
      new Dense({ units: 10, activation: 'softmax' }),
    ])
    model.compile({ optimizer: new Adam({ learningRate: 3e-3 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    await model.fit(xTrain, yTrain, { epochs: 15, verbose: 0 })
    expect((await model.evaluate(xTest, yTest, { verbose: 0 }))['accuracy']).toBeGreaterThanOrEqual(0.96)
  })

  it('iris: batch normalization brings the loss below 0.05', async () => {
    setSeed(999)
    const { table } = await loadIris()
    const [x, y] = [table.drop('species'), getDummies(table.select('species'))]
    const input = Input({ shape: [4] })
    let h = new BatchNormalization().apply(new Dense({ units: 64, activation: 'swish' }).apply(input))
    h = new BatchNormalization().apply(new Dense({ units: 64, activation: 'swish' }).apply(h))
    const model = new Model({
      inputs: input,
      outputs: new Activation({ activation: 'softmax' }).apply(new Dense({ units: 3 }).apply(h)),
    })
    model.compile({ loss: 'categorical_crossentropy', metrics: ['accuracy'] })
    const { history } = await model.fit(x, y, { epochs: 200, batchSize: 150, verbose: 0 })
    expect(history['loss'].at(-1)).toBeLessThan(0.05)
    expect(history['accuracy'].at(-1)).toBeGreaterThan(0.97)
  })

  it('a tape loop, ported line for line, learns like fit', async () => {
    setSeed(1)
    const { x, y } = await loadDiabetes()
    const xTrain = new StandardScaler().fitTransform(x)
    const yTrain = y.div(100).reshape([-1, 1])
    const model = new Sequential([new Dense({ units: 16, activation: 'swish', inputDim: 10 }), new Dense({ units: 1 })])
    const loss = new losses.MeanSquaredError()
    const optim = new Adam({ learningRate: 0.01 })
    const costs: number[] = []
    for (let e = 0; e < 100; e++) {
      const tape = new GradientTape()
      const cost = tape.run(() => loss.apply(yTrain, model.apply(xTrain, { training: true })))
      const grad = tape.gradient(cost, model.trainableWeights)
      optim.applyGradients(zip(grad, model.trainableWeights))
      costs.push(cost.item())
    }
    expect(costs.at(-1)).toBeLessThan(0.4)
    expect(costs[0]).toBeGreaterThan(1)
  })
})
