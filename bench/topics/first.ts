import {
  BatchNormalization,
  Conv2D,
  Dense,
  Flatten,
  Input,
  MaxPooling2D,
  type AnyLayer,
  type SymbolicTensor,
} from '@typegrad/layers'
import { Rows, Sequential } from '@typegrad/model'
import { arange, random, setSeed, threads, type MakingTimes } from '@typegrad/tensor'
import { execFileSync } from 'node:child_process'
import type { Entry, Race, Row } from '../case.ts'
import { start } from '../processes.ts'

interface Job {
  readonly name: string
  readonly shape: readonly number[]
  readonly batch: number
  readonly layers: () => AnyLayer[]
}

const dense = (name: string, features: number, batch: number, ...hidden: readonly number[]): Job => ({
  name,
  shape: [features],
  batch,
  layers: () => [
    ...hidden.map((units) => new Dense({ units, activation: 'relu' })),
    new Dense({ units: 1, activation: 'sigmoid' }),
  ],
})

const jobs: readonly Job[] = [
  dense('thoracic 16-30-1', 16, 16, 30),
  dense('thoracic 17-60-30-1', 17, 20, 60, 30),
  {
    ...dense('iris 4-64(BN)-64(BN)-1', 4, 32),
    layers: () => [
      ...[1, 2].flatMap(() => [new Dense({ units: 64, activation: 'swish' }), new BatchNormalization()]),
      new Dense({ units: 1, activation: 'sigmoid' }),
    ],
  },
  dense('Boston 13-64-64-1', 13, 32, 64, 64),
  dense('IMDB 10000-16-16-1', 10_000, 512, 16, 16),
  {
    name: 'CNN of 20 layers',
    shape: [32, 32, 3],
    batch: 8,
    layers: () => [
      ...Array.from({ length: 4 }, () => [
        ...[1, 2, 3, 4].map(() => new Conv2D({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu' })),
        new MaxPooling2D(),
      ]).flat(),
      new Flatten(),
      new Dense({ units: 1, activation: 'sigmoid' }),
    ],
  },
]

/** The first and second step of a model that is built, and the first steps of others of its kind; nothing is traced before. */
async function steps({ shape, layers, batch }: Job): Promise<Entry & { readonly made: () => MakingTimes }> {
  setSeed(1)
  const data = { x: [random.uniform([batch, ...shape])], y: [random.bernoulli([batch, 1]).cast('float32')], sampleWeight: [] }
  const models: Sequential[] = []
  for (let i = 0; i <= others; i++) {
    const parts: (AnyLayer | SymbolicTensor)[] = [Input({ shape }), ...layers()]
    const model = new Sequential(parts).compile({ optimizer: 'adam', loss: 'binaryCrossentropy' })
    await model.steps.begin()
    models.push(model)
  }
  const rows = new Rows(data, arange(batch, { dtype: 'int32' }))
  const order = [models[0], ...models]
  return { run: () => order.shift()!.steps.train(rows), made: () => order[0].steps.made.trainStep![0] }
}

/** Models that are traced in a process that has traced before. */
const others = 3

export const races: readonly Race[] = jobs.map((job) => ({
  case: job.name,
  unit: 'ms',
  value: (microseconds) => microseconds / 1e3,
  contestants: {
    typegrad: () => steps(job),
    // What the library says of its first step: that without the step itself.
    async 'trace and compile'() {
      const { run, made } = await steps(job)
      run()
      const { trace, fuse, write, compile } = made()
      return { run, result: [1e3 * (trace + fuse + write + compile)] }
    },
    'a copy of the data'() {
      const array = random.uniform([job.batch, ...job.shape]).toTypedArray()
      return { run: () => array.slice() }
    },
  },
}))

const starts = 7

/**
 * The first step in a process that has done nothing before: trace, program, WebAssembly, and the step; in milliseconds, beside that without
 * the step, a second one, the first one of later models of the kind, and a mere copy of the data to fresh memory.
 */
export async function* first(): AsyncGenerator<Row> {
  yield loading()
  for (const [index, { case: name, unit, value, contestants }] of races.entries()) {
    const times = new Map<string, number[]>()
    const add = (key: string, microseconds: number): void => void times.set(key, [...(times.get(key) ?? []), value(microseconds)])
    for (let i = 0; i < starts; i++)
      for (const [key, entrant] of Object.entries(contestants)) {
        const contestant = (await start('first', index, key, entrant))!
        add(key, contestant.result?.[0] ?? (await contestant.sample(1)))
        if (key === 'typegrad') {
          add('second step', await contestant.sample(1))
          for (let k = 0; k < others; k++) add('a later model', await contestant.sample(1))
        }
        contestant.end()
      }
    const { typegrad: own, ...beside } = Object.fromEntries(
      [...times].map(([key, list]) => [key, list.toSorted((a, b) => a - b)]),
    )
    yield {
      topic: 'first',
      case: name,
      unit,
      ours: median(own),
      threads: threads().count,
      peers: {},
      beside: Object.fromEntries(Object.entries(beside).map(([key, list]) => [key, median(list)])),
      min: own[0],
      max: own.at(-1)!,
    }
  }
}

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1]

/** What a process takes to import the library. */
function loading(): Row {
  const took = (what: string): number => {
    const code = `const start = performance.now(); ${what}; process.stdout.write(String(performance.now() - start))`
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).split('\n').at(-1))
  }
  const names = ['typegrad', '@tensorflow/tfjs-layers']
  const times: number[][] = names.map(() => [])
  for (let i = 0; i < starts; i++) names.forEach((name, k) => times[k].push(took(`await import('${name}')`)))
  const [ours, theirs] = times.map((list) => list.toSorted((a, b) => a - b))
  return {
    topic: 'first',
    case: 'import',
    unit: 'ms',
    ours: median(ours),
    threads: 1,
    peers: { 'tfjs-layers': median(theirs) },
    min: ours[0],
    max: ours.at(-1)!,
  }
}
