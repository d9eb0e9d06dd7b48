import type { Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import { matmulWgsl } from './matmul-wgsl.ts'
import { write } from './write.ts'

/** `out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]`: a thread for each result, walking any strides, so that transposes are free. */
export function matmul(engine: Engine, a: Tensor, b: Tensor, out: Tensor): void {
  if (needsHost([a, b], [out])) {
    return hostOp(engine, 'float64', [a, b], [out], (host, [left, right], [to]) => host.matmul(left, right, to))
  }
  const k = a.shape.at(-1)!
  if (k === 0) return
  const [left, right] = [operand(engine, a), operand(engine, b)]
  const [aStrides, bStrides] = [a.layout.strides, b.layout.strides]
  const [aK, bK] = [aStrides.at(-1)!, bStrides.at(-2)!]
  const grid = planGrid(
    out.shape,
    [
      [...aStrides.slice(0, -1), 0],
      [...bStrides.slice(0, -2), 0, bStrides.at(-1)!],
    ],
    engine.runtime.limits,
  )
  const args = [...grid.sizes, ...operandArguments(left, grid.strides[0]), ...operandArguments(right, grid.strides[1]), k, aK, bK]
  // Tiles pay where there are some of them. A grid of other axes than rows and columns has no tiles.
  const [rows, columns] = out.shape.slice(-2)
  const whole = grid.kind === (out.rank === 2 ? '2' : '3') && grid.dims[0] === columns && grid.dims[1] === rows
  const large = whole && rows >= 32 && columns >= 32 && k >= 16
  const key = `matmul ${grid.kind}${large ? ' tiled' : ''}`
  const build = (): KernelSource => (large ? tiled(grid.kind) : matmulSource(grid.kind))
  write(engine, out, (cell) => engine.launch(key, build, grid.dims, args, [cell]))
}

/** The plain kernel, with a body in WGSL that multiplies tile by tile. */
export const tiled = (grid: string): KernelSource => ({
  ...matmulSource(grid),
  wgsl: matmulWgsl(grid === '2' ? 2 : 3, { rows: 4, columns: 4, depth: 16 }),
})

export function matmulSource(grid: string): KernelSource {
  const text = new KernelText(grid)
  const [a, b] = [text.operand('a'), text.operand('b')]
  text.integers('length', 'aK', 'bK')
  text.lines('let sum = 0;', `for (let k = 0; k < length; k++) { sum += a[${a} + k * aK] * b[${b} + k * bK]; }`, 'return sum;')
  return text.finish()
}
