import { formatShape, type DType } from '@typegrad/tensor'
import type { AnyLayer } from './layer.ts'

/** A shape that is known up to the batch: `null` stands for any length. */
export type SymbolicShape = readonly (number | null)[]

/** One call of a layer in a graph of layers. */
export interface Node {
  readonly layer: AnyLayer
  readonly inputs: readonly SymbolicTensor[]
  /** Whether the layer was called on a list. */
  readonly list: boolean
  readonly outputs: readonly SymbolicTensor[]
}

/** What layers are called on to make a functional model: a shape, a dtype, and the call that it comes from. */
export class SymbolicTensor {
  readonly shape: SymbolicShape
  readonly dtype: DType
  /** @internal */
  node?: Node

  constructor(shape: SymbolicShape, dtype: DType = 'float32') {
    this.shape = shape
    this.dtype = dtype
  }

  toString(): string {
    return `SymbolicTensor ${formatShape(this.shape)} ${this.dtype}`
  }
}
