/** Five small training runs, each with what threads and kernels could make different: their weights as one hash. */
import {
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  GlobalAveragePooling1D,
  LSTM,
  MaxPooling2D,
  MultiHeadAttention,
  Input,
} from '@typegrad/layers'
import { Model, Sequential } from '@typegrad/model'
import { random, setSeed, type Tensor } from '@typegrad/tensor'

interface Run {
  readonly model: () => Model
  readonly input: readonly number[]
  readonly classes: number
}

function attention(): Model {
  const input = Input({ shape: [12, 16] })
  const mixed = new MultiHeadAttention({ numHeads: 2, keyDim: 8 }).apply([input, input])
  const pooled = new GlobalAveragePooling1D().apply(mixed)
  return new Model({ inputs: input, outputs: new Dense({ units: 4, activation: 'softmax' }).apply(pooled) })
}

export const trainingRuns: Readonly<Record<string, Run>> = {
  MLP: {
    input: [64],
    classes: 10,
    model: () =>
      new Sequential([
        new Dense({ units: 256, activation: 'relu', inputDim: 64 }),
        new Dense({ units: 10, activation: 'softmax' }),
      ]),
  },
  CNN: {
    input: [12, 12, 3],
    classes: 4,
    model: () =>
      new Sequential([
        new Conv2D({ filters: 16, kernelSize: 3, activation: 'relu', inputShape: [12, 12, 3] }),
        new MaxPooling2D(),
        new Flatten(),
        new Dense({ units: 4, activation: 'softmax' }),
      ]),
  },
  LSTM: {
    input: [6, 8],
    classes: 3,
    model: () => new Sequential([new LSTM({ units: 16, inputShape: [6, 8] }), new Dense({ units: 3, activation: 'softmax' })]),
  },
  'batch norm and dropout': {
    input: [40],
    classes: 5,
    model: () =>
      new Sequential([
        new Dense({ units: 128, inputDim: 40 }),
        new BatchNormalization(),
        new Dropout({ rate: 0.3 }),
        new Dense({ units: 5, activation: 'softmax' }),
      ]),
  },
  attention: { input: [12, 16], classes: 4, model: attention },
}

/** Trains for one epoch of two steps from a seed; the bits of all weights. */
export async function train(name: string, seed = 1): Promise<Tensor[]> {
  const { model: make, input, classes } = trainingRuns[name]
  setSeed(seed)
  const x = random.normal([128, ...input])
  const y = random.integers([128], { high: classes })
  const model = make()
  model.compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'adam' })
  await model.fit(x, y, { batchSize: 64, epochs: 1, verbose: 0 })
  return model.getWeights()
}

/** The first half of SHA-256 of all bits; in pages, too. */
export async function hash(weights: readonly Tensor[]): Promise<string> {
  const arrays = weights.map((w) => w.toTypedArray())
  const bytes = await new Blob(
    arrays.map((array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice()),
  ).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
