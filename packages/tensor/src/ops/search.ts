/** Ops whose result depends on where, or which, elements there are. Those with a shape that does run on the host, at once. */
import { optionsOf } from '../names.ts'
import { backendOn, withBackend } from '../backends/backend.ts'
import { toTensor, toTensorBeside, type TensorLike } from '../convert.ts'
import { isFloat } from '../dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import { assertShape, formatShape, sameShape, sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { tensor, zeros } from '../create.ts'
import { hostOp } from './host.ts'
import { scatterAddOp, take } from './indexing.ts'
import { reshape } from './movement.ts'
import { argsort, sort } from './order.ts'

/** The index vectors `[count, rank]` of the elements that are not 0, in row-major order, as int32. */
export function nonzero(x: Tensor): Tensor {
  const found: number[] = []
  x.toTypedArray().forEach((value, i) => {
    if (value === 0) return
    const index = Array.from({ length: x.rank }, () => 0)
    for (let axis = x.rank - 1, rest = i; axis >= 0; axis--) {
      index[axis] = rest % x.shape[axis]
      rest = Math.floor(rest / x.shape[axis])
    }
    for (const position of index) found.push(position)
  })
  const count = x.rank === 0 ? Number(x.toTypedArray()[0] !== 0) : found.length / x.rank
  return tensor(Int32Array.from(found), { shape: [count, x.rank] })
}

/** The slices of x where `mask`, which has the shape of x's first axes, holds; in row-major order along one new axis. */
export function booleanMask(x: Tensor, mask: TensorLike): Tensor {
  const m = toTensor(mask)
  if (m.rank === 0 || !sameShape(m.shape, x.shape.slice(0, m.rank))) {
    throw new ShapeError(
      `booleanMask: mask ${formatShape(m.shape)} for shape ${formatShape(x.shape)}, expected the lengths of its first axes`,
      { mask: m.shape, shape: x.shape },
    )
  }
  const rows: number[] = []
  m.toTypedArray().forEach((value, i) => {
    if (value !== 0) rows.push(i)
  })
  return take(reshape(x, [m.size, ...x.shape.slice(m.rank)]), Int32Array.from(rows))
}

/** NaN counts as the largest number, as in sort. */
const isBefore = (a: number, b: number): boolean => a < b || (b !== b && a === a)

const searchOp: Op<{ right: boolean }> = hostOp({
  name: 'searchsorted',
  infer: ([, values]) => ({ shape: values.shape, dtype: 'int32' }),
  compute([line, values], { right }) {
    const sorted = line.values
    return Int32Array.from(values.values, (value) => {
      let low = 0
      let high = sorted.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (right ? !isBefore(value, sorted[middle]) : isBefore(sorted[middle], value)) low = middle + 1
        else high = middle
      }
      return low
    })
  },
})

/**
 * The position in an ascending vector before which each value would stand in order; among equals before the first (`left`)
 * or after the last (`right`).
 */
export function searchsorted(x: Tensor, values: TensorLike, options?: { readonly side?: 'left' | 'right' }): Tensor {
  const { side } = optionsOf('searchsorted', options, { side: 'left' })
  if (x.rank !== 1)
    throw new ShapeError(`searchsorted: shape ${formatShape(x.shape)}, expected a sorted vector`, { shape: x.shape })
  if (side !== 'left' && side !== 'right')
    throw new ValueError(`searchsorted: side '${String(side)}', expected 'left' or 'right'`)
  return apply(searchOp, [x, toTensorBeside(values, x.dtype)], { right: side === 'right' })
}

/** The number of the bin that each element falls into, between ascending `bins`: `bins[i-1] ≤ x < bins[i]`, or `<` and `≤` with `right`. */
export function digitize(x: Tensor, bins: TensorLike, options?: { readonly right?: boolean }): Tensor {
  const { right } = optionsOf('digitize', options, { right: false })
  return searchsorted(toTensorBeside(bins, x.dtype), x, { side: right ? 'left' : 'right' })
}

/** Which elements of x are among `values`, as bool; NaN is not. */
export function isin(x: Tensor, values: TensorLike): Tensor {
  const known = sort(reshape(toTensorBeside(values, x.dtype), [-1]))
  if (known.size === 0) return zeros(x.shape, { dtype: 'bool' })
  return take(known, searchsorted(known, x).minimum(known.size - 1)).equal(x)
}

export interface Unique {
  /** The distinct elements, ascending; NaN comes last, once. */
  readonly values: Tensor
  /** The position in x, flattened, where each stands first. */
  readonly indices: Tensor
  /** The position in `values` of each element of x, in x's shape. */
  readonly inverse: Tensor
  /** How often each occurs. */
  readonly counts: Tensor
}

/** The distinct elements of x, where they stand and how often; gradients flow to the first of each. */
export function unique(x: Tensor): Unique {
  const line = reshape(x, [x.size])
  const elements = line.toTypedArray()
  const order = withBackend(backendOn('host'), () => argsort(tensor(elements))).toTypedArray()
  const [first, inverse, counts] = Array.from({ length: 3 }, () => new Int32Array(x.size))
  let found = 0
  order.forEach((at, k) => {
    // The order is stable: of equal elements the first one comes first. 0 and -0 are equal, and NaN to itself.
    if (k === 0 || isBefore(elements[order[k - 1]], elements[at])) first[found++] = at
    inverse[at] = found - 1
    counts[found - 1]++
  })
  const indices = tensor(first.slice(0, found))
  return {
    values: take(line, indices),
    indices,
    inverse: tensor(inverse, { shape: x.shape }),
    counts: tensor(counts.slice(0, found)),
  }
}

export interface BincountOptions {
  /** What an element counts; 1 if not given. Gradients flow to them. */
  readonly weights?: TensorLike
  /** The least length of the result. @defaultValue `0` */
  readonly minlength?: number
}

/** How often each integer ≥ 0 occurs in x, flattened: the result has a place for each up to the largest. */
export function bincount(x: Tensor, options?: BincountOptions): Tensor {
  const { weights, minlength } = optionsOf('bincount', options, { weights: undefined, minlength: 0 })
  if (isFloat(x.dtype))
    throw new DTypeError(`bincount: x is ${x.dtype}, expected integers: use cast('int32')`, { dtype: x.dtype })
  if (!Number.isInteger(minlength) || minlength < 0)
    throw new ValueError(`bincount: minlength ${minlength}, expected an integer ≥ 0`, { minlength })
  const w = weights === undefined ? undefined : toTensor(weights)
  if (w && !sameShape(w.shape, x.shape)) {
    throw new ShapeError(`bincount: weights ${formatShape(w.shape)} for shape ${formatShape(x.shape)}, expected the same`, {
      weights: w.shape,
      shape: x.shape,
    })
  }
  const values = x.toTypedArray()
  let length = minlength
  for (const value of values) {
    if (value < 0) throw new ValueError(`bincount: x holds ${value}, expected integers ≥ 0`, { value })
    length = Math.max(length, value + 1)
  }
  const line = reshape(x.cast('int32'), [x.size])
  const counted = w ? reshape(w, [x.size]) : line.onesLike()
  return apply(scatterAddOp, [counted, line], { axis: 0, length })
}

export interface HistogramOptions {
  /** How many bins of one width, or their edges, ascending. @defaultValue `10` */
  readonly bins?: number | readonly number[]
  /** Where the first bin begins and the last ends; from the smallest to the largest element if not given. */
  readonly range?: readonly [low: number, high: number]
  readonly weights?: TensorLike
}

/** How many elements (or how much of `weights`) fall into each bin `[edge, next edge)`, of which the last has both its edges. */
export function histogram(x: Tensor, options?: HistogramOptions): { readonly counts: Tensor; readonly edges: Tensor } {
  const { bins, range, weights } = optionsOf('histogram', options, { bins: 10, range: undefined, weights: undefined })
  const edges = typeof bins === 'number' ? evenEdges(x, bins, range) : Float64Array.from(bins)
  if (edges.length < 2 || edges.some((edge, i) => !(i === 0 || edge >= edges[i - 1])))
    throw new ValueError(`histogram: edges ${edges.join(', ')}, expected two or more in ascending order`, { bins })
  const count = edges.length - 1
  const line = reshape(x, [sizeOf(x.shape)]).cast('float64')
  const [last, e] = [edges[count], tensor(edges)]
  const inside = line.greaterEqual(edges[0]).logicalAnd(line.lessEqual(last))
  const bin = line.equal(last).where(count - 1, searchsorted(e, line, { side: 'right' }).sub(1))
  // What lies outside falls into one bin more, which is dropped.
  const places = inside.where(bin, count).cast('int32')
  const counts = bincount(places, {
    minlength: count + 1,
    ...(weights === undefined ? {} : { weights: reshape(toTensor(weights), [-1]) }),
  })
  return { counts: counts.slice([0, count]), edges: e }
}

function evenEdges(x: Tensor, bins: number, range: readonly [number, number] | undefined): Float64Array {
  if (!Number.isInteger(bins) || bins < 1) throw new ValueError(`histogram: bins ${bins}, expected a positive integer`, { bins })
  assertShape([bins + 1], 'histogram')
  let [low, high] = range ?? (x.size === 0 ? [0, 1] : [x.min().item(), x.max().item()])
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw new ValueError(`histogram: range from ${low} to ${high}, expected finite numbers in order`, { low, high })
  if (low === high) [low, high] = [low - 0.5, high + 0.5]
  return Float64Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + (i * (high - low)) / bins))
}

/**
 * The heights at `x` of the line through the points `(xp, fp)`, xp ascending; level before the first and behind the last. Gradients flow to
 * `fp` and `x`.
 */
export function interp(x: TensorLike, xp: TensorLike, fp: TensorLike): Tensor {
  const [at, from, heights] = [toTensor(x), toTensor(xp), toTensor(fp)]
  if (from.rank !== 1 || !sameShape(from.shape, heights.shape) || from.size === 0)
    throw new ShapeError(
      `interp: xp ${formatShape(from.shape)} and fp ${formatShape(heights.shape)}, expected vectors of one length > 0`,
      { xp: from.shape, fp: heights.shape },
    )
  if (from.size === 1) return at.mul(0).add(heights)
  const next = searchsorted(from, at).clip(1, from.size - 1)
  const [x0, x1, y0, y1] = [take(from, next.sub(1)), take(from, next), take(heights, next.sub(1)), take(heights, next)]
  return y0.add(at.sub(x0).div(x1.sub(x0)).clip(0, 1).mul(y1.sub(y0)))
}
