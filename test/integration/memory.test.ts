import { describe, expect, it } from 'vitest'
import { Dense } from '@typegrad/layers'
import { Callback, Sequential } from '@typegrad/model'
import { memory, random, setSeed } from '@typegrad/tensor'

/** Live buffers and bytes after the collector has run and reported. */
async function settled(): Promise<{ buffers: number; bytes: number }> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return memory()
}

describe('memory', () => {
  it('stays flat over 20,000 steps of the thoracic model', { timeout: 120_000 }, async () => {
    setSeed(1)
    const x = random.uniform([160, 16])
    const y = x.sum(1).greater(8).cast('float32')
    const model = new Sequential([
      new Dense({ units: 30, activation: 'relu', inputDim: 16 }),
      new Dense({ units: 1, activation: 'sigmoid' }),
    ])
    model.compile({ loss: 'binary_crossentropy', optimizer: 'adam', metrics: ['accuracy'] })
    const counts: { buffers: number; bytes: number }[] = []
    class Count extends Callback {
      override async onEpochEnd(epoch: number): Promise<void> {
        if (epoch % 400 === 1) counts.push(await settled())
      }
    }
    // 10 steps an epoch: the first count is at step 20, the last at step 20,020.
    await model.fit(x, y, { epochs: 2002, batchSize: 16, verbose: 0, callbacks: [new Count()] })
    expect(counts).toHaveLength(6)
    for (const { buffers, bytes } of counts.slice(1)) {
      // Slabs that happen to be half full move the count by a few.
      expect(buffers).toBeLessThanOrEqual(counts[0].buffers + 4)
      expect(bytes).toBeLessThanOrEqual(counts[0].bytes + 4 * 128 * 1024)
    }
  })
})
