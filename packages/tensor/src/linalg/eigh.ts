import { apply, type Op } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { identity, matricesOf, matrix, matrixOp, packed, t, unpack, type Matrix } from './matrices.ts'

/** Eigenvalues, ascending, and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations; the matrix is overwritten. */
function jacobi({ rows: n, values: a }: Matrix): { w: Float64Array; v: Matrix } {
  const v = identity(n)
  const rotate = (x: Float64Array, i: number, j: number, c: number, s: number): void => {
    const [p, q] = [x[i], x[j]]
    x[i] = c * p - s * q
    x[j] = s * p + c * q
  }
  for (let sweep = 0; sweep < 60; sweep++) {
    let moved = false
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = a[p * n + q]
        const [low, high] = [a[p * n + p], a[q * n + q]]
        if (Math.abs(off) <= 1e-17 * Math.sqrt(Math.abs(low * high)) || off === 0) continue
        if (Math.abs(low) + Math.abs(off) === Math.abs(low) && Math.abs(high) + Math.abs(off) === Math.abs(high)) continue
        moved = true
        const theta = (high - low) / (2 * off)
        const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(tangent, 1)
        const s = tangent * c
        for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q, c, s)
        for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k, c, s)
        for (let k = 0; k < n; k++) rotate(v.values, k * n + p, k * n + q, c, s)
      }
    }
    if (!moved) break
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[i * n + i] - a[j * n + j])
  const sorted = matrix(n, n)
  order.forEach((from, to) => {
    for (let k = 0; k < n; k++) sorted.values[k * n + to] = v.values[k * n + from]
  })
  return { w: Float64Array.from(order, (i) => a[i * n + i]), v: sorted }
}

const eighOp: Op<undefined> = matrixOp({
  name: 'eigh',
  shape: ([[n]]) => [n + n * n],
  compute([{ rows: n, values }], _, fail) {
    if (!values.every(Number.isFinite)) fail('has elements that are not finite')
    const lower = matrix(n, n)
    for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) lower.values[i * n + j] = lower.values[j * n + i] = values[i * n + j]
    const { w, v } = jacobi(lower)
    return packed(w, v.values)
  },
  gradient(_, dy, [a], y) {
    const n = a.shape.at(-1)!
    const [w, v] = unpack(y, [[n], [n, n]])
    const [dw, dv] = unpack(dy, [[n], [n, n]])
    // V (diag(dw) + F ∘ Vᵀ dV) Vᵀ with F[i, j] = 1 / (w[j] - w[i]), and 0 on the diagonal, made symmetric.
    const inner = dw.diag().add(gaps(w).mul(t(v).matmul(dv)))
    const da = v.matmul(inner).matmul(t(v))
    return da.add(t(da)).mul(0.5)
  },
})

/** `1 / (w[j] - w[i])`, and 0 where the two are equal. */
export function gaps(w: Tensor): Tensor {
  const difference = w.expandDims(-2).sub(w.expandDims(-1))
  const equal = difference.equal(0)
  return equal.where(0, equal.where(1, difference).reciprocal())
}

/**
 * Eigenvalues, ascending, and eigenvectors (the columns of `vectors`) of symmetric matrices `[…, n, n]`, of which the lower
 * triangle is read. The sign of a vector is arbitrary; gradients through vectors need distinct eigenvalues.
 */
export function eigh(x: Tensor): { readonly values: Tensor; readonly vectors: Tensor } {
  const a = matricesOf('eigh', x, 'square')
  const n = a.shape.at(-1)!
  const [values, vectors] = unpack(apply(eighOp, [a], undefined), [[n], [n, n]])
  return { values, vectors }
}

/** The eigenvalues of symmetric matrices, ascending. */
export const eigvalsh = (x: Tensor): Tensor => eigh(x).values
