import { optionsOf, tensor, ValueError, type Filled, type Tensor, type TensorLike } from '@typegrad/tensor'
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

/** Batches, which can be looped over again and again: each loop is one epoch. */
export interface Batches extends Iterable<Tensor[]> {
  /** The number of batches of an epoch. */
  readonly length: number
}

/** @internal */
export const batchDefaults = { batchSize: 32, shuffle: false, seed: undefined, dropRemainder: false }

/**
 * Cuts arrays along their first axis into batches. Each loop over the result is one epoch, in which every sample comes
 * exactly once: `for (const [x, y] of batches([xTrain, yTrain], { batchSize: 32, shuffle: true })) …`
 */
export function batches(arrays: readonly TensorLike[], given?: BatchesOptions): Batches {
  const { tensors, samples } = toSamples(arrays, 'batches')
  const options = optionsOf('batches', given, batchDefaults)
  return inBatches('batches', samples, options, (positions) => {
    if (options.shuffle) return tensors.map((t) => t.take(tensor(positions), 0))
    const [from, to] = [positions[0], positions[0] + positions.length]
    return tensors.map((t) => t.slice([from, to]))
  })
}

/** @internal The numbers from 0 to `samples`, in order or shuffled anew in every epoch, as batches: `make` gives the arrays of those of one batch. */
export function inBatches(
  op: string,
  samples: number,
  { batchSize, shuffle, seed, dropRemainder }: Filled<BatchesOptions, typeof batchDefaults>,
  make: (positions: Int32Array) => Tensor[],
): Batches {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ValueError(`${op}: batchSize must be a positive integer, got ${batchSize}`, { batchSize })
  const length = dropRemainder ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize)
  const source = permutations(seed)
  return {
    length,
    *[Symbol.iterator](): Iterator<Tensor[]> {
      const order = shuffle ? shuffled(samples, source) : Int32Array.from({ length: samples }, (_, i) => i)
      for (let i = 0; i < length; i++) yield make(order.slice(i * batchSize, (i + 1) * batchSize))
    },
  }
}
