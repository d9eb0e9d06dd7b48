import { kernel, type Tensor } from '@typegrad/tensor'
import type { Cell } from '../cell.ts'
import type { Engine } from '../engine.ts'
import { GpuBuffer } from '../buffer.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { constantOf, operand, temporary, type Operand } from '../operand.ts'
import { elementwise } from './elementwise.ts'
import { place } from './place.ts'
import { coversBuffer } from './write.ts'
import { planGrid } from '../grid.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { arrayOf } from '../tensor.ts'

const identity = kernel(['x'], { y: 'x' })

/** `out = x`, converted to out's dtype: shared memory if that says it, else a kernel. */
export function copy(engine: Engine, x: Tensor, out: Tensor): void {
  if (out.size === 0) return
  const cell = engine.cellOf(out)
  const whole = coversBuffer(out, cell)
  const onHost = !(x.buffer instanceof GpuBuffer)
  if (whole && onHost && out.dtype !== 'float64' && constantOf(x) === undefined) return upload(engine, x, cell)
  if (needsHost([x], [out])) return hostOp(engine, undefined, [x], [out], (host, [from], [to]) => host.copy(from, to))
  if (!whole) return place(engine, operand(engine, x), out)
  const same = x.dtype === out.dtype || out.dtype === 'float32' || (out.dtype === 'int32' && x.dtype !== 'float32')
  const inMemory = !onHost && x.layout.contiguous && engine.cellOf(x).written
  if (same && inMemory) engine.share(engine.cellOf(x), x.layout.offset, cell)
  else elementwise(engine, identity, [x], [out], out.dtype)
}

/** Converts on the host, and remembers integers, which are indices mostly: scatterAdd is faster if it knows them. */
function upload(engine: Engine, x: Tensor, cell: Cell): void {
  const data = arrayOf(cell.dtype, x.toTypedArray())
  engine.store(cell, data)
  if (cell.dtype === 'int32') cell.known = data
}

/** The same elements without gaps, in memory of their own if need be. */
export function contiguous(engine: Engine, x: Operand): Operand {
  if (x.layout.contiguous) return x
  const out = temporary(engine, x.layout.shape)
  const grid = planGrid(x.layout.shape, [x.layout.strides], engine.runtime.limits)
  engine.launch(`copy ${grid.kind}`, () => copySource(grid.kind), grid.dims, [...grid.sizes, x, ...grid.strides[0]], [out.cell])
  return out
}

export function copySource(grid: string): KernelSource {
  const text = new KernelText(grid)
  text.lines(`return x[${text.operand('x')}];`)
  return text.finish()
}
