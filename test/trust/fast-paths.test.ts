/** Every way to be faster, switched off or always on, gives the same bits. */
import { applyFormula, backendNames, formulaOps, random, setThreads, type Tensor, threads } from '@typegrad/tensor'
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

/** Elementwise ops on arrays of a size that is staged, shared and cut into vectors with a rest; as they are, and as rows and columns. */
function long(): Record<string, string> {
  const results: Record<string, string> = {}
  const generator = new random.Generator(2)
  for (const dtype of ['float32', 'float64'] as const) {
    const draw = (...shape: number[]): Tensor => generator.normal(shape, { dtype })
    const operands: Record<string, Tensor[]> = {
      whole: [0, 1, 2].map(() => draw(3, 1021)),
      'of rows with a rest': [draw(3, 1021), draw(1021), draw(3, 1), draw(1021, 3).transpose()],
      'of rows of whole vectors': [draw(20), draw(48, 20), draw(20, 48).transpose(), draw(48, 1)],
    }
    for (const [name, op] of Object.entries(formulaOps)) {
      for (const [form, xs] of Object.entries(operands)) {
        const bytes = applyFormula(op, op.args.map((_, i) => xs[i % xs.length])).toTypedArray() // prettier-ignore
        results[`${name} of ${dtype}, ${form}`] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
      }
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
  'one thread, piece by piece': () => {
    Object.assign(limits, { light: 0, piece: 100 })
    setThreads(1)
  },
  'three threads, which share whatever they can': () => {
    Object.assign(limits, {
      light: 0,
      reduce: 0,
      argReduce: 0,
      random: 8,
      parallel: 1,
      piece: 100,
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
