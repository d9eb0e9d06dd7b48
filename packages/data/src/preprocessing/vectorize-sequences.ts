import { IndexError, ValueError, type Tensor } from '@typegrad/tensor'
import { wrap } from '../wrap.ts'

/**
 * Multi-hot rows: element `[i, j]` is 1 if sequence `i` holds the number `j`, else 0; float32 of shape
 * `[sequences.length, dimension]`.
 * @throws {@link IndexError} for a number that is not an integer in `[0, dimension)`
 */
export function vectorizeSequences(sequences: ArrayLike<ArrayLike<number>>, dimension = 10_000): Tensor {
  if (!Number.isInteger(dimension) || dimension < 1) {
    throw new ValueError(`vectorizeSequences: dimension must be a positive integer, got ${dimension}`, { dimension })
  }
  const out = new Float32Array(sequences.length * dimension)
  for (let i = 0; i < sequences.length; i++) {
    const sequence = sequences[i]
    for (let k = 0; k < sequence.length; k++) {
      const j = sequence[k]
      if (!(j >= 0 && j < dimension && Number.isInteger(j))) {
        throw new IndexError(`vectorizeSequences: row ${i} holds ${j} at ${k}, expected an integer in [0, ${dimension})`, {
          row: i,
          index: k,
        })
      }
      out[i * dimension + j] = 1
    }
  }
  return wrap(out, [sequences.length, dimension])
}
