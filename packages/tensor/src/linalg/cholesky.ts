import { apply, type Op } from '../op.ts'
import type { Tensor } from '../tensor.ts'
import { matricesOf, matrixOp, t } from './matrices.ts'
import { solveTriangular } from './triangular.ts'

const choleskyOp: Op<undefined> = matrixOp({
  name: 'cholesky',
  shape: ([a]) => a,
  compute([{ rows: n, values: a }], _, fail) {
    const l = new Float64Array(n * n)
    for (let j = 0; j < n; j++) {
      let square = a[j * n + j]
      for (let k = 0; k < j; k++) square -= l[j * n + k] ** 2
      if (!(square > 0)) fail(`is not positive definite: pivot ${j} is ${square}`)
      const pivot = (l[j * n + j] = Math.sqrt(square))
      for (let i = j + 1; i < n; i++) {
        let sum = a[i * n + j]
        for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k]
        l[i * n + j] = sum / pivot
      }
    }
    return l
  },
  gradient(_, dy, __, l) {
    // L⁻ᵀ Φ(Lᵀ dL) L⁻¹, made symmetric; Φ takes the lower triangle and half of the diagonal (Murray, 2016).
    const product = t(l).matmul(dy)
    const lower = product.tril().add(product.tril(-1)).mul(0.5)
    const left = solveTriangular(t(l), lower)
    const both = t(solveTriangular(t(l), t(left)))
    return both.add(t(both)).mul(0.5)
  },
})

/**
 * The lower triangular L of `A = L Lᵀ` for symmetric positive definite matrices `[…, n, n]`, of which the lower triangle is read;
 * throws a ValueError for others. The gradient is the symmetric one.
 */
export const cholesky = (x: Tensor): Tensor => apply(choleskyOp, [matricesOf('cholesky', x, 'square')], undefined)
