import type { Tensor } from '@typegrad/tensor'
import type { Cell } from '../cell.ts'
import type { Engine } from '../engine.ts'
import { place } from './place.ts'
import { contiguousLayout } from '../tensor.ts'

/** True if a tensor is all of its buffer, in order. */
export const coversBuffer = (out: Tensor, cell: Cell): boolean =>
  out.layout.contiguous && out.layout.offset === 0 && out.size === cell.length

/**
 * Calls `compute` with a cell for the elements of `out` in row-major order. Memory is never written twice: if `out` is a
 * part of its buffer, the buffer gets new memory, with the computed elements put among the old ones.
 */
export function write(engine: Engine, out: Tensor, compute: (cell: Cell) => void): void {
  const cell = engine.cellOf(out)
  if (coversBuffer(out, cell)) return compute(cell)
  const made = engine.temporary(out.size)
  compute(made)
  place(engine, { cell: made, offset: 0, layout: contiguousLayout(out.shape) }, out)
}
