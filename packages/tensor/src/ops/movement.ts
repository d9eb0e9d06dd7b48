/** Ops that move elements without computing: views where strides can say it, copies where they cannot. */
import { promote } from '../dtype.ts'
import { IndexError, ShapeError, ValueError } from '../errors.ts'
import { broadcastLayout, permuteLayout, reshapeLayout, sliceLayout, type AxisSlice, type Layout } from '../layout.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op, type Part } from '../op.ts'
import {
  assertList,
  assertShape,
  broadcastShapes,
  formatShape,
  inferReshape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  type Shape,
} from '../shape.ts'
import { emptyTensor, Tensor } from '../tensor.ts'
import { scalar, toTensor, type TensorLike } from '../convert.ts'
import { cast, copyOp } from './cast.ts'

/** @internal The elements of x seen through a layout. */
export const view = (x: Tensor, layout: Layout): Tensor => new Tensor(x.buffer, layout, x.dtype)

const permuteOp: Op<{ order: readonly number[] }> = {
  name: 'transpose',
  infer: ([x], { order }) => ({ shape: order.map((axis) => x.shape[axis]), dtype: x.dtype }),
  run: ([x], { order }) => view(x, permuteLayout(x.layout, order)),
  gradient: (_, dy, __, ___, { order }) => apply(permuteOp, [dy], { order: order.map((_, i) => order.indexOf(i)) }),
  batch: ([x], { order }) => apply(permuteOp, [x], { order: [0, ...order.map((axis) => axis + 1)] }),
}

/** The axes in another order: reversed by default; negative axes count from the end. A view. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  if (order !== undefined) assertList(order, 'transpose', 'order')
  if (order && normalizeAxes(order, x.rank, 'transpose').length !== x.rank) {
    throw new ShapeError(
      `transpose: order ${formatShape(order)} for shape ${formatShape(x.shape)}, every axis must be named once`,
      { order, shape: x.shape },
    )
  }
  const axes = order?.map((axis) => normalizeAxis(axis, x.rank, 'transpose')) ?? [...x.shape.keys()].toReversed()
  return apply(permuteOp, [x], { order: axes })
}

/** Axis `from` moved to position `to`. A view. */
export function moveaxis(x: Tensor, from: number, to: number): Tensor {
  const order = [...x.shape.keys()]
  order.splice(normalizeAxis(to, x.rank, 'moveaxis'), 0, ...order.splice(normalizeAxis(from, x.rank, 'moveaxis'), 1))
  return transpose(x, order)
}

/** Two axes exchanged. A view. */
export function swapaxes(x: Tensor, a: number, b: number): Tensor {
  const order = [...x.shape.keys()]
  const [i, j] = [normalizeAxis(a, x.rank, 'swapaxes'), normalizeAxis(b, x.rank, 'swapaxes')]
  ;[order[i], order[j]] = [j, i]
  return transpose(x, order)
}

const reshapeOp: Op<{ shape: Shape }> = {
  name: 'reshape',
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  run([x], { shape }) {
    const layout = reshapeLayout(x.layout, shape)
    return layout ? view(x, layout) : reshapeCopy(x, shape)
  },
  gradient: (_, dy, [x]) => reshape(dy, x.shape),
  batch: ([x], { shape }, { size }) => reshape(x, [size, ...shape]),
}

function reshapeCopy(x: Tensor, shape: Shape): Tensor {
  const copy = copyOp.run([x], undefined, x)
  return view(copy, reshapeLayout(copy.layout, shape)!)
}

/** The same elements in the same order under another shape, one length of which may be -1. A view where possible. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x.value
  return apply(reshapeOp, [x], { shape: inferReshape(x.shape, shape) })
}

/** All axes from `start` to `end` as one. */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1])
  const [from, to] = [normalizeAxis(start, x.rank, 'flatten'), normalizeAxis(end, x.rank, 'flatten')]
  const middle = x.shape.slice(from, to + 1).reduce((a, b) => a * b, 1)
  return reshape(x, [...x.shape.slice(0, from), middle, ...x.shape.slice(to + 1)])
}

/** Without the given axes, which must have length 1; without all such axes if none is given. */
export function squeeze(x: Tensor, axes?: number | readonly number[] | null): Tensor {
  const drop =
    axes === undefined || axes === null
      ? [...x.shape.keys()].filter((i) => x.shape[i] === 1)
      : normalizeAxes(axes, x.rank, 'squeeze')
  for (const axis of drop) {
    if (x.shape[axis] !== 1)
      throw new ShapeError(`squeeze: axis ${axis} of shape ${formatShape(x.shape)} has length ${x.shape[axis]}, expected 1`, {
        axis,
        shape: x.shape,
      })
  }
  return reshape(
    x,
    x.shape.filter((_, i) => !drop.includes(i)),
  )
}

/** A new axis of length 1 at position `axis` of the result. */
export function expandDims(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(axis, x.rank + 1, 'expandDims')
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])
}

const broadcastOp: Op<{ shape: Shape }> = {
  name: 'broadcastTo',
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  run: ([x], { shape }) => view(x, broadcastLayout(x.layout, shape)),
  gradient: (_, dy, [x]) => sumTo(dy, x.shape),
  batch: ([x], { shape }, { size }) => broadcastTo(alignBatch(x, shape.length), [size, ...shape]),
}

/** @internal x, `[batch, …]`, with axes of length 1 after the batch, so that the others are `rank`. */
export const alignBatch = (x: Tensor, rank: number): Tensor =>
  reshape(x, [x.shape[0], ...Array.from({ length: rank + 1 - x.rank }, () => 1), ...x.shape.slice(1)])

/** Axes of length 1, and new leading axes, stretched to `shape`. A view with stride 0. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  assertShape(shape, 'broadcastTo')
  return sameShape(x.shape, shape) ? x.value : apply(broadcastOp, [x], { shape })
}

/** @internal The view that broadcasting x to `shape` reads, unrecorded. */
export const broadcastView = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : view(x, broadcastLayout(x.layout, shape))

/** @internal Sums x over the axes along which `shape` was broadcast to x's shape: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x
  const lead = x.rank - shape.length
  const axes = [...x.shape.keys()].filter((axis) => axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1))
  return reshape(axes.length === 0 ? x : x.sum(axes), shape)
}

interface SliceAttributes {
  readonly slices: readonly AxisSlice[]
}

/** @internal */
export const sliceOp: Op<SliceAttributes> = {
  name: 'slice',
  infer: ([x], { slices }) => ({ shape: slices.map((s) => s.length), dtype: x.dtype }),
  run: ([x], { slices }) => view(x, sliceLayout(x.layout, slices)),
  gradient: (_, dy, [x], __, { slices }) => place(dy, slices, x.shape),
  joinGradients: (parts, x) =>
    joined(parts, x.shape) ??
    parts.map(({ dy, attributes }) => place(dy, attributes.slices, x.shape)).reduce((sum, dx) => sum.add(dx)),
  batch: ([x], { slices }, { size }) => apply(sliceOp, [x], { slices: [whole(size), ...slices] }),
}

const whole = (length: number): AxisSlice => ({ start: 0, length, step: 1 })

const place = (x: Tensor, slices: readonly AxisSlice[], shape: Shape): Tensor => apply(placeOp, [x], { slices, shape })

/** The slices put side by side, if they follow each other along one axis and have the whole length of all others. */
function joined(parts: readonly Part<SliceAttributes>[], shape: Shape): Tensor | undefined {
  const isWhole = ({ start, length, step }: AxisSlice, axis: number): boolean =>
    start === 0 && step === 1 && length === shape[axis]
  const axis = parts[0].attributes.slices.findIndex((range, i) => !isWhole(range, i))
  if (axis < 0 || parts.length === 1) return undefined
  const pieces: Tensor[] = []
  const gap = (from: number, to: number): void => {
    if (to > from) pieces.push(broadcastTo(scalar(0, parts[0].dy.dtype), shape.with(axis, to - from)))
  }
  let end = 0
  for (const { dy, attributes } of parts.toSorted((a, b) => a.attributes.slices[axis].start - b.attributes.slices[axis].start)) {
    const { start, length, step } = attributes.slices[axis]
    if (start < end || step !== 1 || !attributes.slices.every((range, i) => i === axis || isWhole(range, i))) return undefined
    gap(end, start)
    pieces.push(dy)
    end = start + length
  }
  gap(end, shape[axis])
  return concat(pieces, axis)
}

/** Puts x into the slice of an array of zeros: the transpose of `slice`. */
const placeOp: Op<SliceAttributes & { shape: Shape }> = {
  name: 'place',
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  run([x], { slices }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, spec.dtype, backend)
    if (x.size > 0) backend.copy(x, view(out, sliceLayout(out.layout, slices)))
    return out
  },
  gradient: (_, dy, __, ___, { slices }) => apply(sliceOp, [dy], { slices }),
  batch: ([x], { slices, shape }, { size }) => place(x, [whole(size), ...slices], [size, ...shape]),
}

/** What `slice` takes per axis: a position (the axis goes away), `[start, stop, step]` as in Python, or `null` for all of it. */
export type SliceArgument = number | readonly (number | null | undefined)[] | null

/**
 * The elements at the given positions of each axis: `x.slice([1, 3], null, -1)` is Python's `x[1:3, :, -1]`, and
 * `[null, null, -1]` is `::-1`. A view. Throws an IndexError for a position outside its axis.
 */
export function slice(x: Tensor, ...ranges: SliceArgument[]): Tensor {
  if (ranges.length > x.rank)
    throw new ShapeError(`slice: ${ranges.length} ranges for shape ${formatShape(x.shape)}, expected at most ${x.rank}`, {
      ranges,
      shape: x.shape,
    })
  const dropped: number[] = []
  const slices = x.shape.map((length, axis): AxisSlice => {
    const range = ranges[axis]
    if (typeof range !== 'number') return rangeSlice(range ?? [], length)
    if (!Number.isInteger(range) || range < -length || range >= length) {
      throw new IndexError(`slice: position ${range} is outside axis ${axis} of shape ${formatShape(x.shape)}`, {
        position: range,
        axis,
      })
    }
    dropped.push(axis)
    return { start: range < 0 ? range + length : range, length: 1, step: 1 }
  })
  const out = apply(sliceOp, [x], { slices })
  return dropped.length > 0 ? squeeze(out, dropped) : out
}

function rangeSlice([first, last, by]: readonly (number | null | undefined)[], length: number): AxisSlice {
  const step = by ?? 1
  for (const part of [first, last, step]) {
    if (part !== null && part !== undefined && !Number.isInteger(part))
      throw new ValueError(`slice: ${JSON.stringify(part)} is not an integer`, { part })
  }
  if (step === 0) throw new ValueError('slice: step is 0, expected a positive or negative integer')
  const limit = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + length : value, step < 0 ? -1 : 0), step < 0 ? length - 1 : length)
  const start = first === null || first === undefined ? (step < 0 ? length - 1 : 0) : limit(first)
  const stop = last === null || last === undefined ? (step < 0 ? -1 : length) : limit(last)
  return { start, length: Math.max(0, Math.ceil((stop - start) / step)), step }
}

/** The elements in reverse order along the given axes (all by default). A view. */
export function flip(x: Tensor, axes?: number | readonly number[] | null): Tensor {
  const flipped = normalizeAxes(axes, x.rank, 'flip')
  return slice(x, ...x.shape.map((_, axis): SliceArgument => (flipped.includes(axis) ? [null, null, -1] : null)))
}

const concatOp: Op<{ axis: number }> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const [first] = inputs
    for (const x of inputs) {
      if (x.rank !== first.rank || x.shape.some((length, i) => i !== axis && length !== first.shape[i])) {
        throw new ShapeError(
          `concat: shapes ${inputs.map((t) => formatShape(t.shape)).join(' and ')} differ outside axis ${axis}`,
          { shapes: inputs.map((t) => t.shape), axis },
        )
      }
    }
    const length = inputs.reduce((sum, x) => sum + x.shape[axis], 0)
    return {
      shape: first.shape.map((n, i) => (i === axis ? length : n)),
      dtype: inputs.reduce((d, x) => promote(d, x.dtype), first.dtype),
    }
  },
  run(inputs, { axis }, spec) {
    const backend = backendFor(inputs)
    const out = emptyTensor(spec.shape, spec.dtype, backend, true)
    concatSlices(inputs, axis).forEach((slices, i) => {
      if (inputs[i].size > 0) backend.copy(inputs[i], view(out, sliceLayout(out.layout, slices)))
    })
    return out
  },
  gradient: (i, dy, inputs, _, { axis }) =>
    cast(apply(sliceOp, [dy], { slices: concatSlices(inputs, axis)[i] }), inputs[i].dtype),
  batch: (inputs, { axis }, { spread }, batched) => apply(concatOp, spread(inputs, batched), { axis: axis + 1 }),
}

function concatSlices(inputs: readonly Tensor[], axis: number): AxisSlice[][] {
  let start = 0
  return inputs.map((x) => {
    const slices = x.shape.map((length, i) => ({ start: i === axis ? start : 0, length, step: 1 }))
    start += x.shape[axis]
    return slices
  })
}

function listed(op: string, tensors: readonly TensorLike[]): Tensor[] {
  if (!Array.isArray(tensors)) throw new ValueError(`${op}: the tensors must be given as an array, as in ${op}([a, b])`)
  if (tensors.length === 0) throw new ValueError(`${op}: no tensors are given`)
  return tensors.map((t: TensorLike) => toTensor(t))
}

/** The tensors joined along an existing axis. */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  const inputs = listed('concat', tensors)
  return apply(concatOp, inputs, { axis: normalizeAxis(axis, inputs[0].rank, 'concat') })
}

/** The tensors, all of one shape, joined along a new axis. */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  const inputs = listed('stack', tensors)
  for (const x of inputs) {
    if (!sameShape(x.shape, inputs[0].shape)) {
      throw new ShapeError(`stack: shapes ${inputs.map((t) => formatShape(t.shape)).join(' and ')} differ`, {
        shapes: inputs.map((t) => t.shape),
      })
    }
  }
  const at = normalizeAxis(axis, inputs[0].rank + 1, 'stack')
  return concat(
    inputs.map((x) => expandDims(x, at)),
    at,
  )
}

/** x cut along `axis` into so many equal parts, or into parts of the given lengths. Views. */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  const at = normalizeAxis(axis, x.rank, 'split')
  const length = x.shape[at]
  const lengths = typeof parts === 'number' ? Array.from({ length: Math.max(0, parts) }, () => length / parts) : parts
  if (lengths.reduce((a, b) => a + b, 0) !== length || lengths.some((l) => !Number.isInteger(l) || l < 0)) {
    throw new ShapeError(
      `split: axis ${axis} of shape ${formatShape(x.shape)} cannot be cut into ${JSON.stringify(parts)} parts`,
      { parts, length },
    )
  }
  let start = 0
  return lengths.map((l) => {
    const slices = x.shape.map((n, i) => (i === at ? { start, length: l, step: 1 } : { start: 0, length: n, step: 1 }))
    start += l
    return apply(sliceOp, [x], { slices })
  })
}

/** x repeated `repeats[axis]` times along each axis. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  if (repeats.some((r) => !Number.isInteger(r) || r < 0))
    throw new ValueError(`tile: repeats ${formatShape(repeats)}, expected integers ≥ 0`, { repeats })
  const rank = Math.max(x.rank, repeats.length)
  const shape = [...Array.from({ length: rank - x.rank }, () => 1), ...x.shape]
  const times = [...Array.from({ length: rank - repeats.length }, () => 1), ...repeats]
  const open = reshape(
    x,
    shape.flatMap((length) => [1, length]),
  )
  const spread = broadcastTo(
    open,
    shape.flatMap((length, i) => [times[i], length]),
  )
  return reshape(
    spread,
    shape.map((length, i) => length * times[i]),
  )
}

/** All tensors stretched to their common shape. Views. */
export function broadcastAll(tensors: readonly Tensor[]): Tensor[] {
  const shape = broadcastShapes(
    'broadcast',
    tensors.map((t) => t.shape),
  )
  return tensors.map((t) => broadcastTo(t, shape))
}
