import { ValueError } from '../errors.ts'
import { backendFor, type ScanOptions } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { takeAlongAxis } from './indexing.ts'
import { concat, flip, moveaxis, slice, type SliceArgument } from './movement.ts'

const argsortOp: Op<{ descending: boolean }> = {
  name: 'argsort',
  infer: ([x]) => ({ shape: x.shape, dtype: 'int32' }),
  run([x], { descending }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, 'int32', backend)
    if (out.size > 0) backend.argsort(x, descending, out)
    return out
  },
}

/** The positions that sort x along `axis`, stable, as int32; NaN counts as the largest, as in max and argmax. */
export function argsort(x: Tensor, axis = -1, { descending = false }: { descending?: boolean } = {}): Tensor {
  const at = normalizeAxis(axis, x.rank, 'argsort')
  if (at === x.rank - 1) return apply(argsortOp, [x], { descending })
  return moveaxis(apply(argsortOp, [moveaxis(x, at, -1)], { descending }), -1, at)
}

/** The elements in ascending order along `axis`; NaN counts as the largest. */
export function sort(x: Tensor, axis = -1, options: { descending?: boolean } = {}): Tensor {
  const at = normalizeAxis(axis, x.rank, 'sort')
  return takeAlongAxis(x, argsort(x, at, options), at)
}

/** The `k` largest elements along the last axis in descending order, and their positions; NaN counts as the largest. */
export function topk(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  const length = x.shape[normalizeAxis(-1, x.rank, 'topk')]
  if (!Number.isInteger(k) || k < 0 || k > length) {
    throw new ValueError(`topk: k is ${k} for shape ${formatShape(x.shape)}, expected an integer from 0 to ${length}`, {
      k,
      length,
    })
  }
  const all = x.shape.map((_, i): SliceArgument => (i === x.rank - 1 ? [0, k] : null))
  const indices = slice(argsort(x, -1, { descending: true }), ...all)
  return { values: takeAlongAxis(x, indices), indices }
}

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
})

/**
 * `dx[i] = Σ_{j ≥ i} dy[j] · Π_{k ≤ j, k ≠ i} x[k]`, without division: `dx[i] = before[i] · after[i]`, where `before` is
 * the exclusive product and `after[i] = dy[i] + x[i+1] · after[i+1]`, a recurrence from the end.
 */
function cumprodGradient(dy: Tensor, x: Tensor, axis: number, { exclusive, reverse }: ScanOptions): Tensor {
  if (reverse) return flip(cumprodGradient(flip(dy, axis), flip(x, axis), axis, { exclusive, reverse: false }), axis)
  const before = apply(scans.prod, [x], { axis, exclusive: true, reverse: false })
  const at = (t: Tensor, i: number): Tensor => slice(t, ...t.shape.map((_, k): SliceArgument => (k === axis ? [i, i + 1] : null)))
  const length = x.shape[axis]
  const parts: Tensor[] = []
  for (let i = length - 1; i >= 0; i--) {
    const next = parts.at(-1)
    const own = exclusive ? undefined : at(dy, i)
    // Exclusive: y[j] = Π_{k<j}, so the gradients arrive one place later.
    const later = next === undefined ? undefined : exclusive ? at(dy, i + 1).add(at(x, i + 1).mul(next)) : at(x, i + 1).mul(next)
    parts.push(own && later ? own.add(later) : (own ?? later ?? at(dy, i).mul(0)))
  }
  return before.mul(parts.length === 0 ? dy : flip(concat(parts, axis), axis))
}

const scans = { sum: scanOp('sum'), prod: scanOp('prod') }

/** Running sum along `axis`; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export const cumsum = (x: Tensor, axis = 0, { exclusive = false, reverse = false }: Partial<ScanOptions> = {}): Tensor =>
  apply(scans.sum, [x], { axis: normalizeAxis(axis, x.rank, 'cumsum'), exclusive, reverse })

/** Running product along `axis`; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export const cumprod = (x: Tensor, axis = 0, { exclusive = false, reverse = false }: Partial<ScanOptions> = {}): Tensor =>
  apply(scans.prod, [x], { axis: normalizeAxis(axis, x.rank, 'cumprod'), exclusive, reverse })
