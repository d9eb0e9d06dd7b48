import { contiguousLayout, type Layout } from '../../layout.ts'
import type { Shape } from '../../shape.ts'
import type { Tensor } from '../../tensor.ts'
import type { PoolAttributes, PoolKind } from '../backend.ts'
import { forEachRow, forEachTap, type Windows } from './windows.ts'

const windowsOf = (attributes: PoolAttributes): Windows => ({ ...attributes, dilation: attributes.window.map(() => 1) })

export function pool(kind: PoolKind, x: Tensor, attributes: PoolAttributes, out: Tensor): void {
  if (kind === 'max') return poolPick(x, x, attributes, out)
  const sums = new Float64Array(out.size)
  const counts = countElements(x.layout, out.shape, attributes)
  forEachMeeting([x.layout], out.shape, attributes, ([from], to) => (sums[to] += x.array[from]))
  for (let i = 0; i < out.size; i++) out.array[out.layout.offset + i] = sums[i] / counts[i]
}

export function poolPick(values: Tensor, x: Tensor, attributes: PoolAttributes, out: Tensor): void {
  const at = firstLargest(x, values.layout, attributes, out.shape)
  for (let i = 0; i < out.size; i++) out.array[out.layout.offset + i] = values.array[at[i]]
}

export function poolGradient(kind: PoolKind, x: Tensor, dy: Tensor, attributes: PoolAttributes, out: Tensor): void {
  const sums = new Float64Array(out.size)
  const dx = contiguousLayout(out.shape)
  const flat = dy.toTypedArray()
  if (kind === 'max') firstLargest(x, dx, attributes, dy.shape).forEach((at, i) => (sums[at] += flat[i]))
  else {
    const counts = countElements(dx, dy.shape, attributes)
    forEachMeeting([dx], dy.shape, attributes, ([to], from) => (sums[to] += flat[from] / counts[from]))
  }
  out.array.set(sums, out.layout.offset)
}

/** For each window, in row-major order, where in `like`, a layout of x's shape, the first of x's largest elements lies. */
function firstLargest(x: Tensor, like: Layout, attributes: PoolAttributes, outputs: Shape): Int32Array {
  const largest = new Float64Array(outputs.reduce((a, b) => a * b, 1))
  const at = new Int32Array(largest.length).fill(-1)
  const { array } = x
  forEachMeeting([x.layout, like], outputs, attributes, ([from, there], i) => {
    const value = array[from]
    const top = largest[i]
    if (at[i] === -1 || value > top || (value !== value && top === top)) {
      largest[i] = value
      at[i] = there
    }
  })
  return at
}

/** The number of elements of each window, in row-major order. */
function countElements(x: Layout, outputs: Shape, attributes: PoolAttributes): Int32Array {
  const counts = new Int32Array(outputs.reduce((a, b) => a * b, 1))
  forEachMeeting([x], outputs, attributes, (_, i) => counts[i]++)
  return counts
}

/** Calls `f` with the position in each input, and the row-major number of a window, wherever one has the other. */
function forEachMeeting(
  inputs: readonly Layout[],
  outputs: Shape,
  attributes: PoolAttributes,
  f: (inputs: readonly number[], output: number) => void,
): void {
  const steps = inputs.map(({ strides }) => strides.at(-1)!)
  const at = [...steps]
  forEachTap(windowsOf(attributes), inputs, contiguousLayout(outputs), (met) => {
    const channels = outputs.at(-1)!
    forEachRow(met, (row) => {
      const first = row[inputs.length]
      for (let c = 0; c < channels; c++) {
        for (let t = 0; t < at.length; t++) at[t] = row[t] + c * steps[t]
        f(at, first + c)
      }
    })
  })
}
