import { Tensor } from '../../tensor.ts'
import { sliceLayout } from '../../layout.ts'
import { forEachIndex } from './elementwise.ts'

/** The tensor of all but its last `axes` axes, at position 0 of those. */
function heads(x: Tensor, axes: number): Tensor {
  const { strides, shape, offset } = x.layout
  const rank = x.rank - axes
  const layout = { ...sliceLayout(x.layout, []), shape: shape.slice(0, rank), strides: strides.slice(0, rank), offset }
  return new Tensor(x.buffer, { ...layout, size: layout.shape.reduce((a, b) => a * b, 1) }, x.dtype)
}

/** Batched matrix product by three loops over strides, k innermost but one so that rows of b are walked in order. */
export function matmul(a: Tensor, b: Tensor, out: Tensor): void {
  const [m, k] = a.shape.slice(-2)
  const n = b.shape.at(-1)!
  const [am, ak] = a.layout.strides.slice(-2)
  const [bk, bn] = b.layout.strides.slice(-2)
  const [om, on] = out.layout.strides.slice(-2)
  const [x, y, z] = [a.array, b.array, out.array]
  const int = out.dtype === 'int32' || out.dtype === 'uint8'
  const row = new Float64Array(n)
  forEachIndex([heads(a, 2), heads(b, 2), heads(out, 2)], ([pa, pb, po]) => {
    for (let i = 0; i < m; i++) {
      row.fill(0)
      for (let l = 0; l < k; l++) {
        const v = x[pa + i * am + l * ak]
        const from = pb + l * bk
        if (int) for (let j = 0; j < n; j++) row[j] = (row[j] + Math.imul(v, y[from + j * bn])) | 0
        else for (let j = 0; j < n; j++) row[j] += v * y[from + j * bn]
      }
      for (let j = 0; j < n; j++) z[po + i * om + j * on] = row[j]
    }
  })
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
