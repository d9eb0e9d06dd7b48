import type { Race } from '../case.ts'
import { raceOf, type Trio } from './elementwise.ts'

const functions: Readonly<Record<string, Trio>> = {
  'sum of all': { ours: (x) => x.sum(), tf: (x, tf) => tf.sum(x), jax: (x, jax) => jax.numpy.sum(x) },
  'sum of rows': { ours: (x) => x.sum(1), tf: (x, tf) => tf.sum(x, 1), jax: (x, jax) => jax.numpy.sum(x, 1) },
  'sum of columns': { ours: (x) => x.sum(0), tf: (x, tf) => tf.sum(x, 0), jax: (x, jax) => jax.numpy.sum(x, 0) },
  'max of rows': { ours: (x) => x.max(1), tf: (x, tf) => tf.max(x, 1), jax: (x, jax) => jax.numpy.max(x, 1) },
  softmax: { ours: (x) => x.softmax(), tf: (x, tf) => tf.softmax(x), jax: (x, jax) => jax.nn.softmax(x) },
}

/** Reductions of a 1024 × 1024 matrix of float32 numbers. */
export const races: readonly Race[] = Object.entries(functions).map(([name, trio]) => raceOf(name, [1024, 1024], trio, 1e-3))
