import { Tensor, type TypedArray } from '@typegrad/tensor'
import type { GpuBuffer } from './buffer.ts'
import type { Cell } from './cell.ts'

/** A part of a host array that lies on the device. */
export interface Uploaded {
  readonly from: number
  readonly to: number
  readonly cell: Cell
}

/** One step of work, at whose end the device memory that was taken in it is free again. */
export class Scope {
  readonly outer: Scope | undefined
  readonly buffers: Set<GpuBuffer> = new Set()
  /** Tensors are values, so within a step each part of a host array is uploaded once. */
  readonly uploads: Map<TypedArray, Uploaded[]> = new Map()

  constructor(outer: Scope | undefined) {
    this.outer = outer
  }

  /** Frees all buffers but those of tensors in `result` and of variables. */
  close(result: unknown, free: (cell: Cell) => void): void {
    const kept = new Set<unknown>()
    for (const tensor of tensorsIn(result)) kept.add(tensor.buffer)
    for (const buffer of this.buffers) buffer.leave(kept.has(buffer), this.outer)
    for (const list of this.uploads.values()) for (const { cell } of list) free(cell)
  }
}

/** The tensors in a value made of arrays, maps, sets and plain objects. */
function* tensorsIn(value: unknown, visited = new Set<unknown>()): Generator<Tensor> {
  if (typeof value !== 'object' || value === null || visited.has(value)) return
  visited.add(value)
  if (value instanceof Tensor) yield value
  else if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    for (const item of value) yield* tensorsIn(item, visited)
  } else if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    for (const item of Object.values(value)) yield* tensorsIn(item, visited)
  }
}
