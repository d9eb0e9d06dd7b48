import type { Strings, SymbolicShape } from '@typegrad/layers'
import { isNamed, isStrings, toTensorOrStrings } from '@typegrad/layers/internals'
import { DTypeError, formatShape, isFloat, ShapeError, SparseTensor, Tensor, ValueError, type TensorLike } from '@typegrad/tensor'
import { onHost } from './device.ts'

/** The data of a model: one array, or one per input (output) as a list of tensors or by name. Texts are arrays of strings. */
export type Data = TensorLike | Strings | readonly Tensor[] | Readonly<Record<string, TensorLike | Strings>>

/** Numbers as a tensor; of x strings, too. */
function asTensor(given: TensorLike | Strings, what: string): Tensor {
  if (what !== 'x' && isStrings(given))
    throw new DTypeError(
      `${what}: strings, expected numbers: StringLookup makes numbers of labels (and by invert labels of them)`,
    )
  return toTensorOrStrings(given)
}

/** The data as a list of tensors in the order of `names`. */
export function toList(data: Data, names: readonly string[], what: string): Tensor[] {
  if (isNamed(data)) {
    const unknown = Object.keys(data).filter((name) => !names.includes(name))
    const missing = names.filter((name) => !Object.hasOwn(data, name))
    if (unknown.length > 0 || missing.length > 0) {
      throw new ValueError(`${what}: given are ${Object.keys(data).join(', ')}; the model has ${names.join(', ')}`, {
        unknown,
        missing,
      })
    }
    return names.map((name) => asTensor(data[name], what))
  }
  if (Array.isArray(data) && data.length > 0 && data[0] instanceof Tensor)
    return data.map((one: Tensor) => (one instanceof Tensor ? one : asTensor(one, what)))
  return [asTensor(data as TensorLike, what)]
}

/** Weights of samples: one array for all outputs, or one per output as a list of tensors or by name. */
export const toWeights = (weights: Data, names: readonly string[]): Tensor[] => toList(weights, names, 'sampleWeight')

/** The number of samples, which all arrays must share. */
export function sampleCount(lists: Readonly<Record<string, readonly Tensor[]>>): number {
  let count: number | undefined
  for (const [what, list] of Object.entries(lists)) {
    for (const array of list) {
      if (array.rank === 0) throw new ShapeError(`data: ${what} is a scalar, expected an array whose first axis is the samples`)
      count ??= array.shape[0]
      if (array.shape[0] !== count) {
        const given = Object.entries(lists).flatMap(([name, arrays]) => arrays.map((a) => `${name} ${formatShape(a.shape)}`))
        throw new ShapeError(`data: ${given.join(', ')}, the numbers of samples differ`, { lists })
      }
    }
  }
  return count ?? 0
}

/** Throws a ValueError that says where the arrays hold the first NaN or infinity. */
export function assertFinite(lists: Readonly<Record<string, readonly Tensor[]>>): void {
  for (const [what, list] of Object.entries(lists))
    list.forEach((array, i) => {
      const values = array instanceof SparseTensor ? array.parts.values : array
      // The sum is quick, and finite for all but broken and huge numbers.
      if (!isFloat(values.dtype) || values.buffer.device !== 'host' || Number.isFinite(onHost(() => values.sum()).item())) return
      const numbers = array.toTypedArray()
      const at = numbers.findIndex((value) => !Number.isFinite(value))
      if (at < 0) return
      let count = 0
      for (const value of numbers) if (!Number.isFinite(value)) count++
      const place = array.shape.map((n, axis) => Math.floor(at / array.shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % n)
      throw new ValueError(
        `data: ${list.length > 1 ? `${what}[${i}]` : what} ${formatShape(array.shape)} holds ${numbers[at]} at [${place.join(', ')}], ${count} of ${numbers.length} numbers are not finite; fill or leave out such samples, or give fit({ allowNaN: true })`,
        { place },
      )
    })
}

/** x with the rank of an input, as in Keras: a last axis of length 1 is added or taken away where that is all that differs. */
export function withRankOf(x: Tensor, shape: SymbolicShape): Tensor {
  if (x.rank === shape.length - 1 && shape.at(-1) === 1) return x.expandDims(-1)
  if (x.rank === shape.length + 1 && x.shape.at(-1) === 1) return x.squeeze(-1)
  return x
}

/** The rows from `start` to `end` of every array. Views. */
export const rows = (arrays: readonly Tensor[], start: number, end: number): Tensor[] =>
  arrays.map((array) => array.slice([start, end]))
