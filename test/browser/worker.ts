/** Trains in a worker, saves where the page can load it, and tells what it predicts. */
import { Dense, Sequential } from 'typegrad'

const x = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(3 * i)])
const model = new Sequential([new Dense({ units: 16, activation: 'tanh', inputDim: 2 }), new Dense({ units: 2 })])
model.compile({ optimizer: 'adam', loss: 'mse' })

async function run(): Promise<unknown> {
  await model.fit(x, x, { epochs: 5, verbose: 0 })
  await model.save('indexeddb://worker.safetensors')
  return (await model.predict(x)).toArray() as unknown
}

void run().then(postMessage, (error: unknown) => postMessage(String((error as Error).stack ?? error)))
