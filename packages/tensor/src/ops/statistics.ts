import { optionsOf } from '../names.ts'
import { toFloat } from '../dtype.ts'
import { ShapeError, ValueError } from '../errors.ts'
import { formatShape, normalizeAxes, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { stack, reshape, slice, transpose } from './movement.ts'
import { sort } from './order.ts'
import type { Axes, ReduceOptions } from './reduce.ts'

/** What is taken between two elements: a share of each, one of them, the nearer (of a half the even one), or their mean. */
export type QuantileMethod = 'linear' | 'lower' | 'higher' | 'nearest' | 'midpoint'

export interface QuantileOptions extends ReduceOptions {
  /** @defaultValue `'linear'` */
  readonly method?: QuantileMethod
}

/** Positions in a sorted line, and the share of the later one. */
function between(q: number, n: number, method: QuantileMethod): [lower: number, upper: number, share: number] {
  const at = q * (n - 1)
  const [lower, upper] = [Math.floor(at), Math.min(n - 1, Math.ceil(at))]
  if (method === 'lower') return [lower, lower, 0]
  if (method === 'higher') return [upper, upper, 0]
  if (method === 'midpoint') return [lower, upper, 0.5]
  if (method === 'linear') return [lower, upper, at - lower]
  const half = at - lower === 0.5
  const nearest = half ? (lower % 2 === 0 ? lower : upper) : Math.round(at)
  return [nearest, nearest, 0]
}

const methods: readonly string[] = ['linear', 'lower', 'higher', 'nearest', 'midpoint']

/**
 * The element below which the share q of the elements along the given axes lies; for a list of shares along a new first axis.
 * NaN where there is a NaN. Gradients flow to the elements that it is made of.
 */
export function quantile(x: Tensor, q: number | readonly number[], axes?: Axes, options?: QuantileOptions): Tensor {
  const { keepdims, method } = optionsOf('quantile', options, { keepdims: false, method: 'linear' })
  const shares = typeof q === 'number' ? [q] : q
  if (!shares.every((p) => p >= 0 && p <= 1))
    throw new ValueError(`quantile: q ${JSON.stringify(q)}, expected shares from 0 to 1`, { q })
  if (!methods.includes(method))
    throw new ValueError(`quantile: method '${method}', expected one of ${methods.join(', ')}`, { method })
  const over = normalizeAxes(axes, x.rank, 'quantile')
  const others = [...x.shape.keys()].filter((axis) => !over.includes(axis))
  const lead = others.map((axis) => x.shape[axis])
  const n = sizeOf(over.map((axis) => x.shape[axis]))
  if (n === 0)
    throw new ShapeError(`quantile: shape ${formatShape(x.shape)} has no elements along axes ${over.join(', ')}`, {
      shape: x.shape,
    })
  const line = sort(reshape(transpose(x.cast(toFloat(x.dtype)), [...others, ...over]), [...lead, n]))
  const at = (i: number): Tensor => slice(line, ...lead.map(() => null), i)
  // NaN is sorted to the end: if there is one, it stands there.
  const last = at(-1)
  const results = shares.map((p) => {
    const [lower, upper, share] = between(p, n, method)
    // The two parts, not the difference: it would be NaN between infinities of one sign.
    const y =
      lower === upper || share === 0
        ? at(lower)
        : at(lower)
            .mul(1 - share)
            .add(at(upper).mul(share))
    const full = last.isnan().where(last, y)
    return keepdims
      ? reshape(
          full,
          x.shape.map((length, axis) => (over.includes(axis) ? 1 : length)),
        )
      : full
  })
  return typeof q === 'number' ? results[0] : stack(results)
}

/** The middle element, or the mean of the two middle ones, along the given axes; NaN where there is a NaN. */
export const median = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  quantile(x, 0.5, normalizeAxes(axes, x.rank, 'median'), optionsOf('median', options, { keepdims: false }))

/** {@link quantile} for shares in hundredths: `percentile(25)` is `quantile(0.25)`. */
export const percentile = (x: Tensor, q: number | readonly number[], axes?: Axes, options?: QuantileOptions): Tensor => {
  const shares = typeof q === 'number' ? [q] : q
  if (!shares.every((p) => p >= 0 && p <= 100))
    throw new ValueError(`percentile: q ${JSON.stringify(q)}, expected numbers from 0 to 100`, { q })
  return quantile(x, typeof q === 'number' ? q / 100 : q.map((p) => p / 100), axes, options)
}

/** How many elements along the given axes are not 0, as int32; NaN is not. */
export const countNonzero = (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  x.notEqual(0).cast('int32').sum(axes, options)

export interface CovarianceOptions {
  /** Whether a row is a variable, and a column an observation of all, or the other way round. @defaultValue `true` */
  readonly rowvar?: boolean
  /** What is taken off the number of observations that the sums are divided by. @defaultValue `1` */
  readonly ddof?: number
}

/** The covariances `Σ (xᵢ − mean xᵢ)(xⱼ − mean xⱼ) / (n − ddof)` of the rows of a matrix; of a vector its variance. */
export function cov(x: Tensor, options?: CovarianceOptions): Tensor {
  const { rowvar, ddof } = optionsOf('cov', options, { rowvar: true, ddof: 1 })
  if (x.rank !== 1 && x.rank !== 2)
    throw new ShapeError(`cov: shape ${formatShape(x.shape)}, expected a vector or a matrix`, { shape: x.shape })
  const rows = x.rank === 1 ? x.expandDims(0) : rowvar ? x : x.transpose()
  const n = rows.shape[1] - ddof
  if (!(n > 0)) throw new ValueError(`cov: ${rows.shape[1]} observations and ddof ${ddof}, expected more`, { ddof })
  const far = rows.sub(rows.mean(1, { keepdims: true }))
  const all = far.matmul(far.transpose()).div(n)
  return x.rank === 1 ? all.reshape([]) : all
}

/** The correlations `cov(xᵢ, xⱼ) / (std xᵢ · std xⱼ)` of the rows of a matrix, Pearson's; NaN for a row that is constant. */
export function corrcoef(x: Tensor, options?: Pick<CovarianceOptions, 'rowvar'>): Tensor {
  const { rowvar } = optionsOf('corrcoef', options, { rowvar: true })
  const all = cov(x, { rowvar })
  if (all.rank === 0) return all.div(all)
  const deviations = all.diagonal().sqrt()
  return all.div(deviations.expandDims(1)).div(deviations).clip(-1, 1)
}
