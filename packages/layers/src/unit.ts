import type { Tensor } from '@typegrad/tensor'

/** x divided by its Euclidean norm over `axes` (`null`: all), or by `least` where that is larger. */
export const unit = (x: Tensor, axes: number | readonly number[] | null, least: number): Tensor =>
  x.div(x.norm(axes, { keepdims: true }).maximum(least))
