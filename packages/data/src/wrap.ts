import { internals, Tensor } from '@typegrad/tensor'

/** A tensor over row-major `data` that nobody else has, without a copy. */
export function wrap(data: Float32Array | Float64Array | Int32Array, shape: readonly number[]): Tensor {
  const dtype = data instanceof Float32Array ? 'float32' : data instanceof Float64Array ? 'float64' : 'int32'
  return new Tensor(internals.ownBuffer(data), internals.contiguousLayout([...shape]), dtype)
}
