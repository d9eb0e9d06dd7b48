/** Every way to be faster, switched off or always on, gives the same bits. */
import { applyFormula, backendNames, formulaOps, random, setThreads, threads } from '@typegrad/tensor'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../packages/tensor/src/backends/wasm/limits.ts'
import { runtime } from '../../packages/tensor/src/backends/wasm/start.ts'
import { battery } from '../tensor/battery.ts'
import '../tensor/backends.ts'

const usual = { ...limits }
const count = threads().count
afterEach(() => {
  Object.assign(limits, usual)
  runtime!.growAlways = false
  setThreads(count)
})

/** Elementwise ops on arrays of a size that is staged, shared and cut into vectors with a rest. */
function long(): Record<string, string> {
  const results: Record<string, string> = {}
  const generator = new random.Generator(2)
  for (const dtype of ['float32', 'float64'] as const) {
    const xs = [0, 1, 2].map(() => generator.normal([3, 1021], { dtype }))
    for (const [name, op] of Object.entries(formulaOps)) {
      const bytes = applyFormula(op, op.args.map((_, i) => xs[i % 3])).toTypedArray() // prettier-ignore
      results[`${name} of ${dtype}`] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
    }
    results[`normal ${dtype}`] = generator.normal([1500], { dtype }).toTypedArray().join()
  }
  return results
}

const ways: Readonly<Record<string, () => void>> = {
  'nothing is staged that need not be': () =>
    Object.assign(limits, { light: Infinity, reduce: Infinity, argReduce: Infinity, random: Infinity }),
  'everything is staged': () => Object.assign(limits, { light: 0, reduce: 0, argReduce: 0, random: 8 }),
  'memory grows at every allocation': () => {
    Object.assign(limits, { light: 0, reduce: 0, argReduce: 0, random: 8 })
    runtime!.growAlways = true
  },
  'one thread': () => void setThreads(1),
  'three threads, which share whatever they can': () => {
    Object.assign(limits, {
      light: 0,
      reduce: 0,
      argReduce: 0,
      random: 8,
      parallel: 1,
      grain: 64,
      reduceGrain: 64,
      softmaxGrain: 16,
      copyGrain: 64,
    })
    setThreads(3)
  },
}

describe.runIf(backendNames().includes('wasm'))('the same bits', () => {
  let wanted: Record<string, string>
  let wantedLong: Record<string, string>
  beforeAll(() => {
    wanted = battery('wasm')
    wantedLong = long()
  })

  test.each(Object.entries(ways))('%s', (_, prepare) => {
    prepare()
    expect(battery('wasm')).toEqual(wanted)
    expect(long()).toEqual(wantedLong)
  })

  test('every kernel as a compiled program; logSoftmax along the first axis but for the last bit', () => {
    const compiled = battery('compiled')
    const differ = Object.keys(wanted).filter((name) => compiled[name] !== wanted[name])
    expect(differ.filter((name) => !name.startsWith('logSoftmax'))).toEqual([])
    expect(Object.keys(wanted).length).toBeGreaterThan(1000)
  })
})
