import { Tensor } from '../../tensor.ts'
import { forEachIndex } from './elementwise.ts'
import { broadcastLayout, makeLayout, type Layout } from '../../layout.ts'

/** `out`, x and the indices, all seen with the shape `[…before axis, …indices, …after axis]`; x stands still along the indices. */
function align(x: Tensor, indices: Tensor, axis: number, out: Tensor): Tensor[] {
  const between = Array.from({ length: indices.rank }, () => 0)
  const { shape, strides, offset } = x.layout
  const still = makeLayout(out.shape, [...strides.slice(0, axis), ...between, ...strides.slice(axis + 1)], offset)
  const after = shape.length - axis - 1
  const spread: Layout = makeLayout(
    [...indices.shape, ...Array.from({ length: after }, () => 1)],
    [...indices.layout.strides, ...Array.from({ length: after }, () => 0)],
    indices.layout.offset,
  )
  return [
    new Tensor(x.buffer, still, x.dtype),
    new Tensor(indices.buffer, broadcastLayout(spread, out.shape), indices.dtype),
    out,
  ]
}

/** Reads x at `indices` along `axis`. */
export function gather(x: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const step = x.layout.strides[axis]
  forEachIndex(align(x, indices, axis, out), ([from, at, to]) => (out.array[to] = x.array[from + indices.array[at] * step]))
}

/** Adds `updates` into `out` at `indices` along `axis`, in order of position. */
export function scatterAdd(updates: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const step = out.layout.strides[axis]
  const sums = new Float64Array(out.size)
  forEachIndex(align(out, indices, axis, updates), ([to, at, from]) => {
    sums[to - out.layout.offset + indices.array[at] * step] += updates.array[from]
  })
  for (let i = 0; i < out.size; i++) out.array[out.layout.offset + i] = sums[i]
}
