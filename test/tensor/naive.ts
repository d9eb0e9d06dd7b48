/** The obvious array: a shape and all elements in row-major order, copied by every operation. */
export class Naive {
  readonly shape: readonly number[]
  readonly values: readonly number[]

  constructor(shape: readonly number[], values: readonly number[]) {
    this.shape = shape
    this.values = values
  }

  /** The array whose element at every index is `f(index)`. */
  static from(shape: readonly number[], f: (index: readonly number[]) => number): Naive {
    return new Naive(shape, indices(shape).map(f))
  }

  at(index: readonly number[]): number {
    return this.values[index.reduce((position, i, axis) => position * this.shape[axis] + i, 0)]
  }

  /** The position of the element that broadcasting to a longer index reads. */
  broadcastPosition(index: readonly number[]): number {
    const lead = index.length - this.shape.length
    return this.shape.reduce((position, length, axis) => position * length + (length === 1 ? 0 : index[axis + lead]), 0)
  }

  broadcastAt(index: readonly number[]): number {
    return this.values[this.broadcastPosition(index)]
  }

  map(f: (value: number) => number): Naive {
    return new Naive(this.shape, this.values.map(f))
  }
}

/** Every index of a shape, in row-major order. */
export function indices(shape: readonly number[]): number[][] {
  let list: number[][] = [[]]
  for (const length of shape) list = list.flatMap((index) => Array.from({ length }, (_, i) => [...index, i]))
  return list
}

export const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1)

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
