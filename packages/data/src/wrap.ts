import { tensor, type Tensor, type TensorLike } from '@typegrad/tensor'

/** A tensor over row-major `data`, without a copy: it is given as an ndarray, whose memory a tensor shares. */
export function wrap(data: Float32Array | Float64Array | Int32Array, shape: readonly number[]): Tensor {
  const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1))
  return tensor({ data, shape, stride, offset: 0 } as unknown as TensorLike)
}
