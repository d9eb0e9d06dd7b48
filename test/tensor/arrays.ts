/** The arbitraries of @typegrad/tensor/testing by the names of these tests, and what only they need. */
import { repeatAlong, type ArrayCase } from '@typegrad/tensor/testing'
import { dtypes, type DType } from '@typegrad/tensor'

export * from '@typegrad/tensor/testing'
export { anyDType as dtype, plainOf as naiveOf, readPlain as read } from '@typegrad/tensor/testing'

export const allDTypes: readonly DType[] = dtypes.toReversed()

/** Row-major elements in a random layout; with `repeat` some axes have stride 0, and the elements along them repeat. */
export function randomLayout(
  shape: readonly number[],
  values: readonly number[],
  random: () => number,
  repeat = false,
): ArrayCase {
  const order = shape.map((_, axis) => ({ axis, key: random() })).sort((a, b) => a.key - b.key)
  const still = shape.map(() => repeat && random() < 0.3)
  return {
    shape,
    values: repeatAlong(shape, values, still),
    order: order.map(({ axis }) => axis),
    steps: shape.map(() => [1, 1, -1, 2, -2][Math.floor(random() * 5)]),
    still,
    offset: Math.floor(random() * 3),
  }
}

export { numbersFrom } from './numbers.ts'
