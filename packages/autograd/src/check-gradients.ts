import { GradientError, optionsOf, tensor, toTensor, type Tensor, type TensorLike } from '@typegrad/tensor'
import { vjp } from './grad.ts'

export interface CheckOptions {
  /** The largest allowed `|a - b| / max(1, |a|, |b|)`. @defaultValue `1e-6` */
  readonly tolerance?: number
  /** Step of the central differences. @defaultValue `1e-4` */
  readonly step?: number
  /** Also checks the gradient of the gradient. @defaultValue `false` */
  readonly second?: boolean
}

/**
 * Compares every element of the Jacobian of `f` with 4-point central differences
 * `(8(f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h` in float64, and throws a GradientError that names the worst element.
 * Inputs are converted to float64. Returns the worst relative error.
 */
export function checkGradients(f: (...args: Tensor[]) => Tensor, inputs: readonly TensorLike[], options?: CheckOptions): number {
  const { tolerance, step, second } = optionsOf('checkGradients', options, { tolerance: 1e-6, step: 1e-4, second: false })
  const points = inputs.map((input) => toTensor(input).cast('float64'))
  const weights = weightsFor(f(...points))
  const scalarOf = (values: readonly Tensor[]): number =>
    f(...values)
      .mul(weights)
      .sum()
      .item()
  const { pullback } = vjp(f, ...points)
  const grads = pullback(weights)
  let worst = 0
  points.forEach((point, n) => {
    const flat = Float64Array.from(point.toTypedArray())
    const analytic = grads[n].toTypedArray()
    const moved = (i: number, by: number): number => {
      const copy = flat.slice()
      copy[i] += by
      const at = tensor(copy, { shape: point.shape })
      return scalarOf(points.map((p, k) => (k === n ? at : p)))
    }
    for (let i = 0; i < flat.length; i++) {
      const numeric = (8 * (moved(i, step) - moved(i, -step)) - (moved(i, 2 * step) - moved(i, -2 * step))) / (12 * step)
      const error = Math.abs(numeric - analytic[i]) / Math.max(1, Math.abs(numeric), Math.abs(analytic[i]))
      if (!(error <= tolerance)) {
        throw new GradientError(
          `checkGradients: argument ${n}, element ${i} (at ${flat[i]}): the gradient is ${analytic[i]}, differences give ${numeric}`,
          { argument: n, element: i, analytic: analytic[i], numeric },
        )
      }
      worst = Math.max(worst, error)
    }
  })
  if (!second) return worst
  const gradient = (...args: Tensor[]): Tensor => {
    const { pullback: back } = vjp(f, ...args)
    return back(weights)
      .map((dx, n) => dx.mul(weightsFor(dx, n + 1)).sum())
      .reduce((a, b) => a.add(b))
  }
  return Math.max(worst, checkGradients(gradient, points, { tolerance: tolerance * 10, step }))
}

/** Fixed, uneven weights, so that a gradient which is right only in sum is found out. */
const weightsFor = (y: Tensor, salt = 0): Tensor =>
  tensor(
    Float64Array.from({ length: y.size }, (_, i) => 0.5 + (((i + salt) * 0.618033988749895) % 1)),
    { shape: y.shape },
  )
