import type { Tensor } from '../../tensor.ts'
import { forEachLine } from './reduce.ts'

/** Stable argsort along the last axis, of which `out` takes the first positions; NaN counts as the largest. */
export function argsort(x: Tensor, descending: boolean, out: Tensor): void {
  const axis = x.rank - 1
  const [step, outStep, length] = [x.layout.strides[axis], out.layout.strides[axis], x.shape[axis]]
  const count = out.shape[axis]
  const values = new Float64Array(length)
  const [front, back] = [new Int32Array(length), new Int32Array(length)]
  forEachLine(x, out, axis, (from, to) => {
    for (let i = 0; i < length; i++) values[i] = x.array[from + i * step]
    const positions = bucketSort(values, descending, front) ?? mergeSort(values, descending, front, back)
    for (let i = 0; i < count; i++) out.array[to + i * outStep] = positions[i]
  })
}

/** A bucket with more values than this is not worth it. */
const mostInBucket = 24

/** The same for values that are spread evenly, such as random ones: as many buckets as values, each put in order by insertion. */
function bucketSort(values: Float64Array, descending: boolean, out: Int32Array): Int32Array | undefined {
  const { length } = values
  let [low, high] = [Infinity, -Infinity]
  for (let i = 0; i < length; i++) {
    const value = values[i]
    if (value !== value) return undefined
    if (value < low) low = value
    if (value > high) high = value
  }
  const scale = (length - 1) / (high - low)
  if (!(scale > 0 && scale < Infinity)) return undefined
  const bucketOf = (value: number): number => Math.trunc((descending ? high - value : value - low) * scale)
  const ends = new Int32Array(length + 1)
  for (let i = 0; i < length; i++) if (++ends[bucketOf(values[i]) + 1] > mostInBucket) return undefined
  for (let i = 0; i < length; i++) ends[i + 1] += ends[i]
  for (let i = 0; i < length; i++) out[ends[bucketOf(values[i])]++] = i
  for (let k = 1; k < length; k++) {
    const position = out[k]
    let at = k
    for (; at > 0 && isBefore(values[position], values[out[at - 1]], descending); at--) out[at] = out[at - 1]
    out[at] = position
  }
  return out
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
