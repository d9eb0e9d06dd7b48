/** Loops that convolution and pooling share. */
import { sliceLayout, type Layout } from '../../layout.ts'
import type { AxisPadding } from '../backend.ts'

/** How a window lies on the spatial axes. */
export interface Windows {
  readonly window: readonly number[]
  readonly strides: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly AxisPadding[]
}

/**
 * Calls `f` for every position within the window, in row-major order, with what meets there: those elements of the inputs
 * and of the output, as layouts of one shape but for the last axis. Each output meets one input element, or padding, and is
 * then left out. All are `[batch, …spatial, channels]`; `inputs` have one shape.
 */
export function forEachTap(
  { window, strides, dilation, padding }: Windows,
  inputs: readonly Layout[],
  output: Layout,
  f: (layouts: readonly Layout[], tap: readonly number[]) => void,
): void {
  const all = (layout: Layout, axis: number): { start: number; length: number; step: number } => ({
    start: 0,
    length: layout.shape.at(axis)!,
    step: 1,
  })
  forEachPosition(window, (tap) => {
    const reach = tap.map((k, axis) => {
      const [length, outputs, stride] = [inputs[0].shape[axis + 1], output.shape[axis + 1], strides[axis]]
      // Output o meets input o·stride + shift.
      const shift = k * dilation[axis] - padding[axis][0]
      const first = Math.max(0, Math.ceil(-shift / stride))
      const end = Math.min(outputs, Math.floor((length - 1 - shift) / stride) + 1)
      return { first, start: first * stride + shift, length: end - first, step: stride }
    })
    if (reach.some(({ length }) => length <= 0)) return
    const met = inputs.map((input) => sliceLayout(input, [all(input, 0), ...reach, all(input, -1)]))
    const meeting = reach.map(({ first, length }) => ({ start: first, length, step: 1 }))
    f([...met, sliceLayout(output, [all(output, 0), ...meeting, all(output, -1)])], tap)
  })
}

/** Every index of a shape, in row-major order. */
function forEachPosition(shape: readonly number[], f: (index: readonly number[]) => void, index: readonly number[] = []): void {
  if (index.length === shape.length) return f(index)
  for (let i = 0; i < shape[index.length]; i++) forEachPosition(shape, f, [...index, i])
}

/**
 * Calls `f` with the buffer position in each layout of every index but for the last axis. The list is the same at every
 * call: read it, and keep nothing of it.
 */
export function forEachRow(layouts: readonly Layout[], f: (positions: readonly number[]) => void): void {
  const { shape } = layouts[0]
  const at = layouts.map(({ offset }) => offset)
  const walk = (axis: number): void => {
    if (axis === shape.length - 1) return f(at)
    for (let i = 0; i < shape[axis]; i++) {
      walk(axis + 1)
      for (let t = 0; t < at.length; t++) at[t] += layouts[t].strides[axis]
    }
    for (let t = 0; t < at.length; t++) at[t] -= shape[axis] * layouts[t].strides[axis]
  }
  walk(0)
}
