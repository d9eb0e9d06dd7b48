import { Dense } from '@typegrad/layers'
import { Sequential, type Batch } from '@typegrad/model'
import { random, setSeed } from '@typegrad/tensor'
import { interleave } from '../measure.ts'
import type { Row } from '../run.ts'

/** One training step (forward, backward, Adam) of small dense nets, in microseconds. */
export async function* train(): AsyncGenerator<Row> {
  const jobs = [
    { name: '16-30-1, batch 16', sizes: [16, 30, 1], batch: 16 },
    { name: '17-60-30-1, batch 20', sizes: [17, 60, 30, 1], batch: 20 },
  ]
  for (const { name, sizes, batch } of jobs) {
    setSeed(1)
    const model = new Sequential(
      sizes.slice(1).map((units, i) => {
        const last = i === sizes.length - 2
        return new Dense({ units, activation: last ? 'sigmoid' : 'relu', ...(i === 0 ? { inputDim: sizes[0] } : {}) })
      }),
    ).compile({ loss: 'binary_crossentropy', optimizer: 'adam' })
    const data: Batch = { x: [random.uniform([batch, sizes[0]])], y: [random.bernoulli([batch, 1])], sampleWeight: [] }
    const [{ median, min, max }] = await interleave([{ name, run: () => model.trainStep(data) }])
    yield { topic: 'train', case: name, unit: 'µs/step', ours: median, min, max }
  }
}
