import type { TypedArray } from '../../dtype.ts'
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

/** The length of the rows after `axis` where they lie without gaps, else 0. */
function rowLength({ layout: { shape, strides } }: Tensor, axis: number): number {
  let length = 1
  for (let i = shape.length - 1; i > axis; i--) {
    if (strides[i] !== length && shape[i] !== 1) return 0
    length *= shape[i]
  }
  return length
}

/** Reads x at `indices` along `axis`: whole rows at once where they lie without gaps. */
export function gather(x: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const step = x.layout.strides[axis]
  const row = axis === 0 && indices.layout.contiguous ? rowLength(x, 0) : 0
  if (row === 0) {
    return forEachIndex(
      align(x, indices, axis, out),
      ([from, at, to]) => (out.array[to] = x.array[from + indices.array[at] * step]),
    )
  }
  const [source, target, picks] = [x.array, out.array, indices.array]
  const first = indices.layout.offset
  for (let k = 0, to = out.layout.offset; k < indices.size; k++, to += row) {
    const from = x.layout.offset + picks[first + k] * step
    if (row > 64) target.set(source.subarray(from, from + row), to)
    else for (let j = 0; j < row; j++) target[to + j] = source[from + j]
  }
}

/** Adds `updates` into `out`, zeros, at `indices` along `axis`, in order of position; sums in double precision. */
export function scatterAdd(updates: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const step = out.layout.strides[axis]
  const row = axis === 0 && indices.layout.contiguous && updates.layout.contiguous ? rowLength(out, 0) : 0
  const [source, target, picks] = [updates.array, out.array, indices.array]
  const start = out.layout.offset
  if (row > 0) return scatterRows(source.subarray(updates.layout.offset), indices, row, target.subarray(start), out.shape[0])
  const sums = new Float64Array(out.size)
  forEachIndex(align(out, indices, axis, updates), ([to, at, from]) => {
    sums[to - start + picks[at] * step] += source[from]
  })
  target.set(sums, start)
}

/** The same for whole rows. Only those that are hit have sums: most of a large table is not, and is not touched. */
function scatterRows(source: TypedArray, indices: Tensor, row: number, target: TypedArray, length: number): void {
  const picks = indices.array.subarray(indices.layout.offset, indices.layout.offset + indices.size)
  /** Where the sums of a row are, counted from 1. */
  const places = new Int32Array(length)
  let count = 0
  for (let k = 0; k < picks.length; k++) if (places[picks[k]] === 0) places[picks[k]] = ++count
  const sums = new Float64Array(count * row)
  for (let k = 0, from = 0; k < picks.length; k++) {
    const to = (places[picks[k]] - 1) * row
    for (let j = 0; j < row; j++) sums[to + j] += source[from++]
  }
  for (let k = 0; k < picks.length; k++) {
    const from = (places[picks[k]] - 1) * row
    const to = picks[k] * row
    for (let j = 0; j < row; j++) target[to + j] = sums[from + j]
  }
}
