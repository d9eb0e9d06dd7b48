import { apply, type Op } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { identity, lengthOf, matricesOf, matrix, matrixOp, packed, t, transposed, unpack, type Matrix } from './matrices.ts'

/**
 * `A = U S Vᵀ` by one-sided Jacobi rotations (Hestenes), which find small singular values to full relative precision; U and V
 * have `min(rows, columns)` orthonormal columns, S descends.
 */
export function singularValues(a: Matrix): { u: Matrix; s: Float64Array; v: Matrix } {
  if (a.rows < a.columns) {
    const { u, s, v } = singularValues(transposed(a))
    return { u: v, s, v: u }
  }
  const [m, n] = [a.rows, a.columns]
  // Columns as rows, so that they are walked in order.
  const { values: x } = transposed(a)
  const { values: y } = identity(n)
  for (let sweep = 0; sweep < 60; sweep++) {
    let moved = false
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        let [pp, qq, pq] = [0, 0, 0]
        for (let k = 0; k < m; k++) {
          const [f, g] = [x[p * m + k], x[q * m + k]]
          pp += f * f
          qq += g * g
          pq += f * g
        }
        if (Math.abs(pq) <= 1e-16 * Math.sqrt(pp * qq) || pq === 0) continue
        moved = true
        const theta = (qq - pp) / (2 * pq)
        const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(tangent, 1)
        rotateRows(x, m, p, q, c, tangent * c)
        rotateRows(y, n, p, q, c, tangent * c)
      }
    }
    if (!moved) break
  }
  const lengths = Float64Array.from({ length: n }, (_, j) => lengthOf(x.subarray(j * m, (j + 1) * m)))
  const order = Array.from({ length: n }, (_, j) => j).sort((i, j) => lengths[j] - lengths[i])
  const s = Float64Array.from(order, (j) => lengths[j])
  const [u, v] = [matrix(m, n), matrix(n, n)]
  order.forEach((from, to) => {
    for (let k = 0; k < n; k++) v.values[k * n + to] = y[from * n + k]
    if (s[to] > 0) for (let k = 0; k < m; k++) u.values[k * n + to] = x[from * m + k] / s[to]
    else completeColumn(u, to)
  })
  return { u, s, v }
}

function rotateRows(x: Float64Array, length: number, p: number, q: number, c: number, s: number): void {
  for (let k = 0; k < length; k++) {
    const [f, g] = [x[p * length + k], x[q * length + k]]
    x[p * length + k] = c * f - s * g
    x[q * length + k] = s * f + c * g
  }
}

/** Makes column j one of length 1 that is orthogonal to those before, from the axis that is farthest from them. */
function completeColumn({ rows: m, columns: n, values: u }: Matrix, j: number): void {
  let best = 0
  let least = Infinity
  for (let i = 0; i < m; i++) {
    let sum = 0
    for (let k = 0; k < j; k++) sum += u[i * n + k] ** 2
    if (sum < least) [best, least] = [i, sum]
  }
  const line = new Float64Array(m)
  line[best] = 1
  for (let pass = 0; pass < 2; pass++) {
    for (let k = 0; k < j; k++) {
      let dot = 0
      for (let i = 0; i < m; i++) dot += line[i] * u[i * n + k]
      for (let i = 0; i < m; i++) line[i] -= dot * u[i * n + k]
    }
  }
  const length = lengthOf(line)
  for (let i = 0; i < m; i++) u[i * n + j] = line[i] / length
}

const shapesOf = (m: number, n: number) => {
  const k = Math.min(m, n)
  return [[m, k], [k], [k, n]] as const // prettier-ignore
}

const svdOp: Op<undefined> = matrixOp({
  name: 'svd',
  shape: ([[m, n]]) => [Math.min(m, n) * (m + 1 + n)],
  compute([a], _, fail) {
    if (!a.values.every(Number.isFinite)) fail('has elements that are not finite')
    const { u, s, v } = singularValues(a)
    return packed(u.values, s, transposed(v).values)
  },
  gradient(_, dy, [a], y) {
    const [m, n] = a.shape.slice(-2)
    const [u, s, vt] = unpack(y, shapesOf(m, n))
    const [du, ds, dvt] = unpack(dy, shapesOf(m, n))
    const [v, dv] = [t(vt), t(dvt)]
    // U (F ∘ P · S + S · F ∘ Q + diag(ds)) Vᵀ with P = Uᵀ dU - dUᵀ U, Q = Vᵀ dV - dVᵀ V and F[i, j] = 1 / (s[j]² - s[i]²), here
    // by 1 / (s[j] ∓ s[i]); and what U and V lack of a whole basis.
    const [row, column] = [s.expandDims(-2), s.expandDims(-1)]
    const skew = (product: Tensor): Tensor => product.sub(t(product))
    const [p, q] = [skew(t(u).matmul(du)), skew(t(v).matmul(dv))]
    const inner = p
      .add(q)
      .mul(inverse(row.sub(column)))
      .add(p.sub(q).mul(inverse(row.add(column))))
    let da = u.matmul(inner.mul(0.5).add(ds.diag())).matmul(vt)
    const over = inverse(row)
    if (m > n)
      da = da.add(
        du
          .sub(u.matmul(t(u).matmul(du)))
          .mul(over)
          .matmul(vt),
      )
    if (n > m) da = da.add(u.matmul(t(dv.sub(v.matmul(vt.matmul(dv))).mul(over))))
    return da
  },
})

/** `1 / x`, and 0 for 0. */
function inverse(x: Tensor): Tensor {
  const none = x.equal(0)
  return none.where(0, none.where(1, x).reciprocal())
}

/**
 * `A = U · diag(S) · Vᵀ` for matrices `[…, m, n]`: U is `[…, m, k]` and `vt` `[…, k, n]`, of orthonormal columns and rows, S
 * `[…, k]` descends, k = min(m, n). The signs of pairs of vectors are arbitrary; gradients through U and V need distinct values.
 */
export function svd(x: Tensor): { readonly u: Tensor; readonly s: Tensor; readonly vt: Tensor } {
  const a = matricesOf('svd', x)
  const [u, s, vt] = unpack(apply(svdOp, [a], undefined), shapesOf(a.shape.at(-2)!, a.shape.at(-1)!))
  return { u, s, vt }
}

/** The singular values of matrices, descending. */
export const svdvals = (x: Tensor): Tensor => svd(x).s
