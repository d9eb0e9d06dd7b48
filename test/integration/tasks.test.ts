// Small real tasks, trained to a stated figure on data that training does not see.
import {
  Add,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  Input,
  Layer,
  LayerNormalization,
  loadDigits,
  loadImdb,
  LSTM,
  MaxPooling2D,
  Model,
  MultiHeadAttention,
  random,
  RMSprop,
  Sequential,
  setSeed,
  trainTestSplit,
  vectorizeSequences,
  Adam,
  type SymbolicShape,
  type Tensor,
  type Variable,
} from 'typegrad'
import { describe, expect, it } from 'vitest'

const accuracyOf = async (model: Model, x: Tensor, y: Tensor): Promise<number> => {
  const figures = await model.evaluate(x, y, { verbose: 0, batchSize: 128 })
  return figures['accuracy']
}

describe('small real tasks', () => {
  it('digits: a convolutional net reads at least 98.5 % of a held-back fifth', async () => {
    setSeed(7)
    const { x, y } = await loadDigits()
    const images = x.div(16).reshape([-1, 8, 8, 1])
    const [xTrain, xTest, yTrain, yTest] = trainTestSplit(images, y, { testSize: 0.2, seed: 7, stratify: y })
    const model = new Sequential([
      Input({ shape: [8, 8, 1] }),
      new Conv2D({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
      new Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' }),
      new MaxPooling2D(),
      new Flatten(),
      new Dropout({ rate: 0.3 }),
      new Dense({ units: 64, activation: 'relu' }),
      new Dense({ units: 10, activation: 'softmax' }),
    ])
    model.compile({ optimizer: new Adam({ learningRate: 2e-3 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    await model.fit(xTrain, yTrain, { epochs: 20, batchSize: 32, verbose: 0 })
    expect(await accuracyOf(model, xTest, yTest)).toBeGreaterThanOrEqual(0.985)
  })

  it('an LSTM remembers the first of eight symbols', async () => {
    setSeed(1)
    const draw = (n: number): [Tensor, Tensor] => {
      const x = random.integers([n, 8], { low: 0, high: 4 })
      return [x, x.slice(null, 0)]
    }
    const model = new Sequential([
      Input({ shape: [8], dtype: 'int32' }),
      new Embedding({ inputDim: 4, outputDim: 8 }),
      new LSTM({ units: 32 }),
      new Dense({ units: 4, activation: 'softmax' }),
    ])
    model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    await model.fit(...draw(1024), { epochs: 15, batchSize: 32, verbose: 0 })
    expect(await accuracyOf(model, ...draw(512))).toBeGreaterThanOrEqual(0.99)
  })

  /** Adds to every step what says its position. */
  class Positions extends Layer {
    positions!: Variable
    override build([, steps, features]: SymbolicShape): void {
      this.positions = this.addWeight([steps!, features!], { initializer: 'randomNormal' })
    }

    call(x: Tensor): Tensor {
      return x.add(this.positions)
    }
  }

  it('a transformer writes sequences backwards', async () => {
    setSeed(2)
    const [steps, symbols, size] = [8, 8, 32]
    const draw = (n: number): [Tensor, Tensor] => {
      const x = random.integers([n, steps], { low: 0, high: symbols })
      return [x, x.flip(1)]
    }
    const input = Input({ shape: [steps], dtype: 'int32' })
    const embedded = new Positions().apply(new Embedding({ inputDim: symbols, outputDim: size }).apply(input))
    const attended = new MultiHeadAttention({ numHeads: 2, keyDim: 16 }).apply([embedded, embedded])
    const h = new LayerNormalization().apply(new Add().apply([embedded, attended]))
    const mixed = new Dense({ units: size }).apply(new Dense({ units: 2 * size, activation: 'gelu' }).apply(h))
    const last = new LayerNormalization().apply(new Add().apply([h, mixed]))
    const model = new Model({ inputs: input, outputs: new Dense({ units: symbols, activation: 'softmax' }).apply(last) })
    model.compile({ optimizer: new Adam({ learningRate: 5e-3 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
    await model.fit(...draw(1024), { epochs: 12, batchSize: 32, verbose: 0 })
    expect(await accuracyOf(model, ...draw(256))).toBeGreaterThanOrEqual(0.99)
  })

  // The reviews are not this project's to give away: TYPEGRAD_IMDB names a file of them in Keras' form, with 500 words or more.
  const path = process.env['TYPEGRAD_IMDB']
  it.runIf(path !== undefined)('IMDB: of reviews known by 500 words, at least 80 % are told good from bad', async () => {
    setSeed(3)
    const { xTrain, yTrain, xTest, yTest } = await loadImdb({ numWords: 500, path: path! })
    const model = new Sequential([
      Input({ shape: [500] }),
      new Dense({ units: 16, activation: 'relu' }),
      new Dense({ units: 16, activation: 'relu' }),
      new Dense({ units: 1, activation: 'sigmoid' }),
    ])
    model.compile({ optimizer: new RMSprop(), loss: 'binaryCrossentropy', metrics: ['accuracy'] })
    await model.fit(vectorizeSequences(xTrain, 500), yTrain, { epochs: 8, batchSize: 128, verbose: 0 })
    expect(await accuracyOf(model, vectorizeSequences(xTest, 500), yTest)).toBeGreaterThanOrEqual(0.8)
  })
})
