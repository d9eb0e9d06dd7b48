import { isFloat } from '../dtype.ts'
import { DTypeError, IndexError, ShapeError, ValueError } from '../errors.ts'
import { backendFor, currentBackend } from '../backends/backend.ts'
import { scalar, toTensor, type TensorLike } from '../convert.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, normalizeAxis, sizeOf } from '../shape.ts'
import { emptyTensor, Tensor } from '../tensor.ts'
import { arange } from '../create.ts'
import { cast } from './cast.ts'
import { expandDims, moveaxis, reshape, transpose } from './movement.ts'

const takeOp: Op<{ axis: number }> = {
  name: 'take',
  infer: ([x, indices], { axis }) => ({
    shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
    dtype: x.dtype,
  }),
  run([x, indices], { axis }, spec) {
    const backend = backendFor([x, indices])
    const out = emptyTensor(spec.shape, spec.dtype, backend, true)
    if (out.size > 0) backend.gather(x, indices, axis, out)
    return out
  },
  gradient: (i, dy, [x, indices], _, { axis }) =>
    i === 0 ? apply(scatterAddOp, [dy, indices], { axis, length: x.shape[axis] }) : undefined,
  batch([x, indices], { axis }, { size, spread }, [ofX, ofIndices]) {
    if (!ofIndices) return apply(takeOp, [x, indices], { axis: axis + 1 })
    if (!ofX) return moveaxis(apply(takeOp, [x, indices], { axis }), axis, 0)
    // Lines of all examples as one axis, and each example's positions moved to its own.
    const [y] = spread([x], [ofX])
    const length = y.shape[axis + 1]
    const lines = reshape(moveaxis(y, axis + 1, 1), [size * length, ...y.shape.slice(1, axis + 1), ...y.shape.slice(axis + 2)])
    const first = reshape(arange(size, { dtype: 'int32' }).mul(length), [size, ...indices.shape.slice(1).map(() => 1)])
    const taken = apply(takeOp, [lines, indices.add(first)], { axis: 0 })
    const order = [...taken.shape.keys()]
    order.splice(1, 0, ...order.splice(indices.rank, axis))
    return transpose(taken, order)
  },
}

/** @internal Adds slices of `updates` at `indices` of an axis of zeros: the transpose of take. */
export const scatterAddOp: Op<{ axis: number; length: number }> = {
  name: 'scatterAdd',
  infer: ([updates, indices], { axis, length }) => ({
    shape: [...updates.shape.slice(0, axis), length, ...updates.shape.slice(axis + indices.rank)],
    dtype: updates.dtype,
  }),
  run([updates, indices], { axis }, spec) {
    const backend = backendFor([updates, indices])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (updates.size > 0) backend.scatterAdd(updates, indices, axis, out)
    return out
  },
  gradient: (i, dy, [, indices], _, { axis }) => (i === 0 ? apply(takeOp, [dy, indices], { axis }) : undefined),
}

/** What holds the elements of a tensor that may be each example of a batch. */
const wholeOf = (x: Tensor): Tensor => (x.interceptor ? wholeOf(x.interceptor.whole(x)) : x)

/** @internal int32 positions in [0, length): negative ones count from the end, others throw. */
export function checkIndices(op: string, value: TensorLike, length: number, axis: number): Tensor {
  // As float64, so that numbers in arrays do not lose digits before they are checked.
  const given = toTensor(value, value instanceof Tensor ? undefined : 'float64')
  if (value instanceof Tensor && (given.dtype === 'bool' || isFloat(given.dtype))) {
    throw new DTypeError(`${op}: indices are ${given.dtype}, expected integers: use cast('int32')`, { dtype: given.dtype })
  }
  const stored = wholeOf(given)
  if (!stored.buffer.array) return cast(given, 'int32')
  let negative = false
  const { array, layout } = stored
  const numbers = layout.contiguous ? array.subarray(layout.offset, layout.offset + layout.size) : stored.toTypedArray()
  for (let at = 0; at < numbers.length; at++) {
    const index = numbers[at]
    if (!Number.isInteger(index)) throw new ValueError(`${op}: index ${index} (element ${at} of the indices) is not an integer`)
    if (index < -length || index >= length) {
      throw new IndexError(`${op}: index ${index} (element ${at} of the indices) is outside axis ${axis} of length ${length}`, {
        index,
        length,
      })
    }
    if (index < 0) negative = true
  }
  const indices = cast(given, 'int32')
  return negative ? indices.less(0).where(indices.add(length), indices) : indices
}

/**
 * The slices of x at `indices` along `axis`: the result has the indices' axes in place of that axis. Negative indices
 * count from the end; throws an IndexError for an index outside the axis.
 */
export function take(x: Tensor, indices: TensorLike, axis = 0): Tensor {
  const at = normalizeAxis(axis, x.rank, 'take')
  return apply(takeOp, [x, checkIndices('take', indices, x.shape[at], at)], { axis: at })
}

/** Elements picked along `axis` by an index array of x's rank: `y[i, j] = x[i, indices[i, j]]` for the last axis. */
export function takeAlongAxis(x: Tensor, indices: TensorLike, axis = -1): Tensor {
  const at = normalizeAxis(axis, x.rank, 'takeAlongAxis')
  const picked = checkIndices('takeAlongAxis', indices, x.shape[at], at)
  if (picked.rank !== x.rank || picked.shape.some((length, i) => i !== at && length !== x.shape[i])) {
    throw new ShapeError(
      `takeAlongAxis: indices ${formatShape(picked.shape)} for ${formatShape(x.shape)}, lengths may differ at axis ${at} only`,
      { indices: picked.shape, shape: x.shape, axis: at },
    )
  }
  return pickAlong(x, picked, at)
}

/** @internal The same for positions that are known to be in the axis. */
export function pickAlong(x: Tensor, positions: Tensor, axis: number): Tensor {
  const inner = sizeOf(x.shape.slice(axis + 1))
  let flat = inner === 1 ? positions : positions.mul(scalar(inner, 'int32'))
  let step = 1
  for (let i = x.rank - 1; i >= 0; i--) {
    const length = x.shape[i]
    if (i !== axis && length !== 1) {
      const shape = x.shape.map((_, j) => (j === i ? length : 1))
      flat = flat.add(reshape(arange(length, { dtype: 'int32' }).mul(step), shape))
    }
    step *= length
  }
  return apply(takeOp, [reshape(x, [x.size]), flat], { axis: 0 })
}

/** `depth` numbers in place of each integer, 1 at its position and 0 elsewhere; an integer outside [0, depth) gives zeros. */
export function oneHot(x: Tensor, depth: number): Tensor {
  if (!Number.isInteger(depth) || depth < 0) throw new ValueError(`oneHot: depth ${depth}, expected an integer ≥ 0`, { depth })
  const given = x.value
  // Where the integers are known, only the ones are written, and not compared with every position.
  if (currentBackend().device === 'host' && !given.interceptor && given.buffer.array) {
    const out = emptyTensor([...x.shape, depth], 'float32', currentBackend())
    const { array, layout } = out
    given.toTypedArray().forEach((at, i) => {
      if (Number.isInteger(at) && at >= 0 && at < depth) array[layout.offset + i * depth + at] = 1
    })
    return out
  }
  return cast(expandDims(x, -1).equal(arange(depth, { dtype: 'int32' })), 'float32')
}
