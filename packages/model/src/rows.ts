import type { Tensor } from '@typegrad/tensor'
import { onHost } from './device.ts'

/** One step's data: an array per input and output, and weights of the samples (or none). */
export interface Batch {
  readonly x: readonly Tensor[]
  readonly y: readonly Tensor[]
  readonly sampleWeight: readonly Tensor[]
}

/** A batch that is picked where it is computed: rows of arrays. */
export class Rows implements Batch {
  readonly arrays: Batch
  /** Row numbers, int32. */
  readonly rows: Tensor
  #picked: Batch | undefined

  constructor(arrays: Batch, rows: Tensor) {
    this.arrays = arrays
    this.rows = rows
  }

  get x(): readonly Tensor[] {
    return this.#pick().x
  }

  get y(): readonly Tensor[] {
    return this.#pick().y
  }

  get sampleWeight(): readonly Tensor[] {
    return this.#pick().sampleWeight
  }

  #pick(): Batch {
    return (this.#picked ??= pickRows(this.arrays, this.rows))
  }
}

export const pickRows = ({ x, y, sampleWeight }: Batch, rows: Tensor): Batch => ({
  x: x.map((array) => pick(array, rows)),
  y: y.map((array) => pick(array, rows)),
  sampleWeight: sampleWeight.map((array) => pick(array, rows)),
})

/** Of an array on the host, only the rows go to a device. */
const pick = (array: Tensor, rows: Tensor): Tensor =>
  array.buffer.device === 'host' ? onHost(() => array.take(rows)) : array.take(rows)
