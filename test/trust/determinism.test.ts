/** The same seed gives the same bits: over runs, over numbers of threads, for slices of a batch; and close ones on another backend. */
import { readFileSync } from 'node:fs'
import { grad } from '@typegrad/autograd'
import { random, setBackend, setDeterministic, setThreads, tensor, threads, type Tensor } from '@typegrad/tensor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hash, train, trainingRuns } from './runs.ts'

/** Those of Node 20, 22 and 24 and of Chromium (`browser.ts`). */
const { hashes: golden } = JSON.parse(readFileSync(new URL('../golden/determinism.json', import.meta.url), 'utf8')) as {
  hashes: Record<string, string>
}

const before = threads().count
afterAll(() => {
  setThreads(before)
  setDeterministic(false)
})

describe.each(Object.keys(trainingRuns))('%s', (name) => {
  beforeAll(() => setDeterministic(true))

  test('two runs, and 1, 2, 3, 4 and 8 threads, give the bits that every engine gives', async () => {
    const hashes = []
    for (const count of [1, 1, 2, 3, 4, 8]) {
      setThreads(count)
      hashes.push(await hash(await train(name)))
    }
    expect(new Set(hashes)).toEqual(new Set([golden[name]]))
    console.info(`hash of ${name}: ${hashes[0]}`)
    expect(await hash(await train(name, 2))).not.toBe(hashes[0])
  })

  test('the reference backend gives the same weights to float32 rounding', async () => {
    const fast = await train(name)
    const previous = setBackend('cpu')
    const slow = await train(name).finally(() => setBackend(previous))
    for (const [i, w] of fast.entries()) {
      const scale = Math.max(1e-3, slow[i].abs().max().item())
      expect(w.sub(slow[i]).abs().max().item() / scale).toBeLessThan(2e-2)
    }
  })
})

test('a row of a product, and a slice of a batch, are those of the whole', () => {
  const generator = new random.Generator(4)
  for (const [m, k, n] of [
    [5, 7, 3],
    [64, 64, 64],
    [33, 129, 65],
    [130, 40, 9],
  ]) {
    // prettier-ignore
    const [a, b] = [generator.normal([2, m, k]), generator.normal([2, k, n])]
    const y = a.matmul(b)
    expect(Array.from(a.slice(1).matmul(b.slice(1)).toTypedArray())).toEqual(Array.from(y.slice(1).toTypedArray()))
    const row = a.slice(0, [2, 3]).matmul(b.slice(0))
    const error = row
      .sub(y.slice(0, [2, 3]))
      .abs()
      .max()
      .item()
    expect(error).toBeLessThan(1e-5 * Math.sqrt(k))
    const x = generator.normal([m, k])
    expect(Array.from(x.slice([1, 3]).tanh().toTypedArray())).toEqual(Array.from(x.tanh().slice([1, 3]).toTypedArray()))
    expect(Array.from(x.slice([1, 3]).softmax().toTypedArray())).toEqual(Array.from(x.softmax().slice([1, 3]).toTypedArray()))
  }
})

test('gradients of unequal shards, weighted by their samples, add up to that of the batch', () => {
  const generator = new random.Generator(11)
  const draw = (shape: number[]): Tensor => tensor(generator.normal(shape), { dtype: 'float64' })
  const [x, y, weights] = [draw([37, 5]), draw([37, 2]), draw([37]).square()]
  const w = draw([5, 2])
  const slopes = (from: number, to: number): Tensor => {
    const total = weights.slice([from, to]).sum()
    return grad((w: Tensor) => {
      const errors = x
        .slice([from, to])
        .matmul(w)
        .tanh()
        .sub(y.slice([from, to]))
        .square()
        .sum(1)
      return errors
        .mul(weights.slice([from, to]))
        .sum()
        .div(total)
    })(w).mul(total)
  }
  const shards = [slopes(0, 16), slopes(16, 32), slopes(32, 37)].reduce((a, b) => a.add(b))
  const whole = slopes(0, 37)
  expect(shards.sub(whole).abs().max().item() / whole.abs().max().item()).toBeLessThan(1e-12)
})
