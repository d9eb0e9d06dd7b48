/** Elements around a tensor: a number, or the tensor itself continued. */
import { ValueError } from '../errors.ts'
import { sliceLayout, type AxisSlice } from '../layout.ts'
import { backendFor } from '../backends/backend.ts'
import { scalar } from '../convert.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, type Shape } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { take } from './indexing.ts'
import { broadcastView, sliceOp, view } from './movement.ts'

const padOp: Op<{ widths: readonly (readonly [number, number])[]; value: number }> = {
  name: 'pad',
  infer: ([x], { widths }) => ({ shape: x.shape.map((length, i) => length + widths[i][0] + widths[i][1]), dtype: x.dtype }),
  run([x], { widths, value }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (value !== 0 && out.size > 0) backend.copy(broadcastView(scalar(value, x.dtype), spec.shape), out)
    if (x.size > 0) backend.copy(x, view(out, sliceLayout(out.layout, inner(x.shape, widths))))
    return out
  },
  gradient: (_, dy, [x], __, { widths }) => apply(sliceOp, [dy], { slices: inner(x.shape, widths) }),
  batch: ([x], { widths, value }) => apply(padOp, [x], { widths: [[0, 0], ...widths], value }),
}

const inner = (shape: Shape, widths: readonly (readonly [number, number])[]): AxisSlice[] =>
  shape.map((length, i) => ({ start: widths[i][0], length, step: 1 }))

/**
 * How `abc` goes on beyond its ends: `'edge'` aa|abc|cc, `'symmetric'` ba|abc|cb, `'reflect'` cb|abc|ba, `'wrap'` bc|abc|ab.
 */
export type PadMode = 'edge' | 'symmetric' | 'reflect' | 'wrap'

const remainder = (i: number, n: number): number => ((i % n) + n) % n

/** Which element of a line of n stands at position i, which may lie outside. */
const continued: Readonly<Record<PadMode, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: remainder,
  symmetric: (i, n) => Math.min(remainder(i, 2 * n), 2 * n - 1 - remainder(i, 2 * n)),
  reflect: (i, n) => (n === 1 ? 0 : Math.min(remainder(i, 2 * n - 2), 2 * n - 2 - remainder(i, 2 * n - 2))),
}

/** Elements before and after: for all axes, or for each. */
export type PadWidths = number | readonly [number, number] | readonly (readonly [number, number])[]

/**
 * x with `widths[axis] = [before, after]` elements around it, of `value`, which is a number or says how x goes on; one number
 * or pair of widths stands for all axes.
 */
export function pad(x: Tensor, widths: PadWidths, value: number | PadMode = 0): Tensor {
  const all =
    typeof widths === 'number'
      ? x.shape.map((): [number, number] => [widths, widths])
      : typeof widths[0] === 'number'
        ? x.shape.map(() => widths as readonly [number, number])
        : (widths as readonly (readonly [number, number])[])
  if (all.length !== x.rank || all.some((pair) => pair.length !== 2 || pair.some((w) => !Number.isInteger(w) || w < 0))) {
    throw new ValueError(
      `pad: widths ${JSON.stringify(widths)} for shape ${formatShape(x.shape)}, expected a pair of integers ≥ 0 per axis`,
      { widths, shape: x.shape },
    )
  }
  if (typeof value === 'number') return apply(padOp, [x], { widths: all, value })
  if (!Object.hasOwn(continued, value)) {
    const known = Object.keys(continued).join(', ')
    throw new ValueError(`pad: mode '${value as string}', expected a number or one of ${known}`, { value })
  }
  return all.reduce((y, [before, after], axis) => {
    const length = x.shape[axis]
    if (before + after === 0) return y
    if (length === 0) throw new ValueError(`pad: axis ${axis} of shape ${formatShape(x.shape)} has no elements to continue`)
    const picks = Int32Array.from({ length: before + length + after }, (_, i) => continued[value](i - before, length))
    return take(y, picks, axis)
  }, x.value)
}
