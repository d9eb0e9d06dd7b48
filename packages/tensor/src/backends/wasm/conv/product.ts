/** A convolution and its two gradients as products of matrices, one of which is made of patches. */
import type { GemmSpec, Left, Operand, Patches } from '../gemm/index.ts'
import { type Axis, placesOf, runsOf } from './geometry.ts'
import type { Images } from '../images.ts'

/** What the products of a convolution have in common: numbers of elements. */
export interface Channels {
  readonly batch: number
  readonly groups: number
  /** Of one group. */
  readonly channels: number
  readonly filters: number
}

/** The matrix of what the places of all images read: a row for each, of `taps · channels` elements. */
export interface PatchMatrix {
  readonly rows: number
  readonly columns: number
  readonly operand: Operand | Patches
}

/** Puts a table of int32 into memory; the result is its address. */
export type PutTable = (table: Int32Array) => number

/** The patches of `channels` channels of each tap. Where they lie evenly they are an ordinary matrix. */
export function patchMatrix(
  images: Images,
  batch: number,
  axes: readonly Axis[],
  channels: number,
  bytes: number,
  put: PutTable,
): PatchMatrix {
  const places = placesOf(axes, images.strides)
  const runs = runsOf(axes, images.strides, channels)
  const sizes = { rows: batch * places.length, columns: runs.starts.length * runs.length }
  const { address, imageStride } = images
  const step = places.length > 1 ? places[1] - places[0] : imageStride
  const isEven =
    places.every((place, i) => place === places[0] + i * step) && (batch === 1 || imageStride === places.length * step)
  if (isEven && runs.starts.length === 1) {
    return { ...sizes, operand: { address: address + (places[0] + runs.starts[0]) * bytes, rowStride: step, columnStride: 1 } }
  }
  const table = (offsets: Int32Array): number => put(offsets.map((offset) => offset * bytes))
  const [placeTable, runTable] = [table(places), table(runs.starts)]
  return { ...sizes, operand: { address, imageStride, places: places.length, placeTable, runTable, runLength: runs.length } }
}

const isPatches = (operand: Operand | Patches): operand is Patches => 'places' in operand

/** The kind of module that a product needs. */
export const leftOf = ({ operand }: PatchMatrix, transposed: boolean): Left =>
  isPatches(operand) ? (transposed ? 'patchesTransposed' : 'patches') : 'matrix'

/** `y = patches(x) · kernel`, the kernel being `[taps, channels, groups · filters]`. */
export function forwardProduct(x: PatchMatrix, kernel: number, out: number, { groups, channels, filters }: Channels): GemmSpec {
  const row = groups * filters
  return {
    m: x.rows,
    n: filters,
    k: x.columns,
    a: x.operand,
    b: { address: kernel, rowStride: row, columnStride: 1 },
    c: { address: out, rowStride: row },
    batch: [{ size: groups, a: channels, b: filters, c: filters }],
  }
}

/** `dx = patches(dy) · kernelᵀ`, where the taps of the patches meet the `positions` of the window. */
export function inputProduct(
  dy: PatchMatrix,
  kernel: number,
  positions: readonly number[],
  out: number,
  { groups, channels, filters }: Channels,
  bytes: number,
  put: PutTable,
): GemmSpec {
  const row = groups * filters
  const starts = Int32Array.from(positions, (position) => position * channels * row * bytes)
  const runs = starts.length === 1 ? undefined : { table: put(starts), length: filters }
  return {
    m: dy.rows,
    n: channels,
    k: dy.columns,
    a: dy.operand,
    b: { address: kernel + (runs ? 0 : starts[0]), rowStride: 1, columnStride: row, runs },
    c: { address: out, rowStride: groups * channels },
    batch: [{ size: groups, a: filters, b: filters, c: channels }],
  }
}

/** `dkernel = patches(x)ᵀ · dy`, in so many parts, each over some of the images, one after the other at `out`. */
export function kernelProduct(
  x: PatchMatrix,
  imageStride: number,
  dy: number,
  parts: number,
  out: number,
  { batch, groups, channels, filters }: Channels,
): GemmSpec {
  const row = groups * filters
  const { operand } = x
  const images = batch / parts
  const k = x.rows / parts
  return {
    m: x.columns,
    n: filters,
    k,
    a: isPatches(operand) ? operand : { ...operand, rowStride: 1, columnStride: operand.rowStride },
    b: { address: dy, rowStride: row, columnStride: 1 },
    c: { address: out, rowStride: row },
    batch: [
      { size: parts, a: images * imageStride, b: k * row, c: x.columns * row },
      { size: groups, a: channels, b: filters, c: filters },
    ],
  }
}

/** Products of this many elements are large enough to be shared by their rows and columns. */
const largeProduct = 1 << 13
/** Floating-point operations that a part should have. */
const partWork = 1 << 21

/**
 * In how many parts, each over as many images, the gradient of a kernel is summed, so that threads can share it. It depends on
 * nothing but sizes, and so do the bits of the result.
 */
export function partsOf(rows: number, columns: number, { batch, groups, filters }: Channels): number {
  if (columns * filters >= largeProduct) return 1
  const wanted = Math.min(16, (2 * rows * columns * groups * filters) / partWork)
  for (let parts = Math.min(batch, Math.floor(wanted)); parts > 1; parts--) if (batch % parts === 0) return parts
  return 1
}
