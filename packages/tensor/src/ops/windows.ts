/** Windows that move over spatial axes: the arithmetic of strides, dilation and padding. Pure; knows nothing of tensors. */
import { ShapeError, ValueError } from '../errors.ts'
import type { AxisPadding } from '../backends/backend.ts'

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[]

/**
 * `'valid'`: none; `'same'`: as much as makes the output `⌈length / stride⌉` long, the odd one after; `'causal'`: all before,
 * so that no output sees what comes after it; or `[before, after]` for each spatial axis.
 */
export type Padding = 'valid' | 'same' | 'causal' | readonly AxisPadding[]

/** How a window moves along one axis. */
export interface AxisWindow {
  readonly size: number
  readonly stride: number
  readonly dilation: number
  readonly padding: Padding | AxisPadding
}

/** A number for each of `rank` axes; throws unless all are integers ≥ `least`. */
export function perAxis(value: PerAxis, rank: number, op: string, option: string, least = 1): readonly number[] {
  const list = typeof value === 'number' ? Array.from({ length: rank }, () => value) : value
  if (!Array.isArray(list) || list.length !== rank || !list.every((n) => Number.isInteger(n) && n >= least)) {
    const wanted = `${least === 1 ? 'a positive integer' : `an integer ≥ ${least}`}, or ${rank} of them`
    throw new ValueError(`${op}: ${option} must be ${wanted}, got ${JSON.stringify(value)}`, { [option]: value })
  }
  return list
}

/** Throws unless `padding` is one of the allowed names, or a pair of integers for each axis. */
export function assertPadding(padding: unknown, rank: number, op: string, names: readonly string[]): void {
  const pairs = Array.isArray(padding) && padding.length === rank && padding.every((pair) => isPair(pair))
  if (pairs || names.includes(padding as string)) return
  const known = names.map((name) => `'${name}'`).join(', ')
  const list = Array.from({ length: rank }, () => '[before, after]').join(', ')
  throw new ValueError(`${op}: padding must be one of ${known} or [${list}], got ${JSON.stringify(padding)}`, { padding })
}

const isPair = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(Number.isInteger)

/** The number of elements from the first to the last that a window sees. */
const extent = ({ size, dilation }: AxisWindow): number => (size - 1) * dilation + 1

/** The padding of axis number `axis`, of `length` elements, as `[before, after]`. */
export function axisPadding(length: number, axis: number, window: AxisWindow): AxisPadding {
  const { padding, stride } = window
  if (typeof padding !== 'string')
    return typeof padding[0] === 'number' ? (padding as AxisPadding) : (padding[axis] as AxisPadding)
  if (padding === 'valid') return [0, 0]
  if (padding === 'causal') return [extent(window) - 1, 0]
  const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + extent(window) - length)
  return [total >> 1, total - (total >> 1)]
}

/** `⌊(before + length + after - extent) / stride⌋ + 1` windows; throws where not one has room. */
export function outputLength(length: number, axis: number, window: AxisWindow, op: string): number {
  const [before, after] = axisPadding(length, axis, window)
  const room = before + length + after - extent(window)
  if (room < 0) {
    throw new ShapeError(
      `${op}: a window of ${extent(window)} does not fit into ${length} elements with padding [${before}, ${after}] at spatial axis ${axis}`,
      { length, window, axis },
    )
  }
  return Math.floor(room / window.stride) + 1
}

/**
 * A transposed convolution is the input gradient of a convolution: here the length of the latter's input, and its padding,
 * by Keras' rule. Without `outputPadding` the length is `length · stride` for `'same'`, and
 * `(length - 1) · stride + max(extent, stride)` for `'valid'`.
 */
export function transposedAxis(
  length: number,
  axis: number,
  window: AxisWindow,
  outputPadding?: number,
): { readonly length: number; readonly padding: AxisPadding } {
  const { stride, padding } = window
  const size = extent(window)
  const reach = (length - 1) * stride + size
  const done = (before: number, end: number): { length: number; padding: AxisPadding } => {
    const output = Math.max(0, end)
    return { length: output, padding: [before, reach - output - before] }
  }
  if (padding === 'valid') return done(0, reach + (outputPadding ?? Math.max(size, stride) - size))
  if (padding === 'same') {
    const total = outputPadding === undefined ? stride + size - 2 : size + (size % 2) - 2 + outputPadding
    const left = Math.min(Math.ceil(total / 2), size - 1)
    return done(size - 1 - left, reach - 2 * (size - 1) + total)
  }
  const [before, after] = axisPadding(length, axis, window)
  return done(before, reach - before - after + (outputPadding ?? 0))
}
