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
import { arange, random, setSeed } from '@typegrad/tensor'
import { execFileSync } from 'node:child_process'
import type { Row } from '../case.ts'

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

/**
 * The first step of a model that is built: trace, program, WebAssembly, and the step; in milliseconds, beside a later one and a mere copy of
 * the data to fresh memory, which is a part of the first.
 */
export async function* first(): AsyncGenerator<Row> {
  yield loading()
  for (const { name, shape, batch, layers } of jobs) {
    setSeed(1)
    const data = { x: [random.uniform([batch, ...shape])], y: [random.bernoulli([batch, 1]).cast('float32')], sampleWeight: [] }
    const rows = new Rows(data, arange(batch, { dtype: 'int32' }))
    const [firsts, laters, copies]: number[][] = [[], [], []]
    for (let i = 0; i < 7; i++) {
      const parts: (AnyLayer | SymbolicTensor)[] = [Input({ shape }), ...layers()]
      const model = new Sequential(parts).compile({ optimizer: 'adam', loss: 'binaryCrossentropy' })
      await model.steps.begin()
      for (const times of [firsts, laters]) {
        const start = performance.now()
        model.steps.train(rows)
        times.push(performance.now() - start)
      }
    }
    // Into fresh pages, as the first step does it: all are kept until the end.
    const array = data.x[0].toTypedArray()
    const kept = Array.from({ length: 7 }, () => {
      const start = performance.now()
      const copy = array.slice()
      copies.push(performance.now() - start)
      return copy
    })
    kept.length = 0
    const [median, later, copy] = [firsts, laters, copies].map((times) => times.toSorted((a, b) => a - b)[3])
    // The largest is the very first, before the engine has compiled what traces.
    yield {
      topic: 'first',
      case: name,
      unit: 'ms',
      ours: median,
      threads: 1,
      peers: {},
      beside: { 'second step': later, 'a copy of the data': copy },
      min: Math.min(...firsts),
      max: Math.max(...firsts),
    }
  }
}

/** What a process takes to import the library. */
function loading(): Row {
  const took = (what: string): number => {
    const code = `const start = performance.now(); ${what}; process.stdout.write(String(performance.now() - start))`
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }).split('\n').at(-1))
  }
  const names = ['typegrad', '@tensorflow/tfjs-layers']
  const times: number[][] = names.map(() => [])
  for (let i = 0; i < 7; i++) names.forEach((name, k) => times[k].push(took(`await import('${name}')`)))
  const [ours, theirs] = times.map((list) => list.toSorted((a, b) => a - b))
  return {
    topic: 'first',
    case: 'import',
    unit: 'ms',
    ours: ours[3],
    threads: 1,
    peers: { 'tfjs-layers': theirs[3] },
    min: ours[0],
    max: ours[6],
  }
}
