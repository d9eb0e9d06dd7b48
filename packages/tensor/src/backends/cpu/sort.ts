import type { Tensor } from '../../tensor.ts'
import { forEachLine } from './reduce.ts'

/** Stable argsort along the last axis; NaN counts as the largest. */
export function argsort(x: Tensor, descending: boolean, out: Tensor): void {
  const axis = x.rank - 1
  const [step, outStep, length] = [x.layout.strides[axis], out.layout.strides[axis], x.shape[axis]]
  const values = new Float64Array(length)
  const [front, back] = [new Int32Array(length), new Int32Array(length)]
  forEachLine(x, out, axis, (from, to) => {
    for (let i = 0; i < length; i++) values[i] = x.array[from + i * step]
    const positions = mergeSort(values, descending, front, back)
    for (let i = 0; i < length; i++) out.array[to + i * outStep] = positions[i]
  })
}

/** The positions that sort `values`, in one of the two arrays: runs of one, then of two, of four … are merged. */
function mergeSort(values: Float64Array, descending: boolean, front: Int32Array, back: Int32Array): Int32Array {
  const { length } = values
  let [from, to] = [front, back]
  for (let i = 0; i < length; i++) from[i] = i
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length)
      const end = Math.min(start + 2 * width, length)
      let [i, j] = [start, middle]
      for (let k = start; k < end; k++) {
        const left = j >= end || (i < middle && !isBefore(values[from[j]], values[from[i]], descending))
        to[k] = left ? from[i++] : from[j++]
      }
    }
    ;[from, to] = [to, from]
  }
  return from
}

/** Whether `a` comes before `b`, a NaN being the largest of all. */
const isBefore = (a: number, b: number, descending: boolean): boolean =>
  descending ? a > b || (a !== a && b === b) : a < b || (b !== b && a === a)
