import type { SparseParts } from '../../ops/sparse-matmul.ts'
import { Tensor } from '../../tensor.ts'
import { makeLayout } from '../../layout.ts'
import { forEachIndex } from './elementwise.ts'

/** The tensor of all but its last `axes` axes, at position 0 of those. */
function heads(x: Tensor, axes: number): Tensor {
  const { strides, shape, offset } = x.layout
  return new Tensor(x.buffer, makeLayout(shape.slice(0, -axes), strides.slice(0, -axes), offset), x.dtype)
}

/** Batched matrix product by three loops over strides; a row of sums in double precision, so that rows of b are walked in order. */
export function matmul(a: Tensor, b: Tensor, out: Tensor): void {
  const int = out.dtype === 'int32' || out.dtype === 'uint8'
  const product = int ? intProduct : floatProduct
  if (a.rank === 2) product(a, a.layout.offset, b, b.layout.offset, out, out.layout.offset)
  else forEachIndex([heads(a, 2), heads(b, 2), heads(out, 2)], ([pa, pb, po]) => product(a, pa, b, pb, out, po))
}

let sums = new Float64Array(256)

function floatProduct(a: Tensor, pa: number, b: Tensor, pb: number, out: Tensor, po: number): void {
  const rank = a.rank
  const [m, k, n] = [a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]]
  const [am, ak] = [a.layout.strides[rank - 2], a.layout.strides[rank - 1]]
  const [bk, bn] = [b.layout.strides[rank - 2], b.layout.strides[rank - 1]]
  const [om, on] = [out.layout.strides[rank - 2], out.layout.strides[rank - 1]]
  const [x, y, z] = [a.array, b.array, out.array]
  if (sums.length < n) sums = new Float64Array(2 * n)
  const row = sums
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) row[j] = 0
    for (let l = 0, p = pa + i * am, q = pb; l < k; l++, p += ak, q += bk) {
      const v = x[p]
      for (let j = 0, r = q; j < n; j++, r += bn) row[j] += v * y[r]
    }
    for (let j = 0, r = po + i * om; j < n; j++, r += on) z[r] = row[j]
  }
}

/** The same modulo 2^32. */
function intProduct(a: Tensor, pa: number, b: Tensor, pb: number, out: Tensor, po: number): void {
  const rank = a.rank
  const [m, k, n] = [a.shape[rank - 2], a.shape[rank - 1], b.shape[rank - 1]]
  const [x, y, z] = [a.array, b.array, out.array]
  const stride = (t: Tensor, fromEnd: number): number => t.layout.strides[rank - fromEnd]
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0
      for (let l = 0; l < k; l++) {
        sum = (sum + Math.imul(x[pa + i * stride(a, 2) + l * stride(a, 1)], y[pb + l * stride(b, 2) + j * stride(b, 1)])) | 0
      }
      z[po + i * stride(out, 2) + j * stride(out, 1)] = sum
    }
  }
}

/** A sparse matrix or its transpose times a dense one, entry by entry; sums in double precision. */
export function sparseMatmul(x: SparseParts, b: Tensor, transposed: boolean, out: Tensor): void {
  const [indptr, indices, values, rows] = [x.indptr, x.indices, x.values, x.rows].map(
    ({ array, layout }) =>
      (i: number) =>
        array[layout.offset + i],
  )
  const [n, width] = [x.rows.size, b.shape[1]]
  const [from, step] = [b.layout.strides[0], b.layout.strides[1]]
  const each = x.values.size > 1
  const { array } = b
  const total = new Float64Array(out.size)
  for (let i = 0; i < n; i++) {
    const row = rows(i)
    for (let e = indptr(row); e < indptr(row + 1); e++) {
      const value = values(each ? e : 0)
      const at = b.layout.offset + (transposed ? i : indices(e)) * from
      const to = (transposed ? indices(e) : i) * width
      for (let j = 0; j < width; j++) total[to + j] += value * array[at + j * step]
    }
  }
  out.array.set(total, out.layout.offset)
}

/** Softmax along the last axis; a row of only -∞ gives zeros, and a row with a NaN only NaN. */
export function softmax(x: Tensor, out: Tensor, log: boolean): void {
  const length = x.shape.at(-1)!
  const [step, outStep] = [x.layout.strides.at(-1)!, out.layout.strides.at(-1)!]
  if (length === 0) return
  forEachIndex([heads(x, 1), heads(out, 1)], ([from, to]) => {
    let top = -Infinity
    for (let i = 0; i < length; i++) top = Math.max(top, x.array[from + i * step])
    let sum = 0
    for (let i = 0; i < length; i++) sum += top === -Infinity ? 0 : Math.exp(x.array[from + i * step] - top)
    const logSum = Math.log(sum)
    for (let i = 0; i < length; i++) {
      const shifted = x.array[from + i * step] - top
      out.array[to + i * outStep] = top === -Infinity ? (log ? -Infinity : 0) : log ? shifted - logSum : Math.exp(shifted) / sum
    }
  })
}
