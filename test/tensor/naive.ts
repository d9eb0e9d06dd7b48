import { PlainArray as Naive, indices, product } from '@typegrad/tensor/testing'

export { Naive, indices, product }

/** The shape that shapes broadcast to, by the rule as NumPy's manual states it; `undefined` where they do not. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  const result: number[] = []
  for (let axis = 1; axis <= rank; axis++) {
    const lengths = new Set(shapes.map((shape) => shape.at(-axis) ?? 1).filter((length) => length !== 1))
    if (lengths.size > 1 || shapes.every((shape) => shape.length < axis)) return undefined
    result.unshift([...lengths][0] ?? 1)
  }
  return result
}

/** An index of the result of a reduction, and the elements of x that it is made of. */
export function groups(x: Naive, axes: readonly number[]): { index: number[]; members: number[] }[] {
  const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
  const spread = x.shape.map((length, axis) => (axes.includes(axis) ? length : 1))
  const inner = indices(spread)
  return indices(kept).map((index) => ({ index, members: inner.map((at) => x.at(at.map((i, axis) => i + index[axis]))) }))
}
