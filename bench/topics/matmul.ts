import { random, setSeed } from '@typegrad/tensor'
import { interleave } from '../measure.ts'
import type { Row } from '../run.ts'

/** Square matrix products in float32, plain and with one operand transposed, in GFLOP/s. */
export async function* matmul(): AsyncGenerator<Row> {
  setSeed(1)
  for (const n of [64, 256]) {
    const [a, b] = [random.normal([n, n]), random.normal([n, n])]
    const timings = await interleave([
      { name: 'NN', run: () => a.matmul(b) },
      { name: 'TN', run: () => a.transpose().matmul(b) },
      { name: 'NT', run: () => a.matmul(b.transpose()) },
    ])
    const rate = (microseconds: number): number => (2 * n ** 3) / microseconds / 1e3
    for (const { name, median, min, max } of timings) {
      yield { topic: 'matmul', case: `${n}³ ${name}`, unit: 'GFLOP/s', ours: rate(median), min: rate(max), max: rate(min) }
    }
  }
}
