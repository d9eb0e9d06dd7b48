/** Slices read and written at index vectors, which name positions along the first axes. */
import { toTensor, type TensorLike } from '../convert.ts'
import { zeros } from '../create.ts'
import { ShapeError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import { assertShape, broadcastShapes, formatShape, sameShape, sizeOf, type Shape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { hostOp } from './host.ts'
import { checkIndices, scatterAddOp, take } from './indexing.ts'
import { broadcastTo, reshape, slice } from './movement.ts'

/** Index vectors `[…, k]` into the first k axes of `shape`, as positions in those axes flattened; throws for one outside. */
function positions(op: string, indices: TensorLike, shape: Shape): { at: Tensor; depth: number } {
  // Numbers in arrays keep their digits until they are checked.
  const given = toTensor(indices, indices instanceof Tensor ? undefined : 'float64')
  const depth = given.shape.at(-1) ?? 0
  if (given.rank === 0 || depth > shape.length) {
    throw new ShapeError(
      `${op}: indices ${formatShape(given.shape)} for shape ${formatShape(shape)}, expected […, k] with k from 0 to ${shape.length}`,
      { indices: given.shape, shape },
    )
  }
  const lead = given.shape.slice(0, -1)
  let at = zeros(lead, { dtype: 'int32' })
  for (let k = 0; k < depth; k++) {
    const column = slice(given, ...lead.map(() => null), k)
    at = at.mul(shape[k]).add(checkIndices(op, indices instanceof Tensor ? column : column.toArray(), shape[k], k))
  }
  return { at, depth }
}

/** The slices of x at index vectors: `y[…] = x[indices[…, 0], indices[…, 1], …]`, with the axes that no index names at the end. */
export function gatherNd(x: Tensor, indices: TensorLike): Tensor {
  const { at, depth } = positions('gatherNd', indices, x.shape)
  return take(reshape(x, [sizeOf(x.shape.slice(0, depth)), ...x.shape.slice(depth)]), at)
}

/** What is done where an index vector points to: the value is replaced (by the last update), or combined with all updates. */
export type ScatterReduction = 'add' | 'max' | 'min'

/** For each of `size` places the number of the update that it takes (the last, the largest or the smallest), or -1. */
const winnerOp: Op<{ size: number; kind: 'last' | 'max' | 'min' }> = hostOp({
  name: 'scatterWinner',
  infer: (_, { size }) => ({ shape: [size], dtype: 'int32' }),
  compute([places, updates], { size, kind }) {
    const winner = new Int32Array(size).fill(-1)
    const sign = kind === 'max' ? 1 : -1
    places.values.forEach((place, i) => {
      const before = winner[place]
      const [value, old] = [updates.values[i], updates.values[before]]
      const better = kind === 'last' || before < 0 || (old === old && (value !== value || sign * value > sign * old))
      if (better) winner[place] = i
    })
    return winner
  },
})

/** Updates as a vector of numbers, and the place of each in x flattened. */
function flattened(op: string, x: Tensor, indices: TensorLike, values: TensorLike): { places: Tensor; updates: Tensor } {
  const { at, depth } = positions(op, indices, x.shape)
  const row = x.shape.slice(depth)
  const given = toTensor(values, values instanceof Tensor || x.dtype === 'float32' ? undefined : 'float64').cast(x.dtype)
  const shape = [...at.shape, ...row]
  if (!sameShape(broadcastShapes(op, [given.shape, shape]), shape)) {
    throw new ShapeError(`${op}: updates ${formatShape(given.shape)}, expected ${formatShape(shape)} or what broadcasts to it`, {
      updates: given.shape,
      expected: shape,
    })
  }
  const inner = sizeOf(row)
  const within = Int32Array.from({ length: inner }, (_, i) => i)
  const places = reshape(reshape(at, [at.size, 1]).mul(inner).add(within), [-1])
  return { places, updates: reshape(broadcastTo(given, shape), [-1]) }
}

/**
 * x with the slices at index vectors `[…, k]` (positions along its first k axes) replaced by `updates`, of which the last wins,
 * or, with a `reduction`, combined with all of them; gradients flow to x and to the updates. Throws for an index outside.
 */
export function scatterUpdate(
  x: Tensor,
  indices: TensorLike,
  updates: TensorLike,
  { reduction }: { readonly reduction?: ScatterReduction } = {},
): Tensor {
  const { places, updates: flat } = flattened('scatterUpdate', x, indices, updates)
  if (x.size === 0 || flat.size === 0) return x.value
  const line = reshape(x, [x.size])
  if (reduction === 'add') return reshape(line.add(apply(scatterAddOp, [flat, places], { axis: 0, length: x.size })), x.shape)
  const winner = apply(winnerOp, [places, flat.stopGradient()], { size: x.size, kind: reduction ?? 'last' })
  const has = winner.greaterEqual(0)
  const best = take(flat, winner.maximum(0))
  const y = reduction === undefined ? best : reduction === 'max' ? line.maximum(best) : line.minimum(best)
  return reshape(has.where(y, line), x.shape)
}

/** Zeros of a shape, to which `updates` are added at index vectors. */
export function scatter(indices: TensorLike, updates: TensorLike, shape: Shape): Tensor {
  assertShape(shape, 'scatter')
  const values = toTensor(updates)
  return scatterUpdate(zeros(shape, { dtype: values.dtype }), indices, values, { reduction: 'add' })
}
