import { csr, IndexError, optionsOf, ValueError, type SparseTensor, type Tensor } from '@typegrad/tensor'
import { wrap } from '../wrap.ts'

export interface VectorizeSequencesOptions {
  /** Stores the ones only, which models that begin with Dense train on as on the whole matrix. @defaultValue `false` */
  readonly sparse?: boolean
}

/**
 * Multi-hot rows: element `[i, j]` is 1 if sequence `i` holds the number `j`, else 0; float32 of shape
 * `[sequences.length, dimension]`.
 * @throws {@link IndexError} for a number that is not an integer in `[0, dimension)`
 */
export function vectorizeSequences(
  sequences: ArrayLike<ArrayLike<number>>,
  dimension: number | undefined,
  options: VectorizeSequencesOptions & { readonly sparse: true },
): SparseTensor
export function vectorizeSequences(
  sequences: ArrayLike<ArrayLike<number>>,
  dimension?: number,
  options?: VectorizeSequencesOptions,
): Tensor
export function vectorizeSequences(
  sequences: ArrayLike<ArrayLike<number>>,
  dimension = 10_000,
  options?: VectorizeSequencesOptions,
): Tensor {
  const { sparse } = optionsOf('vectorizeSequences', options, { sparse: false })
  if (!Number.isInteger(dimension) || dimension < 1) {
    throw new ValueError(`vectorizeSequences: dimension must be a positive integer, got ${dimension}`, { dimension })
  }
  const shape = [sequences.length, dimension]
  if (!sparse) {
    const out = new Float32Array(sequences.length * dimension)
    for (let i = 0; i < sequences.length; i++) visit(sequences[i], i, dimension, (j) => (out[i * dimension + j] = 1))
    return wrap(out, shape)
  }
  const indptr = new Int32Array(sequences.length + 1)
  const indices = new Int32Array(Array.from(sequences).reduce((sum, { length }) => sum + length, 0))
  // The row that a number was seen in last.
  const seen = new Int32Array(dimension).fill(-1)
  for (let i = 0, count = 0; i < sequences.length; i++) {
    visit(sequences[i], i, dimension, (j) => {
      if (seen[j] !== i) indices[count++] = j
      seen[j] = i
    })
    indptr[i + 1] = count
    indices.subarray(indptr[i], count).sort()
  }
  return csr({ shape, indptr, indices: indices.subarray(0, indptr[sequences.length]) })
}

function visit(sequence: ArrayLike<number>, row: number, dimension: number, take: (j: number) => void): void {
  for (let k = 0; k < sequence.length; k++) {
    const j = sequence[k]
    if (!(j >= 0 && j < dimension && Number.isInteger(j))) {
      throw new IndexError(`vectorizeSequences: row ${row} holds ${j} at ${k}, expected an integer in [0, ${dimension})`, {
        row,
        index: k,
      })
    }
    take(j)
  }
}
