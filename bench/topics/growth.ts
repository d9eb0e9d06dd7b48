import { Dense, Input } from '@typegrad/layers'
import { Sequential } from '@typegrad/model'
import { random, setSeed, setThreads } from '@typegrad/tensor'
import { race, type Row } from '../case.ts'

/** A step of 64 inputs, `depth` layers of `width` units, Adam; the time divided by the work, which should not change. */
interface Size {
  readonly batch: number
  readonly width: number
  readonly depth: number
}

const middle: Size = { batch: 32, width: 64, depth: 2 }
const factors = [1, 2, 4, 8, 16, 32, 64]

const sweeps: readonly (readonly [string, (factor: number) => Size])[] = [
  ['batch', (factor) => ({ ...middle, batch: 16 * factor })],
  ['width', (factor) => ({ ...middle, width: 16 * factor })],
  ['depth', (factor) => ({ ...middle, depth: factor })],
]

/** How the time of a training step grows with what is in it, on one thread and on two. */
export async function* growth(): AsyncGenerator<Row> {
  for (const threads of [1, 2]) {
    setThreads(threads)
    for (const [what, sizeOf] of sweeps) {
      for (const factor of factors) {
        const { batch, width, depth } = sizeOf(factor)
        setSeed(1)
        const model = new Sequential([
          Input({ shape: [64] }),
          ...Array.from({ length: depth }, () => new Dense({ units: width, activation: 'relu' })),
          new Dense({ units: 1 }),
        ]).compile({ loss: 'meanSquaredError', optimizer: 'adam' })
        const data = { x: [random.uniform([batch, 64])], y: [random.uniform([batch, 1])], sampleWeight: [] }
        await model.steps.begin()
        const weights = 64 * width + (depth - 1) * width * width + width
        // Forward, both gradients, and the update, which a batch shares.
        const work = 6 * batch * weights + 12 * weights
        yield race({
          topic: 'growth',
          case: `${what} ${what === 'batch' ? batch : what === 'width' ? width : depth}, ${threads} thread${threads > 1 ? 's' : ''}`,
          unit: 'GFLOP/s',
          threads,
          value: (microseconds) => work / microseconds / 1e3,
          ours: () => model.steps.train(data),
          peers: [],
        })
      }
    }
  }
  setThreads()
}
