/** Reductions and formulas that are large enough for blocks, tasks, pieces and threads, against the cpu backend. */
import { random, setBackend, setThreads, tensor, type Tensor } from '@typegrad/tensor'
import { afterEach, describe, expect, test } from 'vitest'

afterEach(() => {
  setBackend('wasm')
  setThreads()
})

/** Of every length of the last axis there is a rest of a vector, and of a task. */
const shapes = [[9, 131, 67], [70, 1, 1023], [40_000, 3], [3, 70_001], [65, 66, 5, 4]] // prettier-ignore

const views: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  'as they lie': (x) => x,
  transposed: (x) => x.transpose(),
  'every other one': (x) => x.slice(null, [null, null, 2]),
  backwards: (x) => x.flip(-1),
}

/** What is computed of x: by every single axis, and of all. */
function results(x: Tensor): Float64Array[] {
  const axes = [null, ...Array.from({ length: x.rank }, (_, axis) => axis)]
  const all = axes.flatMap((axis) => [
    x.sum(axis),
    x.mean(axis),
    x.max(axis),
    x.min(axis),
    x.norm(axis),
    x.argmax(axis),
    x.argmin(axis),
  ])
  return [...all, x.log(), x.pow(0.3), x.xlogy(x), x.softmax(), x.logSoftmax()].map((y) => Float64Array.from(y.toTypedArray()))
}

describe.each(shapes.map((shape) => ({ shape })))('$shape', ({ shape }) => {
  test.each(Object.entries(views))('%s', (_, view) => {
    for (const [dtype, tolerance] of [
      ['float32', 1e-6],
      ['float64', 1e-13],
    ] as const) {
      // prettier-ignore
      setBackend('cpu')
      // Far from 0, where a sum in float32 would lose digits.
      const x = view(new random.Generator(1).uniform(shape, { low: 250, high: 320, dtype }))
      const wanted = results(x)
      setBackend('wasm')
      setThreads(1)
      const got = results(x)
      got.forEach((values, which) => {
        expect(values.length).toBe(wanted[which].length)
        // A logarithm is the difference of numbers of the size of 1.
        const least = which === got.length - 1 ? 1 : 0
        const size = (i: number): number => Math.max(least, Math.abs(wanted[which][i]))
        const wrong = values.findIndex((value, i) => !(Math.abs(value - wanted[which][i]) <= tolerance * size(i)))
        expect(wrong, `result ${which} differs at ${wrong}: ${values[wrong]} for ${wanted[which][wrong]}`).toBe(-1)
      })
      for (const threads of [2, 3]) {
        setThreads(threads)
        const same = results(x).every((values, which) => Buffer.compare(bytesOf(values), bytesOf(got[which])) === 0)
        expect(same).toBe(true)
      }
    }
  })
})

const bytesOf = (values: Float64Array): Uint8Array => new Uint8Array(values.buffer)

test('NaN wins wherever it lies, and the first of equals is the position', () => {
  for (let at = 0; at < 700; at += 23) {
    const line = Float32Array.from({ length: 700 }, (_, i) => i % 5)
    const equal = tensor(line)
    expect(equal.argmax().item()).toBe(4)
    expect(equal.argmin().item()).toBe(0)
    line[at] = NaN
    const x = tensor(line)
    expect([x.max().item(), x.min().item(), x.sum().item()]).toEqual([NaN, NaN, NaN])
    expect([x.argmax().item(), x.argmin().item()]).toEqual([at, at])
    const columns = x.reshape([35, 20])
    expect(columns.argmax(0).toArray()[at % 20]).toBe(Math.floor(at / 20))
  }
})
