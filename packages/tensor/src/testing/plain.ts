/** The obvious array: a shape and all elements in row-major order, copied by every operation. */
export class PlainArray {
  readonly shape: readonly number[]
  readonly values: readonly number[]

  constructor(shape: readonly number[], values: readonly number[]) {
    this.shape = shape
    this.values = values
  }

  /** The array whose element at every index is `f(index)`. */
  static from(shape: readonly number[], f: (index: readonly number[]) => number): PlainArray {
    return new PlainArray(shape, indices(shape).map(f))
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

  map(f: (value: number) => number): PlainArray {
    return new PlainArray(this.shape, this.values.map(f))
  }
}

/** Every index of a shape, in row-major order. */
export function indices(shape: readonly number[]): number[][] {
  let list: number[][] = [[]]
  for (const length of shape) list = list.flatMap((index) => Array.from({ length }, (_, i) => [...index, i]))
  return list
}

export const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1)
