import { random, setSeed, setThreads } from '@typegrad/tensor'
import { mustAgree, race, type Row } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { pythonHas, pythonMicroseconds } from '../peers/python.ts'
import { tfjs } from '../peers/tfjs.ts'

const jobs: readonly {
  name: string
  batch?: number
  m: number
  n: number
  k: number
  ta?: boolean
  tb?: boolean
  threads?: number
}[] = [
  ...[64, 512, 1024].flatMap((n) =>
    [1, 2]
      .filter((threads) => threads === 1 || n > 64)
      .flatMap((threads) => [
        { name: `${n}³ NN`, m: n, n, k: n, threads },
        { name: `${n}³ TN`, m: n, n, k: n, ta: true, threads },
        { name: `${n}³ NT`, m: n, n, k: n, tb: true, threads },
      ]),
  ),
  { name: '63³ NN', m: 63, n: 63, k: 63 },
  { name: '513³ NN', m: 513, n: 513, k: 513 },
  { name: '520³ NN', m: 520, n: 520, k: 520 },
  { name: '64 × 64³', batch: 64, m: 64, n: 64, k: 64 },
  { name: '16×16 · 16×30', m: 16, n: 30, k: 16 },
]

/** Matrix products in float32, in GFLOP/s. */
export async function* gemm(): AsyncGenerator<Row> {
  const [tf, jax] = [await tfjs(), await jaxjs()]
  setSeed(1)
  for (const { name, batch, m, n, k, ta = false, tb = false, threads = 1 } of jobs) {
    const lead = batch === undefined ? [] : [batch]
    const a = random.normal([...lead, ...(ta ? [k, m] : [m, k])])
    const b = random.normal([...lead, ...(tb ? [n, k] : [k, n])])
    const ours = () => (ta ? a.swapaxes(-1, -2) : a).matmul(tb ? b.swapaxes(-1, -2) : b)
    const [x, y] = [tf.tensor(a.toTypedArray(), [...a.shape]), tf.tensor(b.toTypedArray(), [...b.shape])]
    const theirs = () => tf.matMul(x, y, ta, tb)
    const [p, q] = [jax.numpy.array(a.toArray()), jax.numpy.array(b.toArray())]
    const turn = (v: typeof p): typeof p => jax.numpy.swapaxes(v, -1, -2)
    const product = jax.jit((u: typeof p, v: typeof p) => jax.numpy.matmul(ta ? turn(u) : u, tb ? turn(v) : v))
    setThreads(threads)
    const reference = theirs()
    mustAgree(name, ours().toTypedArray(), reference.dataSync())
    mustAgree(`${name}, jax-js`, reference.dataSync(), product(p.ref, q.ref).dataSync())
    reference.dispose()
    const floats = 2 * m * n * k * (batch ?? 1)
    yield race({
      topic: 'gemm',
      case: `${name}, ${threads} thread${threads > 1 ? 's' : ''}`,
      unit: 'GFLOP/s',
      threads,
      value: (microseconds) => floats / microseconds / 1e3,
      ours,
      peers:
        threads > 1
          ? []
          : [
              { name: 'tfjs-wasm', run: () => theirs().dispose() },
              { name: 'jax-js', run: () => finished(product(p.ref, q.ref)) },
            ],
      measured: threads > 1 || !pythonHas('numpy') ? {} : { numpy: pythonMicroseconds(numpyProduct(a.shape, b.shape, ta, tb)) },
    })
    x.dispose()
    y.dispose()
    p.dispose()
    q.dispose()
  }
  setThreads()
}

const numpyProduct = (a: readonly number[], b: readonly number[], ta: boolean, tb: boolean): string => `
import numpy as np
a = np.random.rand(${a.join(', ')}).astype(np.float32)
b = np.random.rand(${b.join(', ')}).astype(np.float32)
run = lambda: np.matmul(${ta ? 'np.swapaxes(a, -1, -2)' : 'a'}, ${tb ? 'np.swapaxes(b, -1, -2)' : 'b'})
`
