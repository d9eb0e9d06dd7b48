import {
  apply,
  formatShape,
  GradientError,
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
  return (...args) => {
    const inputs = args.map((arg) => toTensor(arg))
    let result: CustomGradient | undefined
    let spec: Tensor | undefined
    const op: Op<undefined> = {
      name: f.name || 'customGradient',
      infer: (values) => {
        result = unheard(() => f(...values))
        spec = result.value
        return { shape: spec.shape, dtype: spec.dtype }
      },
      run: () => new Tensor(spec!.buffer, spec!.layout, spec!.dtype),
      gradient(i, dy, values) {
        const grads = result!.gradient(dy)
        const dx = grads instanceof Tensor ? (i === 0 ? grads : undefined) : grads[i]
        if (dx && !sameShape(dx.shape, values[i].shape)) {
          throw new GradientError(
            `customGradient: the gradient of argument ${i} has shape ${formatShape(dx.shape)}, the argument ${formatShape(values[i].shape)}`,
          )
        }
        return dx
      },
    }
    return apply(op, inputs, undefined)
  }
}
