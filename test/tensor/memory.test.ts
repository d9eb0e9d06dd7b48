/** Memory: what eager code makes in a synchronous loop is reclaimed while the loop runs. */
import { valueAndGrad } from '@typegrad/autograd'
import { memory, random, tensor, update, updateKernel, Variable, zeros } from '@typegrad/tensor'
import { describe, expect, test } from 'vitest'
import { isPlain, onEveryBackend } from './backends.ts'

/** Collects garbage; the memory of arrays is swept on the side, which the next collection waits for. */
function collect(): void {
  for (let i = 0; i < 3; i++) globalThis.gc!()
}
const arrayBytes = (): number => {
  collect()
  return process.memoryUsage().arrayBuffers
}
/** Lets the collector report what is gone, which it does between jobs. */
async function settled(): Promise<ReturnType<typeof memory>> {
  for (let i = 0; i < 5; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return memory()
}

onEveryBackend((backend) => {
  // Where memory moves at every turn, a step takes ten times as long.
  const steps = isPlain(backend) ? 20_000 : 2000
  test(`${steps} training steps in one synchronous loop: memory is flat after step 10`, async () => {
    const generator = new random.Generator(1)
    const [x, y] = [generator.normal([4, 3]), generator.uniform([4, 1])]
    const weights = [generator.normal([3, 6]), zeros([6]), generator.normal([6, 1])].map((value) => new Variable(value))
    const [w1, b1, w2] = weights
    const descend = updateKernel(['w'], ['g', 'rate'], { w: 'w - rate * g' })
    const step = (): number => {
      const loss = () => x.matmul(w1).add(b1).relu().matmul(w2).sub(y).square().mean()
      const { value, grads } = valueAndGrad(loss, weights)
      weights.forEach((w, i) => update(descend, { w }, { g: grads[i], rate: 0.01 }))
      return value.item()
    }
    const run = (count: number): number => {
      let loss = NaN
      for (let i = 0; i < count; i++) loss = step()
      return loss
    }
    const first = run(10)
    const [before, countedBefore] = [arrayBytes(), await settled()]
    const last = run(steps)
    // A slab more or less; without collection within the job it would be hundreds of MiB.
    expect(arrayBytes() - before).toBeLessThan(512 * 1024)
    const counted = await settled()
    expect(counted.buffers - countedBefore.buffers).toBeLessThan(8)
    expect(counted.bytes - countedBefore.bytes).toBeLessThan(512 * 1024)
    expect(last).toBeLessThan(first)
  })

  test('large arrays in a loop are reclaimed too', () => {
    const x = zeros([64 * 1024])
    const before = arrayBytes()
    for (let i = 0; i < 500; i++) x.add(i).sum()
    expect(arrayBytes() - before).toBeLessThan(2 * 1024 * 1024)
  })
})

describe('memory()', () => {
  test('counts host buffers while they live', async () => {
    const { buffers, bytes } = await settled()
    let kept: unknown[] = Array.from({ length: 3 }, () => tensor(new Float32Array(5000)))
    expect(memory()).toEqual({ buffers: buffers + 3, bytes: bytes + 3 * 20_000 })
    kept = []
    expect(await settled()).toEqual({ buffers: buffers + kept.length, bytes })
  })

  test('small tensors share a buffer', async () => {
    await settled()
    const before = memory().buffers
    const many = Array.from({ length: 100 }, (_, i) => tensor([i]))
    expect(memory().buffers - before).toBeLessThanOrEqual(1)
    expect(many.every((t, i) => t.item() === i)).toBe(true)
  })
})
