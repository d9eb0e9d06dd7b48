import { random, setSeed, type Tensor } from '@typegrad/tensor'
import { mustAgree, race, type Row } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { tfjs } from '../peers/tfjs.ts'

/** Elementwise ops on a million float32 numbers, in millions of elements per second. */
export async function* elementwise(): AsyncGenerator<Row> {
  const [tf, jax] = [await tfjs(), await jaxjs()]
  setSeed(1)
  const size = 1 << 20
  const x = random.normal([size])
  const tx = tf.tensor(x.toTypedArray())
  const jx = jax.numpy.array(x.toTypedArray())
  const jobs: readonly [string, (v: Tensor) => Tensor, (v: typeof tx) => typeof tx, (v: typeof jx) => typeof jx][] = [
    ['add', (v) => v.add(v), (v) => tf.add(v, v), (v) => v.ref.add(v)],
    ['relu', (v) => v.relu(), (v) => tf.relu(v), (v) => jax.nn.relu(v)],
    ['exp', (v) => v.exp(), (v) => tf.exp(v), (v) => jax.numpy.exp(v)],
    ['tanh', (v) => v.tanh(), (v) => tf.tanh(v), (v) => jax.numpy.tanh(v)],
    ['sigmoid', (v) => v.sigmoid(), (v) => tf.sigmoid(v), (v) => jax.nn.sigmoid(v)],
    ['softplus', (v) => v.softplus(), (v) => tf.softplus(v), (v) => jax.nn.softplus(v)],
  ]
  for (const [name, ours, theirs, jaxs] of jobs) {
    const reference = theirs(tx)
    mustAgree(name, ours(x).toTypedArray(), reference.dataSync())
    reference.dispose()
    const compiled = jax.jit(jaxs)
    yield race({
      topic: 'elementwise',
      case: name,
      unit: 'M/s',
      value: (microseconds) => size / microseconds,
      ours: () => ours(x),
      peers: [
        { name: 'tfjs-wasm', run: () => theirs(tx).dispose() },
        { name: 'jax-js', run: () => finished(compiled(jx.ref)) },
      ],
    })
  }
}
