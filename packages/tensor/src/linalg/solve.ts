import type { TensorLike } from '../convert.ts'
import { eye } from '../create.ts'
import { ValueError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { identity, leadOf, matricesOf, matrix, matrixOp, t, type Matrix } from './matrices.ts'
import { singularValues } from './svd.ts'
import { substituteRows, system } from './triangular.ts'

/** `P A = L U` in place, by the largest pivots: L below the diagonal, which is 1, and U above; the rows' order and its sign. */
export function decompose({ rows: n, values: a }: Matrix): { order: number[]; sign: number } {
  const order = Array.from({ length: n }, (_, i) => i)
  let sign = 1
  for (let k = 0; k < n; k++) {
    let best = k
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i
    if (best !== k) {
      sign = -sign
      ;[order[k], order[best]] = [order[best], order[k]]
      for (let j = 0; j < n; j++) [a[k * n + j], a[best * n + j]] = [a[best * n + j], a[k * n + j]]
    }
    const pivot = a[k * n + k]
    if (pivot === 0) continue
    for (let i = k + 1; i < n; i++) {
      const factor = (a[i * n + k] /= pivot)
      if (factor !== 0) for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j]
    }
  }
  return { order, sign }
}

/** X of `A X = B`; A is overwritten. */
function solved(a: Matrix, b: Matrix, fail: (why: string) => never): Matrix {
  const { order } = decompose(a)
  for (let i = 0; i < a.rows; i++) if (a.values[i * a.rows + i] === 0) fail('is singular')
  const moved = matrix(b.rows, b.columns)
  order.forEach((from, to) => moved.values.set(b.values.subarray(from * b.columns, (from + 1) * b.columns), to * b.columns))
  return substituteRows(a, substituteRows(a, moved, true, true), false)
}

const solveOp: Op<undefined> = matrixOp({
  name: 'solve',
  shape: ([, b]) => b,
  compute: ([a, b], _, fail) => solved(a, b, fail).values,
  gradient(i, dy, [a], x) {
    const db = apply(solveOp, [t(a), dy], undefined)
    return i === 1 ? db : db.matmul(t(x)).neg()
  },
})

/** X of `A X = B` for square matrices A, `[…, n, n]`, and B, `[…, n, k]` or a vector `[n]`; throws a ValueError for a singular one. */
export function solve(x: Tensor, other: TensorLike): Tensor {
  const { a, b, vector } = system('solve', x, other)
  const y = apply(solveOp, [a, b], undefined)
  return vector ? y.squeeze(-1) : y
}

const invOp: Op<undefined> = matrixOp({
  name: 'inv',
  shape: ([a]) => a,
  compute: ([a], _, fail) => solved(a, identity(a.rows), fail).values,
  gradient: (_, dy, __, y) => t(y).matmul(dy).matmul(t(y)).neg(),
})

/** The inverses of square matrices `[…, n, n]`; throws a ValueError for a singular one. */
export const inv = (x: Tensor): Tensor => apply(invOp, [matricesOf('inv', x, 'square')], undefined)

/** The product of the pivots as a sign and a logarithm. */
function logDeterminant(a: Matrix): [sign: number, logarithm: number] {
  const { sign } = decompose(a)
  let [s, log] = [sign, 0]
  for (let i = 0; i < a.rows; i++) {
    const pivot = a.values[i * a.rows + i]
    s *= Math.sign(pivot)
    log += Math.log(Math.abs(pivot))
  }
  return [s, log]
}

const slogdetOp: Op<undefined> = matrixOp({
  name: 'slogdet',
  shape: () => [2],
  compute: ([a]) => logDeterminant(a),
  gradient: (_, dy, [a]) => t(inv(a)).mul(dy.slice(...leadOf(a).map(() => null), [1, 2]).expandDims(-1)),
})

/** The sign of the determinants of square matrices, and the logarithm of their absolute values, without overflow. */
export function slogdet(x: Tensor): { readonly sign: Tensor; readonly logdet: Tensor } {
  const [sign, logdet] = apply(slogdetOp, [matricesOf('slogdet', x, 'square')], undefined).unstack(-1)
  return { sign, logdet }
}

const detOp: Op<undefined> = matrixOp({
  name: 'det',
  shape: () => [],
  compute([a]) {
    const { sign } = decompose(a)
    let product = sign
    for (let i = 0; i < a.rows; i++) product *= a.values[i * a.rows + i]
    return [product]
  },
  gradient: (_, dy, [a]) => apply(cofactorOp, [a], undefined).mul(dy.reshape([...dy.shape, 1, 1])),
})

/** The determinants of square matrices `[…, n, n]`; the gradient, the cofactors, is right for singular matrices too. */
export const det = (x: Tensor): Tensor => apply(detOp, [matricesOf('det', x, 'square')], undefined)

/** `∂det/∂A`: for every element the determinant without its row and column, with its sign. */
const cofactorOp: Op<undefined> = matrixOp({
  name: 'cofactors',
  shape: ([a]) => a,
  compute: ([a]) => cofactors(a).values,
  gradient(_, dy, [a]) {
    // Of C = det(A) A⁻ᵀ; throws for a singular matrix.
    const inverse = t(inv(a))
    const along = dy.mul(inverse).sum([-2, -1], { keepdims: true }).mul(inverse)
    return along.sub(inverse.matmul(t(dy)).matmul(inverse)).mul(det(a).reshape([...leadOf(a), 1, 1]))
  },
})

/** By A = U S Vᵀ: `det(U) det(V) · U diag(product of the other singular values) Vᵀ`. */
function cofactors(a: Matrix): Matrix {
  const n = a.rows
  const { u, s, v } = singularValues(a)
  const determinant = (m: Matrix): number => Math.sign(logDeterminant(matrix(n, n, Float64Array.from(m.values)))[0])
  const sign = determinant(u) * determinant(v)
  const others = Float64Array.from({ length: n }, (_, i) =>
    s.reduce((product, value, k) => (k === i ? product : product * value), sign),
  )
  const out = matrix(n, n)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = u.values[i * n + k] * others[k]
      for (let j = 0; j < n; j++) out.values[i * n + j] += factor * v.values[j * n + k]
    }
  }
  return out
}

/** A matrix multiplied by itself n times; its inverse for a negative n. */
export function matrixPower(x: Tensor, n: number): Tensor {
  if (!Number.isInteger(n)) throw new ValueError(`linalg.matrixPower: n ${n}, expected an integer`, { n })
  let base = matricesOf('matrixPower', x, 'square')
  if (n < 0) base = inv(base)
  let result: Tensor | undefined
  for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result ? result.matmul(base) : base
    if (rest > 1) base = base.matmul(base)
  }
  return result ?? eye(x.shape.at(-1)!, undefined, { dtype: base.dtype }).broadcastTo(base.shape)
}
