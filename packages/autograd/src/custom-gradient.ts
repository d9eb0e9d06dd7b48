import {
  apply,
  formatShape,
  GradientError,
  internals,
  sameShape,
  Tensor,
  toTensor,
  unheard,
  type Op,
  type TensorLike,
} from '@typegrad/tensor'

/** What a function with a gradient of its own returns: its value, and the gradients of its arguments for a gradient of the value. */
export interface CustomGradient {
  readonly value: Tensor
  readonly gradient: (dy: Tensor) => Tensor | readonly (Tensor | undefined)[]
}

/**
 * A function whose gradient is given, not derived: `customGradient((x) => ({ value, gradient: (dy) => … }))`.
 * The gradient may itself be differentiated.
 */
export function customGradient(f: (...args: Tensor[]) => CustomGradient): (...args: TensorLike[]) => Tensor {
  return (...args) =>
    apply(
      customOp(f),
      args.map((arg) => toTensor(arg)),
      undefined,
    )
}

/** The op of one call: it keeps the gradient that belongs to the call's value. */
function customOp(f: (...args: Tensor[]) => CustomGradient): Op<undefined> {
  let result: CustomGradient | undefined
  const name = f.name || 'customGradient'
  return {
    name,
    infer: (values) => {
      result = unheard(() => f(...values))
      const { value } = result
      if (value.interceptor)
        throw new GradientError(`${name}: the value depends on a tensor of vmap that is no argument of the function: make it one`)
      return { shape: value.shape, dtype: value.dtype }
    },
    run: () => internals.sameTensor(result!.value.value),
    gradients(dy, values) {
      // In a batch the function ran for the whole; a tape inside of it asks for the example's gradient.
      result ??= unheard(() => f(...values))
      const grads = result.gradient(dy)
      return (i) => {
        const dx = grads instanceof Tensor ? (i === 0 ? grads : undefined) : grads[i]
        if (dx && !sameShape(dx.shape, values[i].shape)) {
          throw new GradientError(
            `customGradient: the gradient of argument ${i} has shape ${formatShape(dx.shape)}, the argument ${formatShape(values[i].shape)}`,
          )
        }
        return dx
      }
    },
    batch(wholes, _, { wrap, unwrap, enter }, batched) {
      const whole = customOp((...xs) => {
        const { value, gradient } = enter(() => f(...xs.map((x, i) => (batched[i] ? wrap(x) : x))))
        const back = (dx: Tensor | undefined, i: number): Tensor | undefined =>
          dx && (batched[i] ? unwrap(dx) : unwrap(dx).sum(0))
        return {
          value: unwrap(value),
          gradient: (dy) => {
            const grads = enter(() => gradient(wrap(dy)))
            return (grads instanceof Tensor ? [grads] : grads).map(back)
          },
        }
      })
      return apply(whole, wholes, undefined)
    },
  }
}
