import type { Tensor } from '@typegrad/tensor'
import {
  formatShape,
  GradientError,
  isFloat,
  optionsOf,
  sameShape,
  ShapeError,
  toTensor,
  type TensorLike,
  type Variable,
} from '@typegrad/tensor'
import { alias, orZeros, scalarSeed, Tape } from './tape.ts'

type Scalar = (...args: Tensor[]) => Tensor

/** Calls `f` with aliases of the arguments on a tape that watches those of the arguments `argnums` that are floats. */
export function record(
  f: Scalar,
  args: readonly TensorLike[],
  argnums: readonly number[],
): { tape: Tape; y: Tensor; xs: Tensor[] } {
  const inputs = args.map((arg) => alias(toTensor(arg)))
  const tape = new Tape({ watchVariables: false })
  const xs = argnums.map((n) => inputs[n])
  for (const x of xs) if (isFloat(x.dtype)) tape.watch(x)
  return { tape, y: tape.run(() => f(...inputs)), xs }
}

function assertArgument(args: readonly TensorLike[], n: number): void {
  if (!(n in args))
    throw new GradientError(`grad: the gradient of argument ${n} is asked for, but the call has ${args.length}`, { argument: n })
  const { dtype } = toTensor(args[n])
  if (!isFloat(dtype))
    throw new GradientError(`grad: argument ${n} is ${dtype}, only float32 and float64 have gradients`, { argument: n, dtype })
}

function scalarGradients(tape: Tape, y: Tensor, xs: readonly Tensor[], op: string): Tensor[] {
  return tape.backward(y, scalarSeed(y, op), xs).map((dx, i) => orZeros(dx, xs[i]))
}

/**
 * `grad(f)` is the function that gives the gradient of the scalar `f(x, …)` with respect to `x`, or with respect to
 * several arguments (`argnums: [0, 1]`), as a list. Functions of functions nest: `grad(grad(f))`.
 */
export function grad(f: Scalar, options?: { argnums?: number }): (...args: TensorLike[]) => Tensor
export function grad(f: Scalar, options: { argnums: readonly number[] }): (...args: TensorLike[]) => Tensor[]
export function grad(
  f: Scalar,
  options?: { argnums?: number | readonly number[] },
): (...args: TensorLike[]) => Tensor | Tensor[] {
  const { argnums } = optionsOf('grad', options, { argnums: 0 })
  return (...args) => {
    const list = typeof argnums === 'number' ? [argnums] : argnums
    for (const n of list) assertArgument(args, n)
    const { tape, y, xs } = record(f, args, list)
    const grads = scalarGradients(tape, y, xs, 'grad')
    return typeof argnums === 'number' ? grads[0] : grads
  }
}

/**
 * The value of a scalar function and its gradients: with respect to the given variables, or to all of its arguments
 * (zeros for those that are integers).
 */
export function valueAndGrad(f: () => Tensor, variables: readonly Variable[]): { value: Tensor; grads: Tensor[] }
export function valueAndGrad(f: Scalar): (...args: TensorLike[]) => { value: Tensor; grads: Tensor[] }
export function valueAndGrad(f: Scalar, variables?: readonly Variable[]): unknown {
  if (!variables) {
    return (...args: TensorLike[]) => {
      const { tape, y, xs } = record(f, args, [...args.keys()])
      return { value: y, grads: scalarGradients(tape, y, xs, 'valueAndGrad') }
    }
  }
  const tape = new Tape({ watchVariables: false })
  variables.forEach((variable) => tape.watch(variable))
  const value = tape.run(() => f())
  return { value, grads: scalarGradients(tape, value, variables, 'valueAndGrad') }
}

/**
 * The value `y = f(…)` and its pullback: `pullback(dy)` gives, for every argument x, `Σ dy · ∂y/∂x` (the vector-Jacobian
 * product; zeros for arguments that are integers).
 */
export function vjp(f: Scalar, ...args: TensorLike[]): { value: Tensor; pullback: (dy: TensorLike) => Tensor[] } {
  const { tape, y, xs } = record(f, args, [...args.keys()])
  return {
    value: y,
    pullback(dy) {
      const seed = toTensor(dy)
      if (!sameShape(seed.shape, y.shape)) {
        throw new ShapeError(`vjp: the pullback got shape ${formatShape(seed.shape)}, the value has ${formatShape(y.shape)}`, {
          dy: seed.shape,
          value: y.shape,
        })
      }
      return tape.backward(y, seed, xs).map((dx, i) => orZeros(dx, xs[i]))
    },
  }
}
