import {
  formatShape,
  sameShape,
  ShapeError,
  tensor,
  toTensor,
  ValueError,
  type Tensor,
  type TensorLike,
  type Variable,
} from '@typegrad/tensor'
import type { OptimizerOptions } from './options.ts'

/** What `apply` takes: `undefined` and `null` leave a variable alone. */
export type Gradient = TensorLike | null | undefined

export interface Pair {
  readonly variable: Variable
  readonly grad: Tensor
}

/** The variables that have a gradient, with it; throws when there is none, or one of the wrong shape. */
export function pairsOf(optimizer: string, grads: readonly Gradient[], variables: readonly Variable[]): Pair[] {
  if (grads.length !== variables.length)
    throw new ValueError(`${optimizer}: ${grads.length} gradients for ${variables.length} variables`)
  const pairs = variables.flatMap((variable, i): Pair[] => {
    const grad = grads[i]
    return grad === undefined || grad === null ? [] : [{ variable, grad: checked(toTensor(grad), variable, optimizer) }]
  })
  if (pairs.length > 0) return pairs
  throw new ValueError(
    `${optimizer}: no gradient is given for any of ${variables.length} variables; was the loss computed from them?`,
  )
}

function checked(grad: Tensor, variable: Variable, optimizer: string): Tensor {
  if (!sameShape(grad.shape, variable.shape)) {
    throw new ShapeError(
      `${optimizer}: the gradient of '${variable.name}' has shape ${formatShape(grad.shape)}, the variable ${formatShape(variable.shape)}`,
      { variable: variable.name },
    )
  }
  return grad.cast(variable.dtype)
}

/** Gradients within the limits that the options set, if they set one. */
export function clip(grads: readonly Tensor[], { clipnorm, clipvalue, globalClipnorm }: OptimizerOptions): readonly Tensor[] {
  if (clipvalue) return grads.map((g) => g.clip(-clipvalue, clipvalue))
  if (clipnorm) return grads.map((g) => g.mul(clipnorm).div(g.norm().maximum(clipnorm)))
  if (!globalClipnorm) return grads
  const norm = grads.reduce((sum, g) => sum.add(g.square().sum()), tensor(0)).sqrt()
  const scale = norm
    .reciprocal()
    .minimum(1 / globalClipnorm)
    .mul(globalClipnorm)
  // A norm that is not finite makes every gradient NaN, so that it does not go unseen.
  return grads.map((g) => g.mul(scale.add(norm.sub(norm))))
}

/** Pairs of the elements of two lists, as Python's `zip`; throws when their lengths differ. */
export function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  if (a.length !== b.length) throw new ValueError(`zip: lists of ${a.length} and ${b.length} elements`)
  return a.map((item, i) => [item, b[i]])
}
