import type { Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments, temporary } from '../operand.ts'
import { collapse, contiguousLayout } from '../tensor.ts'
import { write } from './write.ts'

/** Longer lines are sorted on the host: here every element is compared with all others of its line. */
const longest = 4096

/** The first of the stable positions that sort x along its last axis, as many as out has: the rank of each element, and then for each rank its element. */
export function argsort(engine: Engine, x: Tensor, descending: boolean, out: Tensor): void {
  const length = x.shape.at(-1)!
  if (needsHost([x], [out]) || length > longest) {
    const reason = length > longest ? `argsort of lines longer than ${longest}` : 'float64'
    return hostOp(engine, reason, [x], [out], (host, [from], [to]) => host.argsort(from, descending, to))
  }
  const heads = collapse(x.shape.slice(0, -1), [x.layout.strides.slice(0, -1)])
  const source = operand(engine, x)
  const ranks = temporary(engine, x.shape)
  const launch = (
    count: number,
    key: string,
    build: (grid: string) => KernelSource,
    from: typeof source,
    strides: number[],
    to: typeof ranks.cell,
  ): void => {
    const grid = axesGrid([...heads.shape, count], [strides], engine.runtime.limits)
    engine.launch(
      `${key} ${grid.kind}`,
      () => build(grid.kind),
      grid.dims,
      [...grid.sizes, ...operandArguments(from, grid.strides[0]), length],
      [to],
    )
  }
  launch(
    length,
    `rank ${descending}`,
    (grid) => rankSource(grid, descending),
    source,
    [...heads.strides[0], x.layout.strides.at(-1)!],
    ranks.cell,
  )
  const { strides } = contiguousLayout([...heads.shape, length])
  write(engine, out, (cell) => launch(out.shape.at(-1)!, 'invert', invertSource, ranks, [...strides], cell))
}

function lineText(grid: string): { text: KernelText; own: string; other: string; at: string } {
  const text = new KernelText(grid)
  const own = text.operand('x')
  const line = own.slice(0, own.lastIndexOf(' + '))
  text.integers('length')
  const { coordinates } = text.grid
  return { text, own, other: `${line} + i * xS${coordinates.length - 1}`, at: coordinates.at(-1)! }
}

/** How many elements of the line come before this one; a NaN counts as the largest. */
export function rankSource(grid: string, descending: boolean): KernelSource {
  const { text, own, other, at } = lineText(grid)
  const before = descending ? 'w > v || (!(w === w) && v === v)' : 'w < v || (w === w && !(v === v))'
  const tie = 'w === v || (!(w === w) && !(v === v))'
  text.lines(
    `const v = x[${own}];`,
    'let rank = 0;',
    'for (let i = 0; i < length; i++) {',
    `  const w = x[${other}];`,
    `  if (${before} || ((${tie}) && i < ${at})) { rank += 1; }`,
    '}',
    'return rank;',
  )
  return text.finish()
}

/** The position of the element of this rank. */
export function invertSource(grid: string): KernelSource {
  const { text, other, at } = lineText(grid)
  text.lines(
    'let position = 0;',
    `for (let i = 0; i < length; i++) { if (Math.abs(x[${other}] - ${at}) < 0.5) { position = i; } }`,
    'return position;',
  )
  return text.finish()
}
