import { kernel, parse, Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { planGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import { broadcastLayout } from '../tensor.ts'
import { endArguments, endOf, finishText, type End, type Finish } from './finish.ts'
import { matmulWgsl } from './matmul-wgsl.ts'
import { arraysOf } from './results.ts'
import { write } from './write.ts'

/** `out[…, i, j] = Σₖ a[…, i, k] · b[…, k, j]`, finished. Strides are arguments, so that transposes are free. */
export function matmul(engine: Engine, a: Tensor, b: Tensor, out: Tensor, finish?: Finish): void {
  if (needsHost([a, b], [out])) {
    return hostOp(engine, 'float64', [a, b], [out], (host, [left, right], [to]) => host.matmul(left, right, to))
  }
  const k = a.shape.at(-1)!
  if (k === 0 && !finish) return
  const [left, right] = [operand(engine, a), operand(engine, b)]
  const { end, key: ending, read } = endOf(engine, finish)
  const [aStrides, bStrides] = [a.layout.strides, b.layout.strides]
  const [aK, bK] = [aStrides.at(-1)!, bStrides.at(-2)!]
  const grid = planGrid(
    out.shape,
    [
      [...aStrides.slice(0, -1), 0],
      [...bStrides.slice(0, -2), 0, bStrides.at(-1)!],
      ...arraysOf(read).map(({ layout }) => layout.strides),
    ],
    engine.runtime.limits,
  )
  const args = [...grid.sizes, ...operandArguments(left, grid.strides[0]), ...operandArguments(right, grid.strides[1]), k, aK, bK]
  args.push(...endArguments(read, (i) => grid.strides[i + 2]))
  // A grid of other axes than rows and columns has no tiles.
  const [rows, columns] = out.shape.slice(-2)
  const whole = grid.kind === (out.rank === 2 ? '2' : '3') && grid.dims[0] === columns && grid.dims[1] === rows
  const tile = whole ? tileFor(rows, columns, k, out.size) : undefined
  const key = `matmul ${grid.kind}${tile ? ` ${tile} tiles` : ''}${ending}`
  const build = (): KernelSource => (tile ? tiled(grid.kind, tile, end) : matmulSource(grid.kind, end))
  write(engine, out, (cell) => engine.launch(key, build, grid.dims, args, [cell]))
}

const sum = parse('x0 + x1')

/** `out = a · b + bias`, by one kernel. */
export function matmulAdd(engine: Engine, a: Tensor, b: Tensor, bias: Tensor, out: Tensor): void {
  if (needsHost([a, b, bias], [out])) {
    return hostOp(engine, 'float64', [a, b, bias], [out], (host, [left, right, row], [to]) => {
      host.matmul(left, right, to)
      host.elementwise(plus, [to, spread(row, to)], [to], to.dtype)
    })
  }
  matmul(engine, a, b, out, { formula: sum, inputs: [spread(bias, out)] })
}

const plus = kernel(['x', 'y'], { z: 'x + y' })

const spread = (row: Tensor, { shape }: Tensor): Tensor => new Tensor(row.buffer, broadcastLayout(row.layout, shape), row.dtype)

/** 64 × 64 and 128 × 128 results of a group; both fit the 16 KiB of shared memory that every device has. */
const tiles = { small: { rows: 4, columns: 4, depth: 16 }, large: { rows: 8, columns: 8, depth: 8 } } as const
export type TileSize = keyof typeof tiles

/** Tiles pay where there are some of them, and large ones, which reuse more, where there are as many as a device has multiprocessors. */
function tileFor(rows: number, columns: number, k: number, size: number): TileSize | undefined {
  if (rows < 32 || columns < 32 || k < 16) return undefined
  return rows >= 128 && columns >= 128 && size >= 128 ** 3 ? 'large' : 'small'
}

/** The plain kernel, with a body in WGSL that multiplies tile by tile. */
export const tiled = (grid: string, size: TileSize, end?: End): KernelSource => ({
  ...matmulSource(grid, end),
  wgsl: matmulWgsl(grid === '2' ? 2 : 3, tiles[size], end?.kinds),
})

export function matmulSource(grid: string, end?: End): KernelSource {
  const text = new KernelText(grid)
  const [a, b] = [text.operand('a'), text.operand('b')]
  text.integers('length', 'aK', 'bK')
  text.lines('let sum = 0;', `for (let k = 0; k < length; k++) { sum += a[${a} + k * aK] * b[${b} + k * bK]; }`)
  finishText(text, end)
  return text.finish()
}
