/** Ops that run along an axis, each result made of the one before. */
import { optionsOf } from '../names.ts'
import { backendFor, type ScanOptions } from '../backends/backend.ts'
import { toFloat } from '../dtype.ts'
import { ValueError } from '../errors.ts'
import { apply, type Op } from '../op.ts'
import { normalizeAxis } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { hostOp, type Elements } from './host.ts'
import { takeAlongAxis } from './indexing.ts'
import { concat, slice, type SliceArgument } from './movement.ts'

const scanOp = (kind: 'sum' | 'prod'): Op<ScanOptions & { axis: number }> => ({
  name: kind === 'sum' ? 'cumsum' : 'cumprod',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype === 'bool' || x.dtype === 'uint8' ? 'int32' : x.dtype }),
  run([x], { axis, ...options }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (out.size > 0) backend.scan(kind, x, axis, options, out)
    return out
  },
  gradient(_, dy, [x], __, { axis, ...options }) {
    if (kind === 'sum') return apply(scans.sum, [dy], { ...options, axis, reverse: !options.reverse })
    return cumprodGradient(dy, x, axis, options)
  },
  batch: ([x], { axis, ...options }) => apply(scans[kind], [x], { ...options, axis: axis + 1 }),
})

const scans = { sum: scanOp('sum'), prod: scanOp('prod') }

const scan = (kind: 'sum' | 'prod', x: Tensor, axis: number, options: Partial<ScanOptions> | undefined): Tensor =>
  apply(scans[kind], [x], {
    axis: normalizeAxis(axis, x.rank, scans[kind].name),
    ...optionsOf(scans[kind].name, options, { exclusive: false, reverse: false }),
  })

/** Running sum along `axis`; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export const cumsum = (x: Tensor, axis = 0, options?: Partial<ScanOptions>): Tensor => scan('sum', x, axis, options)

/** Running product along `axis`; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export const cumprod = (x: Tensor, axis = 0, options?: Partial<ScanOptions>): Tensor => scan('prod', x, axis, options)

/**
 * `dx[i] = Σ_{j ≥ i} dy[j] · Π_{k ≤ j, k ≠ i} x[k]`, without division: `dx[i] = before[i] · after[i]`, where `before` is
 * the exclusive product and `after[i] = dy[i] + x[i+1] · after[i+1]`, a recurrence from the end.
 */
function cumprodGradient(dy: Tensor, x: Tensor, axis: number, { exclusive, reverse }: ScanOptions): Tensor {
  if (x.shape[axis] === 0) return dy
  const before = apply(scans.prod, [x], { axis, exclusive: true, reverse })
  const next = (t: Tensor): Tensor => shifted(t, axis, !reverse)
  const after = linearScan(exclusive ? next(dy) : dy, next(x), axis, { reverse: !reverse })
  return before.mul(after)
}

const rangeAlong = (x: Tensor, axis: number, range: SliceArgument): Tensor =>
  slice(x, ...x.shape.map((_, i): SliceArgument => (i === axis ? range : null)))

/** The element that comes next (`forward`) or came before in place of each, and 0 where there is none. */
function shifted(x: Tensor, axis: number, forward: boolean): Tensor {
  const zero = rangeAlong(x, axis, [0, 1]).zerosLike()
  return forward ? concat([rangeAlong(x, axis, [1]), zero], axis) : concat([zero, rangeAlong(x, axis, [0, -1])], axis)
}

/** Calls `f` with the start of every line along `axis` and the distance of its elements. */
function forEachLine({ shape }: Elements, axis: number, reverse: boolean, f: (first: number, step: number) => void): void {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1)
  const length = shape[axis]
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * length * inner + i
      if (reverse) f(start + (length - 1) * inner, -inner)
      else f(start, inner)
    }
  }
}

const linearScanOp: Op<{ axis: number; reverse: boolean }> = hostOp({
  name: 'linearScan',
  infer: ([b]) => ({ shape: b.shape, dtype: b.dtype }),
  compute([b, a], { axis, reverse }) {
    const y = new Float64Array(b.values.length)
    const length = b.shape[axis]
    forEachLine(b, axis, reverse, (first, step) => {
      let last = 0
      for (let k = 0, i = first; k < length; k++, i += step)
        y[i] = last = k === 0 ? b.values[i] : b.values[i] + a.values[i] * last
    })
    return y
  },
  gradient(i, dy, [b, a], y, { axis, reverse }) {
    if (b.size === 0) return dy
    // The factor that a gradient passes on its way back stands at the element that it comes from.
    const db = linearScan(dy, shifted(a, axis, !reverse), axis, { reverse: !reverse })
    return i === 0 ? db : db.mul(shifted(y, axis, reverse))
  },
  batch: (inputs, { axis, reverse }, { spread }, batched) =>
    apply(linearScanOp, spread(inputs, batched), { axis: axis + 1, reverse }),
})

/** The recurrence `y[i] = b[i] + a[i] · y[i-1]` along an axis (from the end: `y[i+1]`), with 0 before the first. */
export function linearScan(b: Tensor, a: Tensor, axis = 0, options?: { readonly reverse?: boolean }): Tensor {
  const { reverse } = optionsOf('linearScan', options, { reverse: false })
  const dtype = toFloat(b.dtype)
  const [p, q] = [b.cast(dtype), a.cast(dtype).broadcastTo(b.shape)]
  return apply(linearScanOp, [p, q], { axis: normalizeAxis(axis, b.rank, 'linearScan'), reverse })
}

const extremeOp: Op<{ axis: number; sign: number }> = hostOp({
  name: 'cumulativeExtreme',
  infer: ([x]) => ({ shape: x.shape, dtype: 'int32' }),
  compute([x], { axis, sign }) {
    const y = new Int32Array(x.values.length)
    const length = x.shape[axis]
    forEachLine(x, axis, false, (first, step) => {
      let best = 0
      let top = x.values[first]
      for (let k = 0, i = first; k < length; k++, i += step) {
        const value = x.values[i]
        if (top === top && (value !== value || sign * value > sign * top)) [best, top] = [k, value]
        y[i] = best
      }
    })
    return y
  },
})

function extreme(name: string, x: Tensor, axis: number, sign: number): Tensor {
  const at = normalizeAxis(axis, x.rank, name)
  return takeAlongAxis(x, apply(extremeOp, [x.stopGradient()], { axis: at, sign }), at)
}

/** The largest element so far along `axis`; from a NaN on, NaN. */
export const cummax = (x: Tensor, axis = 0): Tensor => extreme('cummax', x, axis, 1)

/** The smallest element so far along `axis`; from a NaN on, NaN. */
export const cummin = (x: Tensor, axis = 0): Tensor => extreme('cummin', x, axis, -1)

const logcumsumexpOp: Op<{ axis: number }> = hostOp({
  name: 'logcumsumexp',
  infer: ([x]) => ({ shape: x.shape, dtype: toFloat(x.dtype) }),
  compute([x], { axis }) {
    const y = new Float64Array(x.values.length)
    const length = x.shape[axis]
    forEachLine(x, axis, false, (first, step) => {
      let sum = -Infinity
      for (let k = 0, i = first; k < length; k++, i += step) {
        const value = x.values[i]
        const [low, high] = value < sum ? [value, sum] : [sum, value]
        y[i] = sum =
          low === -Infinity || high === Infinity ? high + (low === low ? 0 : low) : high + Math.log1p(Math.exp(low - high))
      }
    })
    return y
  },
  gradient(_, dy, [x], y, { axis }) {
    if (x.size === 0) return dy
    // Σ_{j ≥ i} dy[j] · e^(y[i] - y[j]) as a recurrence, every factor of which is at most 1. What is not finite is taken out
    // before the exponential too, so that no NaN comes back through it in further derivatives.
    const finite = y.isfinite()
    const power = (exponent: Tensor): Tensor => finite.where(finite.where(exponent, 0).exp(), 0)
    const next = concat([rangeAlong(y, axis, [1]), rangeAlong(y, axis, [-1])], axis)
    return linearScan(dy, power(y.sub(next)), axis, { reverse: true })
      .mul(power(x.sub(y)))
      .cast(x.dtype)
  },
})

/** `log Σ_{j ≤ i} e^x[j]` along `axis`, without overflow. */
export const logcumsumexp = (x: Tensor, axis = 0): Tensor =>
  apply(logcumsumexpOp, [x], { axis: normalizeAxis(axis, x.rank, 'logcumsumexp') })

/** The differences `x[i + 1] - x[i]` along `axis`, n times; of truth values, where they differ. */
export function diff(x: Tensor, n = 1, axis = -1): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new ValueError(`diff: n ${n}, expected an integer ≥ 0`, { n })
  const at = normalizeAxis(axis, x.rank, 'diff')
  let y = x.value
  for (let i = 0; i < n; i++) {
    const [later, earlier] = [rangeAlong(y, at, [1]), rangeAlong(y, at, [0, -1])]
    y = y.dtype === 'bool' ? later.notEqual(earlier) : later.sub(earlier)
  }
  return y
}
