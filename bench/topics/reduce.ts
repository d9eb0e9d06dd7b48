import { random, setSeed, type Tensor } from '@typegrad/tensor'
import { mustAgree, race, type Row } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { tfjs } from '../peers/tfjs.ts'
import type { Tensor as Their } from '@tensorflow/tfjs-core'

/** Reductions of a 1024 × 1024 matrix, in millions of elements per second. */
export async function* reduce(): AsyncGenerator<Row> {
  const [tf, jax] = [await tfjs(), await jaxjs()]
  setSeed(1)
  const n = 1024
  const x = random.normal([n, n])
  const tx = tf.tensor2d(x.toTypedArray() as Float32Array, [n, n])
  const jx = jax.numpy.array(x.toArray())
  const jobs: readonly [string, (v: Tensor) => Tensor, (v: typeof tx) => Their, (v: typeof jx) => typeof jx][] = [
    ['sum of all', (v) => v.sum(), (v) => tf.sum(v), (v) => jax.numpy.sum(v)],
    ['sum of rows', (v) => v.sum(1), (v) => tf.sum(v, 1), (v) => jax.numpy.sum(v, 1)],
    ['sum of columns', (v) => v.sum(0), (v) => tf.sum(v, 0), (v) => jax.numpy.sum(v, 0)],
    ['max of rows', (v) => v.max(1), (v) => tf.max(v, 1), (v) => jax.numpy.max(v, 1)],
    ['softmax', (v) => v.softmax(), (v) => tf.softmax(v), (v) => jax.nn.softmax(v)],
  ]
  for (const [name, ours, theirs, jaxs] of jobs) {
    const reference = theirs(tx)
    mustAgree(name, ours(x).toTypedArray(), reference.dataSync(), 1e-3)
    reference.dispose()
    const compiled = jax.jit(jaxs)
    yield race({
      topic: 'reduce',
      case: name,
      unit: 'M/s',
      value: (microseconds) => (n * n) / microseconds,
      ours: () => ours(x),
      peers: [
        { name: 'tfjs-wasm', run: () => theirs(tx).dispose() },
        { name: 'jax-js', run: () => finished(compiled(jx.ref)) },
      ],
    })
  }
}
