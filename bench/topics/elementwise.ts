import { random, setSeed, type Tensor } from '@typegrad/tensor'
import type * as Jax from '@jax-js/jax'
import type * as Tf from '@tensorflow/tfjs-core'
import type { Race } from '../case.ts'
import { finished, jaxjs } from '../peers/jax.ts'
import { tfjs } from '../peers/tfjs.ts'

/** A function of one tensor, in three libraries. */
export interface Trio {
  readonly ours: (x: Tensor) => Tensor
  readonly tf: (x: Tf.Tensor, tf: typeof Tf) => Tf.Tensor
  readonly jax: (x: Jax.Array, jax: typeof Jax) => Jax.Array
}

/** The race of a function of random normal numbers, in millions of elements per second. */
export function raceOf(name: string, shape: readonly number[], { ours, tf: ofTf, jax: ofJax }: Trio, tolerance?: number): Race {
  const size = shape.reduce((a, b) => a * b, 1)
  const data = (): Tensor => {
    setSeed(1)
    return random.normal([...shape])
  }
  const agreed = tolerance === undefined ? {} : { tolerance }
  return {
    case: name,
    unit: 'M/s',
    value: (microseconds) => size / microseconds,
    contestants: {
      typegrad() {
        const x = data()
        return { run: () => ours(x), result: ours(x).toTypedArray() }
      },
      async 'tfjs-wasm'() {
        const tf = await tfjs()
        const x = tf.tensor(data().toTypedArray(), [...shape])
        return { run: () => ofTf(x, tf).dispose(), result: ofTf(x, tf).dataSync(), ...agreed }
      },
      async 'jax-js'() {
        const jax = await jaxjs()
        const x = jax.numpy.array(data().toTypedArray(), { shape: [...shape] })
        const compiled = jax.jit((v: Jax.Array) => ofJax(v, jax))
        return { run: () => finished(compiled(x.ref)), result: compiled(x.ref).dataSync(), ...agreed }
      },
    },
  }
}

const functions: Readonly<Record<string, Trio>> = {
  add: { ours: (x) => x.add(x), tf: (x, tf) => tf.add(x, x), jax: (x) => x.ref.add(x) },
  relu: { ours: (x) => x.relu(), tf: (x, tf) => tf.relu(x), jax: (x, jax) => jax.nn.relu(x) },
  exp: { ours: (x) => x.exp(), tf: (x, tf) => tf.exp(x), jax: (x, jax) => jax.numpy.exp(x) },
  tanh: { ours: (x) => x.tanh(), tf: (x, tf) => tf.tanh(x), jax: (x, jax) => jax.numpy.tanh(x) },
  sigmoid: { ours: (x) => x.sigmoid(), tf: (x, tf) => tf.sigmoid(x), jax: (x, jax) => jax.nn.sigmoid(x) },
  softplus: { ours: (x) => x.softplus(), tf: (x, tf) => tf.softplus(x), jax: (x, jax) => jax.nn.softplus(x) },
}

/** Elementwise ops on a million float32 numbers. */
export const races: readonly Race[] = Object.entries(functions).map(([name, trio]) => raceOf(name, [1 << 20], trio))
