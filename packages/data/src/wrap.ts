import { internals, Tensor } from '@typegrad/tensor'

/** A tensor over row-major `data` that nobody else has, without a copy. */
export function wrap(data: Float32Array | Float64Array | Int32Array | Uint8Array, shape: readonly number[]): Tensor {
  return new Tensor(internals.ownBuffer(data), internals.contiguousLayout([...shape]), internals.dtypeOfArray(data)!)
}
