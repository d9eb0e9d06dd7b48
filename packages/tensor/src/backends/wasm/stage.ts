import type { TypedArray } from '../../dtype.ts'
import { collapse } from '../../layout.ts'
import type { Tensor } from '../../tensor.ts'
import { copyElements } from './copy.ts'
import type { Runner } from './runtime.ts'

/** The type that a kernel computes in. */
export type Real = 'f32' | 'f64'

export const bytesOf = { f32: 4, f64: 8 } as const

export const realOf = (dtype: string): Real | undefined => (dtype === 'float32' ? 'f32' : dtype === 'float64' ? 'f64' : undefined)

/** Where the elements of x are if they lie in WebAssembly memory, as those of variables and programs do, in the type of the kernel. */
function placeOf(runtime: Runner, x: Tensor, type: Real): number | undefined {
  const { array } = x
  return realOf(x.dtype) === type && array.buffer === runtime.memory.buffer
    ? array.byteOffset + x.layout.offset * bytesOf[type]
    : undefined
}

/** Whether x lies in the memory of a runtime: nothing has to be copied, then. */
export const isIn = (runtime: Pick<Runner, 'memory'>, x: Tensor): boolean => x.array.buffer === runtime.memory.buffer

/** The elements of x in memory, in row-major order: where they lie, or a copy, which later calls may find again if it is `kept`. */
export function bring(runtime: Runner, x: Tensor, type: Real, kept = false): number {
  const { layout } = x
  const place = layout.contiguous ? placeOf(runtime, x, type) : undefined
  if (place !== undefined) return place
  if (kept && layout.contiguous) return stageStretch(runtime, x, layout.offset, x.size, type)
  const address = runtime.reserve(x.size * bytesOf[type])
  stageFlat(runtime, x, address, type)
  return address
}

/** Where a kernel that writes nothing behind its result may put that of a contiguous tensor, for {@link unstage} to take it. */
export const target = (runtime: Runner, out: Tensor, type: Real): number =>
  placeOf(runtime, out, type) ?? runtime.reserve(out.size * bytesOf[type])

/** Copies the elements of x, in row-major order, to `address`, converted to the type of the kernel. */
export function stageFlat(runtime: Runner, x: Tensor, address: number, type: Real): void {
  const heap = runtime[type]
  const at = address / bytesOf[type]
  const { array, layout } = x
  const { offset, size } = layout
  if (layout.contiguous) {
    return copyElements(array, offset, size, heap, at)
  }
  const { shape, strides } = collapse(layout.shape, [layout.strides])
  copyStrided(array, offset, shape, strides[0], heap, at)
}

/** Writes strided elements one after the other; what a stride of 0 repeats is written once, and copied. */
function copyStrided(
  from: TypedArray,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  to: Float32Array | Float64Array,
  at: number,
): void {
  const rank = shape.length
  if (rank === 0) {
    to[at] = from[offset]
    return
  }
  const [length, step] = [shape[rank - 1], strides[rank - 1]]
  let out = at
  const walk = (axis: number, position: number): void => {
    if (axis === rank - 1) {
      if (step === 0) to.fill(from[position], out, out + length)
      else if (step === 1 && length > 32) to.set(from.subarray(position, position + length), out)
      else for (let i = 0, p = position; i < length; i++, p += step) to[out + i] = from[p]
      out += length
      return
    }
    const start = out
    walk(axis + 1, position)
    if (strides[axis] !== 0) for (let i = 1; i < shape[axis]; i++) walk(axis + 1, position + i * strides[axis])
    else out = repeat(to, start, out - start, shape[axis])
  }
  walk(0, offset)
}

/** Copies the `length` elements at `start` behind themselves until they are there so many `times`; returns where they end. */
function repeat(array: TypedArray, start: number, length: number, times: number): number {
  const end = start + length * times
  for (let done = length; start + done < end; done *= 2) array.copyWithin(start + done, start, Math.min(start + done, end - done))
  return end
}

/** Copies the elements at `address`, or `from` to `to` of them, into a contiguous tensor, unless they are there. */
export function unstage(runtime: Runner, address: number, out: Tensor, type: Real, from = 0, to = out.size): void {
  if (placeOf(runtime, out, type) === address) return
  const heap = runtime[type]
  const at = address / bytesOf[type]
  copyElements(heap, at + from, to - from, out.array, out.layout.offset + from)
}

/** The elements of the buffer of x from `low` on in memory: a copy that was made before, if there is one. */
function stageStretch(runtime: Runner, { buffer, array }: Tensor, low: number, size: number, type: Real): number {
  const bytes = size * bytesOf[type]
  const { stamp = 0 } = buffer
  const stretch = { stamp, low, size, type }
  const found = stamp === 0 ? undefined : runtime.copies?.find(stretch)
  if (found !== undefined) return found
  const address = runtime.copies?.add(stretch, bytes) ?? runtime.reserve(bytes)
  copyElements(array, low, size, runtime[type], address / bytesOf[type])
  return address
}

/** An operand in memory as it lies in its buffer: where its first element is. Strides are those of its layout, or of the copy. */
export interface Staged {
  readonly address: number
  readonly strides: readonly number[]
}

/**
 * Brings an operand of a product into memory with its strides: the stretch of buffer that it spans, if that is not
 * much longer than the operand, else its elements in row-major order.
 */
export function stageSpan(runtime: Runner, x: Tensor, type: Real): Staged {
  const { shape, strides, offset } = x.layout
  const place = placeOf(runtime, x, type)
  if (place !== undefined) return { address: place, strides }
  if (x.size === 0) return { address: runtime.reserve(0), strides }
  let [low, high] = [offset, offset]
  let distinct = 1
  shape.forEach((length, i) => {
    const reach = (length - 1) * strides[i]
    if (reach < 0) low += reach
    else high += reach
    if (strides[i] !== 0) distinct *= length
  })
  const span = high - low + 1
  if (span <= 1.5 * distinct + 16) {
    return { address: stageStretch(runtime, x, low, span, type) + (offset - low) * bytesOf[type], strides }
  }
  const address = bring(runtime, x, type)
  const packed = shape.slice()
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    packed[i] = step
    step *= shape[i]
  }
  return { address, strides: packed }
}
