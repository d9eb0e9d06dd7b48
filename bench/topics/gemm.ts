import { random, setSeed, setThreads, type Tensor } from '@typegrad/tensor'
import type { Race } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { tfjs } from '../peers/tfjs.ts'

interface Job {
  readonly name: string
  readonly batch?: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly ta?: boolean
  readonly tb?: boolean
}

const square = (n: number): Job => ({ name: `${n}³ NN`, m: n, n, k: n })
const squares = (n: number): Job[] => [
  square(n),
  { ...square(n), name: `${n}³ TN`, ta: true },
  { ...square(n), name: `${n}³ NT`, tb: true },
]
const batched: Job = { name: '64 × 64³', batch: 64, m: 64, n: 64, k: 64 }

/** The jobs, and on how many threads. */
const runs: readonly [Job, threads: number][] = [
  ...squares(64).map((job): [Job, number] => [job, 1]),
  ...[512, 1024].flatMap((n) => [1, 2].flatMap((threads) => squares(n).map((job): [Job, number] => [job, threads]))),
  ...[63, 513, 520].map((n): [Job, number] => [square(n), 1]),
  [batched, 1],
  [batched, 2],
  [{ name: '16×16 · 16×30', m: 16, n: 30, k: 16 }, 1],
]

function shapesOf({ batch, m, n, k, ta, tb }: Job): [number[], number[]] {
  const lead = batch === undefined ? [] : [batch]
  return [
    [...lead, ...(ta ? [k, m] : [m, k])],
    [...lead, ...(tb ? [n, k] : [k, n])],
  ]
}

function operands(job: Job): Tensor[] {
  setSeed(1)
  return shapesOf(job).map((shape) => random.normal(shape))
}

const numpyProduct = (job: Job): string => {
  const [a, b] = shapesOf(job)
  return `
import numpy as np
a = np.random.rand(${a.join(', ')}).astype(np.float32)
b = np.random.rand(${b.join(', ')}).astype(np.float32)
run = lambda: np.matmul(${job.ta ? 'np.swapaxes(a, -1, -2)' : 'a'}, ${job.tb ? 'np.swapaxes(b, -1, -2)' : 'b'})
`
}

function raceOf(job: Job, threads: number): Race {
  const { name, batch = 1, m, n, k, ta = false, tb = false } = job
  const floats = 2 * m * n * k * batch
  return {
    case: `${name}, ${threads} thread${threads > 1 ? 's' : ''}`,
    unit: 'GFLOP/s',
    threads,
    value: (microseconds) => floats / microseconds / 1e3,
    contestants: {
      typegrad() {
        setThreads(threads)
        const [a, b] = operands(job)
        const run = () => (ta ? a.swapaxes(-1, -2) : a).matmul(tb ? b.swapaxes(-1, -2) : b)
        return { run, result: run().toTypedArray() }
      },
      // It has no threads in Node.
      async 'tfjs-wasm'() {
        const tf = await tfjs()
        const [x, y] = operands(job).map((v) => tf.tensor(v.toTypedArray(), [...v.shape]))
        const product = () => tf.matMul(x, y, ta, tb)
        return { run: () => product().dispose(), result: product().dataSync() }
      },
      ...(threads === 1 && {
        async 'jax-js'() {
          const jax = await jaxjs()
          const [x, y] = operands(job).map((v) => jax.numpy.array(v.toArray()))
          const turn = (v: typeof x): typeof x => jax.numpy.swapaxes(v, -1, -2)
          const product = jax.jit((u: typeof x, v: typeof x) => jax.numpy.matmul(ta ? turn(u) : u, tb ? turn(v) : v))
          return { run: () => finished(product(x.ref, y.ref)), result: product(x.ref, y.ref).dataSync() }
        },
        numpy: numpyProduct(job),
      }),
    },
  }
}

/** Matrix products in float32. */
export const races: readonly Race[] = runs.map(([job, threads]) => raceOf(job, threads))
