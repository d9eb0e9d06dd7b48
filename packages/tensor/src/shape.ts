/** Arithmetic on shapes: broadcasting, axes, sizes and reshape inference. Pure; knows nothing of tensors. */
import { describe, ShapeError } from './errors.ts'

export type Shape = readonly number[]

export const sizeOf = (shape: Shape): number => {
  let size = 1
  for (let i = 0; i < shape.length; i++) size *= shape[i]
  return size
}

export const formatShape = (shape: readonly (number | null)[]): string =>
  `[${shape.map((length) => length ?? 'null').join(', ')}]`

export const sameShape = (a: Shape, b: Shape): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The largest number of elements that an array may have: offsets must stay exact 32-bit integers. */
export const maxSize = 2 ** 31 - 1

/** Throws for a number where a list of them is expected: `reshape: shape must be an array of integers, as [-1], got -1` */
export function assertList(list: unknown, op: string, what: string): void {
  if (Array.isArray(list)) return
  const hint = typeof list === 'number' ? `, as [${list}]` : ''
  throw new ShapeError(`${op}: ${what} must be an array of integers${hint}, got ${describe(list)}`, { [what]: list })
}

/** Throws unless every length is an integer ≥ 0 and their product can be addressed. */
export function assertShape(shape: Shape, op: string): void {
  assertList(shape, op, 'shape')
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 0) {
      throw new ShapeError(`${op}: shape ${formatShape(shape)} holds ${length}, every length must be an integer ≥ 0`, { shape })
    }
  }
  if (sizeOf(shape) > maxSize && !shape.includes(0)) {
    throw new ShapeError(`${op}: shape ${formatShape(shape)} has more than ${maxSize} elements`, { shape })
  }
}

/** The shape that all `shapes` broadcast to, by NumPy's rule: aligned at the last axis, lengths equal or 1. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  let result = shapes[0]
  for (let i = 1; i < shapes.length; i++) {
    if (!sameShape(result, shapes[i])) result = broadcastPair(op, result, shapes[i], shapes)
  }
  return result
}

function broadcastPair(op: string, a: Shape, b: Shape, all: readonly Shape[]): Shape {
  const rank = Math.max(a.length, b.length)
  const result = (a.length === rank ? a : b).slice()
  for (let i = 0; i < rank; i++) {
    const p = a[i - rank + a.length] ?? 1
    const q = b[i - rank + b.length] ?? 1
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(`${op}: shapes ${all.map(formatShape).join(' and ')} do not broadcast: ${p} and ${q} at axis ${i}`, {
        shapes: all,
        axis: i,
      })
    }
    result[i] = p === 1 ? q : p
  }
  return result
}

/** `axis` counted from the front; throws when it is outside `[-rank, rank)`. */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const why = Number.isInteger(axis) ? `is out of range for rank ${rank}` : 'must be an integer'
    throw new ShapeError(`${op}: axis ${describe(axis)} ${why}`, { axis, rank })
  }
  return axis < 0 ? axis + rank : axis
}

/** One axis, several, or all (`null`/`undefined`), as sorted positions from the front; throws on repeats. */
export function normalizeAxes(axes: number | readonly number[] | null | undefined, rank: number, op: string): number[] {
  if (axes === undefined || axes === null) return Array.from({ length: rank }, (_, i) => i)
  if (!Array.isArray(axes)) return [normalizeAxis(axes as number, rank, op)]
  const list = (axes as readonly number[]).map((axis) => normalizeAxis(axis, rank, op))
  if (list.length > 1) list.sort((a, b) => a - b)
  for (let i = 1; i < list.length; i++) {
    if (list[i] === list[i - 1]) throw new ShapeError(`${op}: axis ${list[i]} is given twice`, { axes })
  }
  return list
}

/** `shape` without `axes` (sorted), or with length 1 there. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  return keepdims ? shape.map((length, i) => (axes.includes(i) ? 1 : length)) : shape.filter((_, i) => !axes.includes(i))
}

/** `target` with its one `-1` replaced by what makes the sizes equal. */
export function inferReshape(shape: Shape, target: Shape, op = 'reshape'): Shape {
  assertList(target, op, 'shape')
  const size = sizeOf(shape)
  const fail = (why: string): never => {
    throw new ShapeError(`${op}: ${formatShape(shape)} to ${formatShape(target)}, ${why}`, { shape, target })
  }
  const hole = target.indexOf(-1)
  if (hole !== target.lastIndexOf(-1)) fail('only one length can be -1')
  const bad = target.find((length) => length !== -1 && (!Number.isInteger(length) || length < 0))
  if (bad !== undefined) fail(`${bad} is no length`)
  if (hole < 0) {
    if (sizeOf(target) !== size) fail(`sizes ${size} and ${sizeOf(target)} differ`)
    return target
  }
  const rest = -sizeOf(target)
  if (rest === 0 || size % rest !== 0) fail(`${size} elements do not divide by ${rest}`)
  return target.map((length) => (length === -1 ? size / rest : length))
}
