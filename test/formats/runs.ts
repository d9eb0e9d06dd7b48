/** Training runs that are cut in two; run as a program, `node runs.ts first|second FOLDER`, it does a part of all of them. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import '@typegrad/formats'
import { BatchNormalization, Dense, Dropout, GaussianNoise, GRU, LSTM } from '@typegrad/layers'
import { LambdaCallback, Sequential, type Callback } from '@typegrad/model'
import { ExponentialDecay, optimizers, type Optimizer } from '@typegrad/optim'
import { random, setSeed, type Tensor } from '@typegrad/tensor'

const made = (name: string, options: object = {}): (() => Optimizer) => {
  const Class = (optimizers as unknown as Record<string, new (options: object) => Optimizer>)[name]
  return () => new Class({ learningRate: 0.01, ...options })
}

/** Every optimizer, and every option that gives one more to remember. */
export const cases: Readonly<Record<string, () => Optimizer>> = {
  ...Object.fromEntries(Object.keys(optimizers).map((name) => [name, made(name)])),
  'SGD with momentum': made('SGD', { momentum: 0.9, nesterov: true }),
  'RMSprop centered': made('RMSprop', { momentum: 0.5, centered: true }),
  'Adam with amsgrad': made('Adam', { amsgrad: true }),
  'Adam with averages': made('Adam', { useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 7 }),
  'Adam that accumulates': made('Adam', { gradientAccumulationSteps: 3 }),
  'Adam on a schedule': () =>
    made('Adam', { learningRate: new ExponentialDecay({ initialLearningRate: 0.01, decaySteps: 3, decayRate: 0.9 }) })(),
}

/** A model with all that a run may remember: moving statistics, generators of its own and the common one, states. */
export function makeModel(optimizer: Optimizer): Sequential {
  const model = new Sequential([
    new LSTM({ units: 4, stateful: true, returnSequences: true, dropout: 0.1, seed: 3, inputShape: [5, 3] }),
    new GRU({ units: 4, recurrentDropout: 0.1 }),
    new BatchNormalization(),
    new Dropout({ rate: 0.2, seed: 7 }),
    new GaussianNoise({ stddev: 0.1 }),
    new Dense({ units: 3, activation: 'softmax' }),
  ])
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] })
  return model
}

export function makeData(): [x: Tensor, y: Tensor] {
  const generator = new random.Generator(5)
  return [generator.normal([24, 5, 3]), generator.integers([24], { high: 3 })]
}

/** Everything that the run has made, to the bit. */
export function fingerprint(model: Sequential): string {
  const hash = createHash('sha256')
  for (const variable of [...model.weights, ...model.optimizer.variables]) hash.update(variable.toTypedArray())
  for (const state of (model.layers[0] as LSTM).states ?? []) hash.update(state.toTypedArray())
  hash.update(JSON.stringify([model.optimizer.steps, random.globalGenerator().state]))
  return hash.digest('hex')
}

export const epochs = 4
const half = epochs / 2

export async function train(model: Sequential, initialEpoch: number, until: number, ...callbacks: Callback[]): Promise<void> {
  const [x, y] = makeData()
  await model.fit(x, y, { epochs: until, initialEpoch, batchSize: 8, verbose: 0, callbacks })
}

const file = (folder: string, i: number): string => join(folder, `${i}.safetensors`)

/** Trains the first half and saves within `fit`, which ends by giving the model the averages of its weights. */
async function first(folder: string): Promise<void> {
  for (const [i, optimizer] of Object.values(cases).entries()) {
    setSeed(i)
    const model = makeModel(optimizer())
    const save = new LambdaCallback({
      onEpochEnd: async (epoch) => {
        if (epoch === half - 1) await model.saveCheckpoint(file(folder, i), { progress: { epoch: half } })
      },
    })
    await train(model, 0, half, save)
  }
}

/** Loads and trains the second half. */
async function second(folder: string): Promise<void> {
  const results: Record<string, string> = {}
  for (const [i, [name, optimizer]] of Object.entries(cases).entries()) {
    // Other weights and another stream of random numbers: all must come from the file.
    setSeed(1000 + i)
    const model = makeModel(optimizer())
    const { epoch } = (await model.loadCheckpoint(file(folder, i))) as { epoch: number }
    await train(model, epoch, epochs)
    results[name] = fingerprint(model)
  }
  writeFileSync(join(folder, 'second.json'), JSON.stringify(results))
}

/** The whole runs. */
async function whole(folder: string): Promise<void> {
  const results: Record<string, string> = {}
  for (const [i, [name, optimizer]] of Object.entries(cases).entries()) {
    setSeed(i)
    const model = makeModel(optimizer())
    await train(model, 0, epochs)
    results[name] = fingerprint(model)
  }
  writeFileSync(join(folder, 'whole.json'), JSON.stringify(results))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [part, folder] = process.argv.slice(2)
  if (part === 'first') {
    await first(folder)
    await whole(folder)
  } else await second(folder)
}
