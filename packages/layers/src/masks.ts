/**
 * Masks travel with tensors: a layer such as Embedding or Masking says which steps count, and the layers after it, the
 * losses and the metrics find that beside the tensor.
 */
import { apply, Tensor, toTensor, ValueError, type Op, type TensorLike } from '@typegrad/tensor'

const masks = new WeakMap<Tensor, Tensor>()

/** The mask of one input, or the masks of several: true where a step counts. */
export type Mask = Tensor | readonly (Tensor | undefined)[]

/** A mask as a caller gives it. */
export type MaskLike = TensorLike | readonly (TensorLike | null | undefined)[]

/** True where a step of `x` counts; `undefined` where all do. */
export const maskOf = (x: Tensor): Tensor | undefined => masks.get(x)

const identity: Op<undefined> = {
  name: 'identity',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: ([x]) => new Tensor(x.buffer, x.layout, x.dtype),
  gradient: (_, dy) => dy,
}

/** `x` with this mask, or with none: x itself if that is its mask, else a tensor of its own with x's elements. */
export function withMask(x: Tensor, mask: Tensor | undefined): Tensor {
  if (maskOf(x) === mask) return x
  const y = apply(identity, [x], undefined)
  if (mask) masks.set(y, mask)
  return y
}

/** @internal Gives a tensor that nobody else holds its mask. */
export const setMask = (x: Tensor, mask: Tensor): void => void masks.set(x, mask)

/** @internal A mask as a caller gives it, as tensors. */
export function toMask(mask: MaskLike | null | undefined, list: boolean): Mask | undefined {
  if (mask === null || mask === undefined) return undefined
  if (!list) return asBool(mask as TensorLike)
  if (!Array.isArray(mask)) throw new ValueError('mask: one mask for a list of inputs, expected a list of masks (null for none)')
  const all = (mask as readonly (TensorLike | null | undefined)[]).map((one) =>
    one === null || one === undefined ? undefined : asBool(one),
  )
  return all.some(Boolean) ? all : undefined
}

const asBool = (mask: TensorLike): Tensor => toTensor(mask).cast('bool')
