import {
  formatShape,
  GradientError,
  isFloat,
  optionsOf,
  sameShape,
  ShapeError,
  stack,
  Tensor,
  toTensor,
  unheard,
  zerosLike,
  type TensorLike,
} from '@typegrad/tensor'
import { grad, record } from './grad.ts'
import { orZeros, Tape } from './tape.ts'

type Function = (...args: Tensor[]) => Tensor

function assertFloat(op: string, y: Tensor): void {
  if (!(y instanceof Tensor)) throw new GradientError(`${op}: the function must return a tensor, got ${typeof y}`)
  if (!isFloat(y.dtype))
    throw new GradientError(`${op}: the value is ${y.dtype}, only float32 and float64 have gradients`, { dtype: y.dtype })
}

/**
 * The value of f and how it changes with its arguments: the pullback `u → Σ u · ∂y/∂x` is linear, and so the gradient of what it
 * gives with respect to u is the pushforward. Gradient rules are themselves differentiable, so every op has it.
 */
function linearized(op: string, f: Function, args: readonly TensorLike[], argnums: readonly number[]) {
  const { tape, y, xs } = record(f, args, argnums)
  assertFloat(op, y)
  const u = zerosLike(y)
  const transposed = new Tape({ watchVariables: false })
  transposed.watch(u)
  const grads = transposed.run(() => tape.backward(y, u, xs))
  return {
    y,
    xs,
    pull: (dy: Tensor): Tensor[] => tape.backward(y, dy, xs).map((dx, i) => orZeros(dx, xs[i])),
    push: (tangents: readonly (Tensor | undefined)[]): Tensor => {
      const parts = grads.flatMap((dx, i) => {
        const tangent = tangents[i]
        return dx && tangent ? [transposed.backward(dx, tangent, [u])[0]] : []
      })
      return (
        parts.reduce<Tensor | undefined>((sum, part) => (sum && part ? sum.add(part) : (sum ?? part)), undefined) ?? zerosLike(y)
      )
    },
  }
}

/** The value `y = f(…)` and its derivative in the direction of the tangents, `Σ ∂y/∂x · tangent` (the Jacobian-vector product). */
export function jvp(
  f: Function,
  args: readonly TensorLike[],
  tangents: readonly TensorLike[],
): { readonly value: Tensor; readonly tangent: Tensor } {
  const directions = tangents.map((t) => toTensor(t))
  if (directions.length !== args.length)
    throw new GradientError(`jvp: ${args.length} arguments and ${directions.length} tangents`, { args: args.length })
  const { y, xs, push } = linearized('jvp', f, args, [...args.keys()])
  directions.forEach((direction, i) => {
    if (!sameShape(direction.shape, xs[i].shape)) {
      throw new ShapeError(
        `jvp: argument ${i} has shape ${formatShape(xs[i].shape)}, its tangent ${formatShape(direction.shape)}`,
        {
          shape: xs[i].shape,
          tangent: direction.shape,
        },
      )
    }
  })
  return { value: y, tangent: push(directions.map((t, i) => (isFloat(xs[i].dtype) ? t.cast(xs[i].dtype) : undefined))) }
}

/** The tensor of a shape with a 1 at one position. */
const unit = (like: Tensor, at: number): Tensor =>
  unheard(() => {
    const { size, shape, dtype } = like
    return toTensor(Float64Array.from({ length: size }, (_, i) => Number(i === at)))
      .cast(dtype)
      .reshape(shape)
  })

export interface JacobianOptions {
  /** The argument that derivatives are taken of. @defaultValue `0` */
  readonly argnum?: number
  /** By rows, one backward pass each, or by columns, one forward pass each; if not given the fewer of the two. */
  readonly mode?: 'reverse' | 'forward'
}

/** `jacobian(f)` gives all derivatives `∂y/∂x` of `f(x, …)`: a tensor of shape `[…y, …x]`. */
export function jacobian(f: Function, options?: JacobianOptions): (...args: TensorLike[]) => Tensor {
  const { argnum, mode } = optionsOf('jacobian', options, { argnum: 0, mode: undefined })
  return (...args) => {
    if (!(argnum in args)) throw new GradientError(`jacobian: argument ${argnum} of ${args.length}`, { argnum })
    const { y, xs, pull, push } = linearized('jacobian', f, args, [argnum])
    const [x] = xs
    if (!isFloat(x.dtype))
      throw new GradientError(`jacobian: argument ${argnum} is ${x.dtype}, only float32 and float64 have gradients`, {
        dtype: x.dtype,
      })
    const shape = [...y.shape, ...x.shape]
    if (y.size === 0 || x.size === 0)
      return zerosLike(y)
        .reshape([y.size, 1])
        .mul(zerosLike(x).reshape([1, x.size]))
        .reshape(shape)
    const forward = mode === undefined ? x.size < y.size : mode === 'forward'
    const lines = forward
      ? Array.from({ length: x.size }, (_, i) => push([unit(x, i)]).flatten())
      : Array.from({ length: y.size }, (_, i) => pull(unit(y, i))[0].flatten())
    return stack(lines, forward ? 1 : 0).reshape(shape)
  }
}

/** `hessian(f)` gives the second derivatives of the scalar `f(x, …)`: a tensor of shape `[…x, …x]`. */
export function hessian(f: Function, options?: Pick<JacobianOptions, 'argnum'>): (...args: TensorLike[]) => Tensor {
  const { argnum } = optionsOf('hessian', options, { argnum: 0 })
  return jacobian(grad(f, { argnums: argnum }), { argnum })
}
