/** Linear algebra on matrices, which are the last two axes; those before are a batch. Gradients of every order. */
export { cholesky } from './cholesky.ts'
export { det, inv, matrixPower, slogdet, solve } from './solve.ts'
export { solveTriangular } from './triangular.ts'
export { qr } from './qr.ts'
export { eigh, eigvalsh } from './eigh.ts'
export { svd, svdvals } from './svd.ts'
export { lstsq, matrixRank, pinv, type RankOptions } from './pinv.ts'
export { cond, norm, type NormOptions, type NormOrder } from './norm.ts'
