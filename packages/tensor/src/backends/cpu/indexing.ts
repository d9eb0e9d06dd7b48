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

/** The indices one after the other. */
const picksOf = (indices: Tensor): TypedArray => {
  const { offset, contiguous, size } = indices.layout
  return contiguous ? indices.array.subarray(offset, offset + size) : indices.toTypedArray()
}

/** Where x begins, for each index of the axes before `axis`. */
function startsOf({ buffer, dtype, layout: { shape, strides, offset } }: Tensor, axis: number): number[] {
  const starts: number[] = []
  const before = makeLayout(shape.slice(0, axis), strides.slice(0, axis), offset)
  forEachIndex([new Tensor(buffer, before, dtype)], ([start]) => starts.push(start))
  return starts
}

/** Rows up to this length are copied element by element. */
const shortRow = 64

/** Reads x at `indices` along `axis`: whole rows at once where they lie without gaps. */
export function gather(x: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const step = x.layout.strides[axis]
  const row = rowLength(x, axis)
  if (row === 0) {
    return forEachIndex(
      align(x, indices, axis, out),
      ([from, at, to]) => (out.array[to] = x.array[from + indices.array[at] * step]),
    )
  }
  const picks = picksOf(indices)
  startsOf(x, axis).forEach((start, i) =>
    gatherRows(x.array, start, step, row, picks, out.array, out.layout.offset + i * picks.length * row),
  )
}

function gatherRows(
  source: TypedArray,
  start: number,
  step: number,
  row: number,
  picks: TypedArray,
  target: TypedArray,
  first: number,
): void {
  let to = first
  if (row === 1) for (let k = 0; k < picks.length; k++) target[to++] = source[start + picks[k] * step]
  else
    for (let k = 0; k < picks.length; k++, to += row) {
      const from = start + picks[k] * step
      if (row > shortRow) target.set(source.subarray(from, from + row), to)
      else for (let j = 0; j < row; j++) target[to + j] = source[from + j]
    }
}

/** Adds `updates` into `out`, zeros, at `indices` along `axis`, in order of position; sums in double precision. */
export function scatterAdd(updates: Tensor, indices: Tensor, axis: number, out: Tensor): void {
  const row = rowLength(out, axis)
  const length = out.shape[axis]
  if (row > 0 && updates.layout.contiguous) {
    const picks = picksOf(indices)
    const source = updates.array.subarray(updates.layout.offset, updates.layout.offset + updates.size)
    const add = picks.length * 2 < length ? scatterFew : scatterRows
    startsOf(out, axis).forEach((start, i) => {
      const part = source.subarray(i * picks.length * row, (i + 1) * picks.length * row)
      add(part, picks, row, out.array.subarray(start, start + length * row))
    })
    return
  }
  const step = out.layout.strides[axis]
  const start = out.layout.offset
  const sums = new Float64Array(out.size)
  forEachIndex(align(out, indices, axis, updates), ([to, at, from]) => {
    sums[to - start + indices.array[at] * step] += updates.array[from]
  })
  out.array.set(sums, start)
}

function scatterRows(source: TypedArray, picks: TypedArray, row: number, target: TypedArray): void {
  const sums = new Float64Array(target.length)
  if (row === 1) for (let k = 0; k < picks.length; k++) sums[picks[k]] += source[k]
  else
    for (let k = 0, from = 0; k < picks.length; k++) {
      const to = picks[k] * row
      for (let j = 0; j < row; j++) sums[to + j] += source[from++]
    }
  target.set(sums)
}

/** The same where most rows of a large table are not hit: they have no sums, and are not touched. */
function scatterFew(source: TypedArray, picks: TypedArray, row: number, target: TypedArray): void {
  /** Where the sums of a row are, counted from 1. */
  const places = new Int32Array(target.length / row)
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
