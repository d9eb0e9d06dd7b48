/** Arrays of strings: JavaScript arrays, nested as deep as there are axes, and what carries them through a model. */
import { describe, ShapeError, Tensor, tensor, toTensor, ValueError, type Shape, type TensorLike } from '@typegrad/tensor'

/** A string, or an array of strings with any number of axes. */
export type Strings = string | readonly Strings[]

/** The elements of an array in order, and its shape. */
export interface Flat<T> {
  readonly values: readonly T[]
  readonly shape: Shape
}

/** The strings of an array; throws if some are missing, or others than strings. */
export function flattenStrings(strings: Strings | Tensor, layer: string): Flat<string> {
  if (strings instanceof StringTensor) return strings.flat()
  if (strings instanceof Tensor) {
    if (strings.size > 0) throw new ValueError(`${layer}: got numbers, expected strings`)
    return { values: [], shape: strings.shape }
  }
  const shape: number[] = []
  for (let level: Strings = strings; typeof level !== 'string'; level = level[0]) {
    if (!Array.isArray(level)) throw new ValueError(`${layer}: got ${describe(level)}, expected strings`)
    shape.push(level.length)
    if (level.length === 0) break
  }
  const values: string[] = []
  const visit = (level: Strings, axis: number): void => {
    if (axis === shape.length) {
      if (typeof level !== 'string') throw new ValueError(`${layer}: got ${describe(level)}, expected a string`)
      values.push(level)
      return
    }
    if (!Array.isArray(level) || level.length !== shape[axis])
      throw new ShapeError(`${layer}: ragged arrays of strings, expected ${shape[axis]} at axis ${axis}`, { shape, axis })
    for (const item of level as readonly Strings[]) visit(item, axis + 1)
  }
  visit(strings, 0)
  return { values, shape }
}

const isNested = (value: unknown): value is Strings =>
  typeof value === 'string' || (Array.isArray(value) && value.length > 0 && isNested(value[0]))

/** Whether a value is made of strings. */
export const isStrings = (value: unknown): value is Strings | StringTensor => value instanceof StringTensor || isNested(value)

/** The array with these elements. */
export function nest<T>({ values, shape }: Flat<T>): any {
  let at = 0
  const build = (axis: number): unknown =>
    axis === shape.length ? values[at++] : Array.from({ length: shape[axis] }, () => build(axis + 1))
  return build(0)
}

/**
 * Strings that can be cut, picked from and reshaped as numbers are, so that models take them in batches: positions in a table of
 * them. Every op on numbers throws.
 */
export class StringTensor extends Tensor {
  readonly #positions: Tensor
  readonly #table: readonly string[]

  /** @internal */
  constructor(positions: Tensor, table: readonly string[]) {
    super(positions.buffer, positions.layout, 'int32')
    this.#positions = positions
    this.#table = table
  }

  /** @internal The tensor of nested arrays of strings. */
  static of(strings: Strings): StringTensor {
    const { values, shape } = flattenStrings(strings, 'data')
    return new StringTensor(tensor(Int32Array.from(values.keys()), { shape }), values)
  }

  override get value(): Tensor {
    throw new ValueError(
      'strings meet what takes numbers; TextVectorization, StringLookup and Hashing make numbers of them, for targets, too',
      { shape: this.shape },
    )
  }

  override toTypedArray(): never {
    return this.value as never
  }

  /** The strings in order. */
  flat(): Flat<string> {
    return { values: Array.from(this.#positions.toTypedArray(), (at) => this.#table[at]), shape: this.shape }
  }

  /** @internal The same strings with an axis of length 1 more or less at the end, if that makes them fit a rank. */
  withRank(rank: number): StringTensor {
    const { shape } = this
    if (rank === shape.length + 1) return this.mapped((positions) => positions.expandDims(-1))
    return rank === shape.length - 1 && shape.at(-1) === 1 ? this.mapped((positions) => positions.squeeze(-1)) : this
  }

  /** @internal */
  mapped(f: (positions: Tensor) => Tensor): StringTensor {
    return new StringTensor(f(this.#positions), this.#table)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `StringTensor [${this.shape.join(', ')}] ${JSON.stringify(nest(this.flat()))}`
  }
}

for (const name of ['take', 'slice'] as const) {
  Object.defineProperty(StringTensor.prototype, name, {
    value(this: StringTensor, ...args: unknown[]): StringTensor {
      return this.mapped((positions) => (positions[name] as (...args: unknown[]) => Tensor).apply(positions, args))
    },
  })
}

/** Numbers or strings as a tensor. */
export const toTensorOrStrings = (given: TensorLike | Strings): Tensor =>
  isNested(given) ? StringTensor.of(given) : toTensor(given)
