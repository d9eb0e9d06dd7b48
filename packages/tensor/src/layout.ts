/**
 * Views as arithmetic: a layout says where the elements of a shape lie in a flat buffer.
 * Element `[i, j, …]` lies at `offset + i·strides[0] + j·strides[1] + …`. Pure; no data is touched here.
 */
import { ShapeError } from './errors.ts'
import { formatShape, sizeOf, type Shape } from './shape.ts'

export interface Layout {
  readonly shape: Shape
  readonly strides: readonly number[]
  readonly offset: number
  readonly size: number
  /** Row-major without gaps. */
  readonly contiguous: boolean
}

function rowMajorStrides(shape: Shape): number[] {
  const strides = shape.slice()
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i]
  }
  return strides
}

/** The gap-free row-major layout of `shape`. */
export const contiguousLayout = (shape: Shape, offset = 0): Layout => ({
  shape,
  strides: rowMajorStrides(shape),
  offset,
  size: sizeOf(shape),
  contiguous: true,
})

/** A layout from its parts; finds out whether it is contiguous (axes of length 1 may have any stride). */
export function makeLayout(shape: Shape, strides: readonly number[], offset: number): Layout {
  let contiguous = true
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) contiguous = false
    step *= shape[i]
  }
  return { shape, strides, offset, size: step, contiguous: contiguous || step === 0 }
}

export const permuteLayout = (layout: Layout, order: readonly number[]): Layout =>
  makeLayout(
    order.map((axis) => layout.shape[axis]),
    order.map((axis) => layout.strides[axis]),
    layout.offset,
  )

/** One axis of a slice: `length` elements from `start`, `step` apart (negative steps walk backwards). */
export interface AxisSlice {
  readonly start: number
  readonly length: number
  readonly step: number
}

export function sliceLayout(layout: Layout, slices: readonly AxisSlice[]): Layout {
  let offset = layout.offset
  const shape = slices.map((slice) => slice.length)
  if (sizeOf(shape) > 0) slices.forEach((slice, i) => (offset += slice.start * layout.strides[i]))
  return makeLayout(
    shape,
    slices.map((slice, i) => slice.step * layout.strides[i]),
    offset,
  )
}

/** Stretches axes of length 1, and new leading axes, to `shape` with stride 0. */
export function broadcastLayout(layout: Layout, shape: Shape, op = 'broadcastTo'): Layout {
  const lead = shape.length - layout.shape.length
  if (lead < 0) {
    throw new ShapeError(`${op}: ${formatShape(layout.shape)} to ${formatShape(shape)}, the rank cannot shrink`, {
      from: layout.shape,
      to: shape,
    })
  }
  const strides = shape.map(zero)
  for (let i = lead; i < shape.length; i++) {
    const own = layout.shape[i - lead]
    if (own === shape[i]) strides[i] = layout.strides[i - lead]
    else if (own !== 1) {
      throw new ShapeError(
        `${op}: ${formatShape(layout.shape)} to ${formatShape(shape)}, ${own} at axis ${i} is neither ${shape[i]} nor 1`,
        { from: layout.shape, to: shape },
      )
    }
  }
  return makeLayout(shape, strides, layout.offset)
}

const zero = (): number => 0

/**
 * The same elements in the same order under another shape, or `undefined` where strides cannot say it and a copy is
 * needed. Groups the axes of both shapes into runs of equal size and checks that each old run is evenly strided.
 */
export function reshapeLayout(layout: Layout, shape: Shape): Layout | undefined {
  if (layout.contiguous) return contiguousLayout(shape, layout.offset)
  const from: number[] = []
  const fromStrides: number[] = []
  layout.shape.forEach((length, i) => {
    if (length !== 1) {
      from.push(length)
      fromStrides.push(layout.strides[i])
    }
  })
  const strides: number[] = Array.from({ length: shape.length }, () => 0)
  let i = 0
  let j = 0
  while (i < from.length && j < shape.length) {
    const [startI, startJ] = [i, j]
    let old = from[i++]
    let now = shape[j++]
    while (old !== now) {
      if (old < now) old *= from[i++]
      else now *= shape[j++]
    }
    for (let k = startI; k < i - 1; k++) if (fromStrides[k] !== fromStrides[k + 1] * from[k + 1]) return undefined
    let step = fromStrides[i - 1]
    for (let k = j - 1; k >= startJ; k--) {
      strides[k] = step
      step *= shape[k]
    }
  }
  return makeLayout(shape, strides, layout.offset)
}

/**
 * Drops axes of length 1 and merges neighbouring axes that all `layouts` (of one shape) walk evenly, so that loops
 * have as few levels as possible. Returns the merged shape and each layout's strides.
 */
export function collapse(shape: Shape, stridesOf: readonly (readonly number[])[]): { shape: number[]; strides: number[][] } {
  const outShape: number[] = []
  const out: number[][] = stridesOf.map(() => [])
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis]
    if (length === 1) continue
    const last = outShape.length - 1
    if (last >= 0 && stridesOf.every((strides, k) => out[k][last] === strides[axis] * length)) {
      outShape[last] *= length
      stridesOf.forEach((strides, k) => (out[k][last] = strides[axis]))
    } else {
      outShape.push(length)
      stridesOf.forEach((strides, k) => out[k].push(strides[axis]))
    }
  }
  return { shape: outShape, strides: out }
}
