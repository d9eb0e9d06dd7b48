// Trains in a worker, so that the page stays free; then says which digit a drawing is.
import {
  Conv2D,
  currentBackend,
  Dense,
  Dropout,
  Flatten,
  Input,
  LambdaCallback,
  loadDigits,
  MaxPooling2D,
  Sequential,
  setSeed,
  tensor,
  threads,
} from 'typegrad'

/** What the worker tells the page. */
export type News =
  | { readonly kind: 'epoch'; readonly epoch: number; readonly accuracy: number; readonly validation: number }
  | { readonly kind: 'ready'; readonly seconds: number; readonly machine: string }
  | { readonly kind: 'digit'; readonly probabilities: number[] }

const tell = (news: News): void => postMessage(news)

setSeed(1)
const { images, y } = await loadDigits()
const model = new Sequential([
  Input({ shape: [8, 8, 1] }),
  new Conv2D({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' }),
  new MaxPooling2D(),
  new Conv2D({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
  new Flatten(),
  new Dropout({ rate: 0.3 }),
  new Dense({ units: 10, activation: 'softmax' }),
])
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })

const start = performance.now()
await model.fit(images.div(16).reshape([-1, 8, 8, 1]), y, {
  epochs: 15,
  batchSize: 32,
  validationSplit: 0.15,
  verbose: 0,
  callbacks: [
    new LambdaCallback({
      onEpochEnd: (epoch, { accuracy, val_accuracy: validation }) => tell({ kind: 'epoch', epoch, accuracy, validation }),
    }),
  ],
})
const { count, reason } = threads()
const machine = `backend ${currentBackend().name}, ${count} thread${count > 1 ? 's' : ''}${reason ? ` (${reason})` : ''}`
tell({ kind: 'ready', seconds: (performance.now() - start) / 1000, machine })

addEventListener('message', ({ data }: MessageEvent<Float32Array>) => {
  const probabilities = model.predictOnBatch(tensor(data).reshape([1, 8, 8, 1]))
  tell({ kind: 'digit', probabilities: probabilities.flatten().toArray() })
})
