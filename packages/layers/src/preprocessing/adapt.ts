/** Data that a layer learns its state from. */
import { Tensor, toTensor, ValueError, type TensorLike } from '@typegrad/tensor'

/** One array, or batches of arrays, such as a list of tensors or what a generator yields. */
export type AdaptData = TensorLike | Iterable<TensorLike>

const isBatches = (data: AdaptData): data is Iterable<TensorLike> => {
  if (data instanceof Tensor || ArrayBuffer.isView(data) || typeof data !== 'object') return false
  if (Array.isArray(data)) return data[0] instanceof Tensor || ArrayBuffer.isView(data[0])
  return !('toTensor' in data) && Symbol.iterator in data
}

/** The batches of data; throws if there are none. */
export function batchesOf(data: AdaptData, layer: string): Tensor[] {
  const batches = isBatches(data) ? Array.from(data, (batch) => toTensor(batch)) : [toTensor(data)]
  if (batches.length === 0) throw new ValueError(`${layer}: adapt got no batches`)
  return batches
}
