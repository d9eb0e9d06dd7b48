/** Tensors put together anew: rolled, repeated, taken apart. */
import { toTensor, type TensorLike } from '../convert.ts'
import { ValueError } from '../errors.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { take } from './indexing.ts'
import { concat, expandDims, flatten, reshape, slice, split, squeeze, type SliceArgument } from './movement.ts'

/** The elements moved by `shift` places along the given axes, in a circle; without axes along the flattened tensor. */
export function roll(x: Tensor, shift: number | readonly number[], axis?: number | readonly number[] | null): Tensor {
  const shifts = typeof shift === 'number' ? [shift] : shift
  if (!shifts.every(Number.isInteger)) throw new ValueError(`roll: shift ${JSON.stringify(shift)}, expected integers`, { shift })
  if (axis === undefined || axis === null) return reshape(roll(flatten(x), shift, 0), x.shape)
  const axes = (typeof axis === 'number' ? [axis] : axis).map((a) => normalizeAxis(a, x.rank, 'roll'))
  if (shifts.length !== 1 && shifts.length !== axes.length)
    throw new ValueError(`roll: ${shifts.length} shifts for ${axes.length} axes`, { shift, axis })
  return axes.reduce((y, at, i) => rollAxis(y, shifts[i] ?? shifts[0], at), x.value)
}

function rollAxis(x: Tensor, shift: number, axis: number): Tensor {
  const length = x.shape[axis]
  const by = length === 0 ? 0 : ((shift % length) + length) % length
  if (by === 0) return x
  const part = (range: SliceArgument): Tensor => slice(x, ...x.shape.map((_, i): SliceArgument => (i === axis ? range : null)))
  return concat([part([length - by]), part([0, length - by])], axis)
}

/** Each element along `axis` so many times, or element i `repeats[i]` times; without an axis those of the flattened tensor. */
export function repeat(x: Tensor, repeats: number | readonly number[], axis?: number | null): Tensor {
  if (axis === undefined || axis === null) return repeat(flatten(x), repeats, 0)
  const at = normalizeAxis(axis, x.rank, 'repeat')
  const length = x.shape[at]
  const times = typeof repeats === 'number' ? [repeats] : repeats
  if (!times.every((n) => Number.isInteger(n) && n >= 0) || (times.length !== 1 && times.length !== length)) {
    throw new ValueError(
      `repeat: repeats ${JSON.stringify(repeats)} for axis ${at} of shape ${formatShape(x.shape)}, expected integers ≥ 0, one or ${length}`,
      { repeats },
    )
  }
  if (times.length === 1) {
    const [before, after] = [x.shape.slice(0, at), x.shape.slice(at + 1)]
    const spread = expandDims(x, at + 1).broadcastTo([...before, length, times[0], ...after])
    return reshape(spread, [...before, length * times[0], ...after])
  }
  return take(x, Int32Array.from(times.flatMap((n, i) => Array.from({ length: n }, () => i))), at)
}

/** The slices along an axis, without it. Views. */
export function unstack(x: Tensor, axis = 0): Tensor[] {
  const at = normalizeAxis(axis, x.rank, 'unstack')
  if (x.shape[at] === 0) return []
  return split(x, x.shape[at], at).map((part) => squeeze(part, at))
}

/** x cut along `axis` into at most so many parts of one length, of which the last may be shorter. Views. */
export function chunk(x: Tensor, chunks: number, axis = 0): Tensor[] {
  if (!Number.isInteger(chunks) || chunks < 1)
    throw new ValueError(`chunk: chunks ${chunks}, expected a positive integer`, { chunks })
  const at = normalizeAxis(axis, x.rank, 'chunk')
  const length = x.shape[at]
  const size = Math.max(1, Math.ceil(length / chunks))
  const count = Math.max(1, Math.ceil(length / size))
  return split(
    x,
    Array.from({ length: count }, (_, i) => Math.min(size, length - i * size)),
    at,
  )
}

/** The plane of two axes turned by `k` right angles, from the first axis towards the second. A view. */
export function rot90(x: Tensor, k = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const [from, to] = axes.map((axis) => normalizeAxis(axis, x.rank, 'rot90'))
  if (from === to || !Number.isInteger(k))
    throw new ValueError(`rot90: k ${k} and axes ${JSON.stringify(axes)}, expected an integer and two axes`, { k, axes })
  const turns = ((k % 4) + 4) % 4
  if (turns === 2) return x.flip([from, to])
  if (turns === 0) return x.value
  return turns === 1 ? x.flip(to).swapaxes(from, to) : x.flip(from).swapaxes(from, to)
}

/** The tensors one below the other: joined along the first axis, vectors as rows. */
export const vstack = (tensors: readonly TensorLike[]): Tensor =>
  concat(tensors.map((one) => toTensor(one)).map((x) => (x.rank < 2 ? reshape(x, [1, x.size]) : x)))

/** The tensors side by side: joined along the second axis, vectors along their only one. */
export function hstack(tensors: readonly TensorLike[]): Tensor {
  const all = tensors.map((one) => toTensor(one)).map((x) => (x.rank === 0 ? reshape(x, [1]) : x))
  return concat(all, all[0]?.rank === 1 ? 0 : 1)
}
