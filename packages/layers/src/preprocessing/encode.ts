/** Numbers of categories as vectors. */
import { camelCase, IndexError, inspect, sizeOf, tensor, type Shape, type Tensor } from '@typegrad/tensor'
import { assertName } from '../spatial.ts'
import type { SymbolicShape } from '../symbolic.ts'

/** What becomes of the number of a category; in both spellings. */
export type EncodingMode = 'oneHot' | 'multiHot' | 'count' | 'one_hot' | 'multi_hot'

/** An option's value in camel case; throws unless it is one of `names`. */
export function option<N extends string>(layer: string, name: string, value: string, names: readonly N[]): N {
  const camel = typeof value === 'string' ? camelCase(value) : value
  assertName(layer, name, camel, names)
  return camel as N
}

/** Throws for a number outside [0, depth), as far as the elements can be looked at. */
export const assertCategories = (layer: string, x: Tensor, depth: number): void =>
  inspect(x, (all) => {
    const wrong = all.toTypedArray().find((index) => !(Number.isInteger(index) && index >= 0 && index < depth))
    if (wrong !== undefined)
      throw new IndexError(`${layer}: got ${wrong}, expected integers from 0 to ${depth - 1}`, { index: wrong, depth })
  })

/**
 * `oneHot`: a vector in place of each number (of an axis of length 1, in place of the axis). `multiHot`: of the numbers along
 * the last axis a vector with 1 at each. `count`: how often each occurs, or the sum of its weights. Numbers outside
 * [0, depth) do not count.
 */
export function encode(x: Tensor, mode: 'oneHot' | 'multiHot' | 'count', depth: number, weights?: Tensor): Tensor {
  if (mode === 'oneHot') return (x.rank > 1 && x.shape.at(-1) === 1 ? x.squeeze(-1) : x).oneHot(depth)
  const each = (x.rank === 0 ? x.reshape([1]) : x).oneHot(depth)
  if (mode === 'multiHot') return each.shape.at(-2) === 0 ? each.sum(-2) : each.max(-2)
  return (weights ? each.mul((x.rank === 0 ? weights.reshape([1]) : weights).expandDims(-1)) : each).sum(-2)
}

/** What {@link encode} gives for positions at hand, without a vector for each. */
export function encodeNumbers(
  numbers: readonly number[],
  shape: Shape,
  mode: 'oneHot' | 'multiHot' | 'count',
  depth: number,
): Tensor {
  const width = mode === 'oneHot' ? 1 : (shape.at(-1) ?? 1)
  const vectors = width === 0 ? sizeOf(shape.slice(0, -1)) : numbers.length / width
  const y = new Float32Array(vectors * depth)
  numbers.forEach((number, i) => {
    if (number < 0 || number >= depth) return
    const at = Math.floor(i / width) * depth + number
    y[at] = mode === 'count' ? y[at] + 1 : 1
  })
  return tensor(y, { shape: encodedShape(shape, mode, depth) as Shape })
}

/** The shape of {@link encode}. */
export function encodedShape(
  shape: SymbolicShape,
  mode: 'int' | 'oneHot' | 'multiHot' | 'count',
  depth: number | null,
): SymbolicShape {
  if (mode === 'int') return shape
  if (mode === 'oneHot' && !(shape.length > 1 && shape.at(-1) === 1)) return [...shape, depth]
  return [...shape.slice(0, -1), depth]
}
