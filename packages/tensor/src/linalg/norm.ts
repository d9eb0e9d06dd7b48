import { optionsOf } from '../names.ts'
import { isFloat } from '../dtype.ts'
import { ValueError } from '../errors.ts'
import { normalizeAxes } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import type { Axes, ReduceOptions } from '../ops/reduce.ts'
import { svdvals } from './svd.ts'

/** Of vectors `(Σ|x|^ord)^(1/ord)`, the largest or smallest `|x|`, or the number of what is not 0; of matrices see {@link norm}. */
export type NormOrder = number | 'inf' | '-inf' | 'fro' | 'nuc'

export interface NormOptions extends ReduceOptions {
  /** The root of the sum of squares if not given. */
  readonly ord?: NormOrder
  /** One axis for vectors, two for matrices; the flattened tensor if not given. */
  readonly axes?: Axes
}

const fail = (ord: NormOrder, what: string): never => {
  throw new ValueError(`linalg.norm: ord ${JSON.stringify(ord)} for ${what}`, { ord })
}

/**
 * Norms along axes. Of matrices `'fro'` is the root of the sum of squares, `'nuc'` the sum of the singular values, 2 and -2 the
 * largest and smallest of them, 1 and -1 the largest and smallest sum of a column's absolute values, `'inf'` and `'-inf'` a row's.
 */
export function norm(x: Tensor, options?: NormOptions): Tensor {
  const { ord, axes, keepdims } = optionsOf('linalg.norm', options, { ord: undefined, axes: undefined, keepdims: false })
  const y = isFloat(x.dtype) ? x : x.cast('float32')
  const given = axes ?? (ord === undefined || x.rank > 2 ? null : [...x.shape.keys()])
  const over = normalizeAxes(given, x.rank, 'linalg.norm')
  if (ord === undefined) return y.norm(over, { keepdims })
  if (over.length === 1) return vectorNorm(y, ord, over[0], keepdims)
  if (over.length !== 2) return fail(ord, `${over.length} axes, expected one or two`)
  // The order in which the axes were given says which are the rows.
  const [rows, columns] = Array.isArray(given) ? (given as readonly number[]).map((axis) => (axis + x.rank) % x.rank) : over
  const result = matrixNorm(y.transpose([...x.shape.keys()].filter((axis) => !over.includes(axis)).concat(rows, columns)), ord)
  return keepdims ? result.reshape(x.shape.map((n, axis) => (over.includes(axis) ? 1 : n))) : result
}

const orderOf = (ord: NormOrder): NormOrder => (ord === Infinity ? 'inf' : ord === -Infinity ? '-inf' : ord)

function vectorNorm(x: Tensor, given: NormOrder, axis: number, keepdims: boolean): Tensor {
  const ord = orderOf(given)
  const options = { keepdims }
  if (ord === 'inf') return x.abs().max(axis, options)
  if (ord === '-inf') return x.abs().min(axis, options)
  if (typeof ord === 'string') return fail(ord, 'vectors, expected a number')
  if (ord === 0) return x.notEqual(0).cast(x.dtype).sum(axis, options)
  if (ord === 1) return x.abs().sum(axis, options)
  if (ord === 2) return x.norm(axis, options)
  return x
    .abs()
    .pow(ord)
    .sum(axis, options)
    .pow(1 / ord)
}

function matrixNorm(x: Tensor, given: NormOrder): Tensor {
  const ord = orderOf(given)
  if (ord === 'fro') return x.norm([-2, -1])
  if (ord === 'nuc') return svdvals(x).sum(-1)
  if (ord === 2) return svdvals(x).max(-1)
  if (ord === -2) return svdvals(x).min(-1)
  if (ord === 1) return x.abs().sum(-2).max(-1)
  if (ord === -1) return x.abs().sum(-2).min(-1)
  if (ord === 'inf') return x.abs().sum(-1).max(-1)
  if (ord === '-inf') return x.abs().sum(-1).min(-1)
  return fail(ord, "matrices, expected 'fro', 'nuc', 1, -1, 2, -2, 'inf' or '-inf'")
}

/** The largest singular value over the smallest. */
export function cond(x: Tensor): Tensor {
  const s = svdvals(x)
  return s.max(-1).div(s.min(-1))
}
