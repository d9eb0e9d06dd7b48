import { optionsOf } from '../names.ts'
import { toTensorBeside, type TensorLike } from '../convert.ts'
import { promote } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import { formatShape } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { matricesOf, matrix, matrixOp, t } from './matrices.ts'
import { singularValues, svdvals } from './svd.ts'

const pinvOp: Op<{ rtol: number }> = matrixOp({
  name: 'pinv',
  shape: ([[m, n]]) => [n, m],
  compute([a], { rtol }, fail) {
    if (!a.values.every(Number.isFinite)) fail('has elements that are not finite')
    const { u, s, v } = singularValues(a)
    const out = matrix(a.columns, a.rows)
    s.forEach((value, k) => {
      if (!(value > rtol * s[0])) return
      for (let i = 0; i < a.columns; i++) {
        const factor = v.values[i * s.length + k] / value
        for (let j = 0; j < a.rows; j++) out.values[i * a.rows + j] += factor * u.values[j * s.length + k]
      }
    })
    return out.values
  },
  gradient(_, dy, [a], p) {
    // Golub and Pereyra (1973), for matrices of constant rank: dP = -P dA P + P Pᵀ dAᵀ (I - A P) + (I - P A) dAᵀ Pᵀ P.
    const g = t(dy)
    const across = g.matmul(p).matmul(t(p))
    const along = t(p).matmul(p).matmul(g)
    const outside = across.sub(a.matmul(p.matmul(across)))
    const inside = along.sub(along.matmul(p).matmul(a))
    return outside.add(inside).sub(t(p).matmul(dy).matmul(t(p)))
  },
})

export interface RankOptions {
  /** Singular values up to this share of the largest count as 0. @defaultValue the dtype's precision times the longer side */
  readonly rtol?: number
}

const toleranceFor = (op: string, a: Tensor, options: RankOptions | undefined): number =>
  optionsOf(op, options, { rtol: Math.max(...a.shape.slice(-2)) * (a.dtype === 'float64' ? 2 ** -52 : 2 ** -23) }).rtol

/** The pseudoinverses (Moore, Penrose) of matrices `[…, m, n]`, which solve least squares; gradients are those at constant rank. */
export function pinv(x: Tensor, options?: RankOptions): Tensor {
  const a = matricesOf('pinv', x)
  return apply(pinvOp, [a], { rtol: toleranceFor('linalg.pinv', a, options) })
}

/** How many singular values of each matrix are not 0, as int32. */
export function matrixRank(x: Tensor, options?: RankOptions): Tensor {
  const a = matricesOf('matrixRank', x)
  const s = svdvals(a)
  return s.greater(s.max(-1, { keepdims: true }).mul(toleranceFor('linalg.matrixRank', a, options))).sum(-1)
}

/** The X that makes `|A X - B|` smallest, and of those the shortest; A is `[…, m, n]`, B `[…, m, k]` or a vector `[m]`. */
export function lstsq(x: Tensor, other: TensorLike, options?: RankOptions): Tensor {
  const a = matricesOf('lstsq', x)
  const b = toTensorBeside(other, a.dtype)
  const vector = b.rank === 1
  if (b.rank === 0 || b.shape.at(vector ? 0 : -2) !== a.shape.at(-2)) {
    throw new ShapeError(
      `linalg.lstsq: ${formatShape(x.shape)} and ${formatShape(b.shape)}, expected […, m, n] and […, m, k] or [m]`,
      {
        a: x.shape,
        b: b.shape,
      },
    )
  }
  return pinv(a.cast(promote(a.dtype, b.dtype)), options).matmul(b)
}
