import { tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import { toSamples } from './samples.ts'
import { permutations, shuffled } from './shuffle.ts'

export interface BatchesOptions {
  /** Samples of a batch; the last one may have fewer. @defaultValue 32 */
  batchSize?: number
  /** Whether to shuffle, anew in every epoch. @defaultValue false */
  shuffle?: boolean
  /** Seed of the shuffles. @defaultValue the next of the global stream */
  seed?: number
  /** Leave out a last batch that is not full. @defaultValue false */
  dropRemainder?: boolean
}

/**
 * Cuts arrays along their first axis into batches. Each loop over the result is one epoch, in which every sample comes
 * exactly once: `for (const [x, y] of batches([xTrain, yTrain], { batchSize: 32, shuffle: true })) …`
 */
export function batches(
  arrays: readonly TensorLike[],
  options: BatchesOptions = {},
): Iterable<Tensor[]> & { readonly length: number } {
  const { batchSize = 32, shuffle = false, seed, dropRemainder = false } = options
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ValueError(`batches: batchSize must be a positive integer, got ${batchSize}`, { batchSize })
  const { tensors, samples } = toSamples(arrays, 'batches')
  const length = dropRemainder ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize)
  const source = permutations(seed)
  return {
    length,
    *[Symbol.iterator](): Iterator<Tensor[]> {
      const order = shuffle ? shuffled(samples, source) : undefined
      for (let i = 0; i < length; i++) {
        // The last one ends where the samples do.
        const [from, to] = [i * batchSize, (i + 1) * batchSize]
        const rows = order && tensor(order.slice(from, to))
        yield tensors.map((t) => (rows ? t.take(rows, 0) : t.slice([from, to])))
      }
    },
  }
}
