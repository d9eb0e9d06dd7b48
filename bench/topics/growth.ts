import { Dense, Input, LSTM } from '@typegrad/layers'
import { Sequential, type Batch } from '@typegrad/model'
import { random, setSeed, setThreads } from '@typegrad/tensor'
import { race, type Row } from '../case.ts'

/** A model, a batch for it, and the floating-point operations of a step. */
interface Job {
  readonly model: Sequential
  readonly data: Batch
  readonly work: number
}

/** 64 inputs, `depth` layers of `width` units, Adam. */
function dense(batch: number, width: number, depth: number): Job {
  const model = new Sequential([
    Input({ shape: [64] }),
    ...Array.from({ length: depth }, () => new Dense({ units: width, activation: 'relu' })),
    new Dense({ units: 1 }),
  ])
  const data = { x: [random.uniform([batch, 64])], y: [random.uniform([batch, 1])], sampleWeight: [] }
  const weights = 64 * width + (depth - 1) * width * width + width
  // Forward, both gradients, and the update, which a batch shares.
  return { model, data, work: 6 * batch * weights + 12 * weights }
}

/** LSTM of 32 units over 16 features. */
function recurrent(steps: number): Job {
  const [batch, features, units] = [32, 16, 32]
  const model = new Sequential([Input({ shape: [steps, features] }), new LSTM({ units }), new Dense({ units: 1 })])
  const data = { x: [random.normal([batch, steps, features])], y: [random.normal([batch, 1])], sampleWeight: [] }
  return { model, data, work: 6 * batch * steps * (features + units) * 4 * units }
}

const sweeps: readonly (readonly [name: string, first: number, job: (size: number) => Job])[] = [
  ['batch', 16, (size) => dense(size, 64, 2)],
  ['width', 16, (size) => dense(32, size, 2)],
  ['depth', 1, (size) => dense(32, 64, size)],
  ['time steps', 8, recurrent],
]

/** How the time of a training step grows with what is in it, on one thread and on two. */
export async function* growth(): AsyncGenerator<Row> {
  for (const threads of [1, 2]) {
    setThreads(threads)
    for (const [name, first, jobOf] of sweeps) {
      for (const factor of [1, 2, 4, 8, 16, 32, 64]) {
        setSeed(1)
        const size = first * factor
        const { model, data, work } = jobOf(size)
        model.compile({ loss: 'meanSquaredError', optimizer: 'adam' })
        await model.steps.begin()
        const row = await race({
          topic: 'growth',
          case: `${name} ${size}, ${threads} thread${threads > 1 ? 's' : ''}`,
          unit: 'GFLOP/s',
          threads,
          value: (microseconds) => work / microseconds / 1e3,
          ours: () => model.steps.train(data),
        })
        yield { ...row, curve: { name, size, work, microseconds: work / row.ours / 1e3 } }
      }
    }
  }
  setThreads()
}
