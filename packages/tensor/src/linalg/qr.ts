import { apply, type Op } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { lengthOf, matricesOf, matrix, matrixOp, packed, t, unpack, type Matrix } from './matrices.ts'
import { solveTriangular } from './triangular.ts'

/** `A = Q R` by Householder's reflections: Q has `min(rows, columns)` orthonormal columns. */
export function householder({ rows: m, columns: n, values }: Matrix): { q: Matrix; r: Matrix } {
  const k = Math.min(m, n)
  const a = Float64Array.from(values)
  const reflectors: Float64Array[] = []
  const reflect = (x: Float64Array, width: number, v: Float64Array, from: number): void => {
    for (let j = 0; j < width; j++) {
      let sum = 0
      for (let i = from; i < m; i++) sum += v[i - from] * x[i * width + j]
      for (let i = from; i < m; i++) x[i * width + j] -= 2 * sum * v[i - from]
    }
  }
  for (let j = 0; j < k; j++) {
    const v = new Float64Array(m - j)
    for (let i = j; i < m; i++) v[i - j] = a[i * n + j]
    const length = lengthOf(v)
    v[0] += v[0] < 0 ? -length : length
    const size = lengthOf(v)
    if (size > 0) for (let i = 0; i < v.length; i++) v[i] /= size
    reflect(a, n, v, j)
    reflectors.push(v)
  }
  const q = matrix(m, k)
  for (let i = 0; i < k; i++) q.values[i * k + i] = 1
  for (let j = k - 1; j >= 0; j--) reflect(q.values, k, reflectors[j], j)
  const r = matrix(k, n)
  for (let i = 0; i < k; i++) for (let j = i; j < n; j++) r.values[i * n + j] = a[i * n + j]
  return { q, r }
}

const shapesOf = (m: number, n: number) => {
  const k = Math.min(m, n)
  return [[m, k], [k, n]] as const // prettier-ignore
}

const qrOp: Op<undefined> = matrixOp({
  name: 'qr',
  shape: ([[m, n]]) => [Math.min(m, n) * (m + n)],
  compute([a]) {
    const { q, r } = householder(a)
    return packed(q.values, r.values)
  },
  gradient(_, dy, [a], y) {
    const [m, n] = a.shape.slice(-2)
    const [q, r] = unpack(y, shapesOf(m, n))
    const [dq, dr] = unpack(dy, shapesOf(m, n))
    if (m >= n) return tallGradient(q, r, dq, dr)
    // A = [X, Y] with a square X = Q U: R = [U, Qᵀ Y], so Y has a gradient of its own and adds to that of Q.
    const all = a.shape.slice(0, -2).map(() => null)
    const first = (x: Tensor): Tensor => x.slice(...all, null, [0, m])
    const rest = (x: Tensor): Tensor => x.slice(...all, null, [m])
    const dx = tallGradient(q, first(r), dq.add(rest(a).matmul(t(rest(dr)))), first(dr))
    return dx
      .pad([...all.map((): [number, number] => [0, 0]), [0, 0], [0, n - m]])
      .add(q.matmul(rest(dr)).pad([...all.map((): [number, number] => [0, 0]), [0, 0], [m, 0]]))
  },
})

/** `(dQ + Q · sym(R dRᵀ - dQᵀ Q)) R⁻ᵀ`, where sym copies the lower triangle to the upper one. */
function tallGradient(q: Tensor, r: Tensor, dq: Tensor, dr: Tensor): Tensor {
  const difference = r.matmul(t(dr)).sub(t(dq).matmul(q))
  const symmetric = difference.tril().add(t(difference.tril(-1)))
  return t(solveTriangular(r, t(dq.add(q.matmul(symmetric)))))
}

/**
 * `A = Q R` for matrices `[…, m, n]`: Q, `[…, m, k]`, has orthonormal columns and R, `[…, k, n]`, is upper triangular, with
 * k = min(m, n). Gradients need the first k columns of A to be independent.
 */
export function qr(x: Tensor): { readonly q: Tensor; readonly r: Tensor } {
  const a = matricesOf('qr', x)
  const [q, r] = unpack(apply(qrOp, [a], undefined), shapesOf(a.shape.at(-2)!, a.shape.at(-1)!))
  return { q, r }
}
