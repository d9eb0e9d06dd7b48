import { ShapeError, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'

/** The arrays as tensors, and the number of samples, which all must share along their first axis. */
export function toSamples(arrays: readonly TensorLike[], op: string): { tensors: Tensor[]; samples: number } {
  if (arrays.length === 0) throw new ValueError(`${op}: no arrays, expected at least one`)
  const tensors = arrays.map((array) => tensor(array))
  for (const { shape } of tensors) {
    if (shape.length === 0) throw new ShapeError(`${op}: a single number, expected arrays of samples`, { shape })
    if (shape[0] !== tensors[0].shape[0]) {
      const lengths = tensors.map((t) => t.shape[0])
      throw new ShapeError(`${op}: arrays of ${lengths.join(', ')} samples, expected the same number in each`, { lengths })
    }
  }
  return { tensors, samples: tensors[0].shape[0] }
}
