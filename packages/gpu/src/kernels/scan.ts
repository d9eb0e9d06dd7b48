import type { Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { axesGrid, type Grid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments, seenAs, temporary, type Operand } from '../operand.ts'
import { collapse, contiguousLayout, type ScanOptions } from '../tensor.ts'
import { contiguous } from './copy.ts'
import { write } from './write.ts'

/**
 * Cumulative sum or product along `axis` in log₂ n passes: after pass k every element holds what itself and the 2^k - 1
 * before it give together (Hillis and Steele, 1986).
 */
export function scan(engine: Engine, kind: 'sum' | 'prod', x: Tensor, axis: number, options: ScanOptions, out: Tensor): void {
  if (needsHost([x], [out])) {
    return hostOp(engine, 'float64', [x], [out], (host, [from], [to]) => host.scan(kind, from, axis, options, to))
  }
  const length = x.shape[axis]
  const direction = options.reverse ? -1 : 1
  let current = lines(engine, x, axis)
  const { shape } = current.layout
  const pass = (next: Operand, key: string, source: (grid: Grid) => KernelSource, shift: number): void => {
    const grid = axesGrid(shape, [current.layout.strides], engine.runtime.limits)
    const args = [...grid.sizes, ...operandArguments(current, grid.strides[0]), shift, current.layout.strides[1], length]
    engine.launch(`${key} ${grid.kind}`, () => source(grid), grid.dims, args, [next.cell])
    current = next
  }
  if (options.exclusive) {
    pass(
      temporary(engine, shape),
      `shift ${kind}`,
      (grid) => scanSource(grid.kind, kind === 'sum' ? '0' : '1', undefined),
      direction,
    )
  }
  const sign = kind === 'sum' ? '+' : '*'
  for (let shift = 1; shift < length; shift *= 2) {
    pass(temporary(engine, shape), `scan ${kind}`, (grid) => scanSource(grid.kind, undefined, sign), shift * direction)
  }
  const done = contiguous(engine, current)
  write(engine, out, (cell) => engine.share(done.cell, done.offset, cell))
}

/** x as `[before, axis, after]`. */
function lines(engine: Engine, x: Tensor, axis: number): Operand {
  const source = operand(engine, x)
  const groups = [
    [0, axis],
    [axis + 1, x.rank],
  ].map(([from, to]) => collapse(x.shape.slice(from, to), [x.layout.strides.slice(from, to)]))
  const [before, after] = groups.map((group) => group.shape.reduce((a, b) => a * b, 1))
  const shape = [before, x.shape[axis], after]
  if (groups.some((group) => group.shape.length > 1)) {
    return seenAs(contiguous(engine, source), shape, contiguousLayout(shape).strides)
  }
  const [first, last] = groups.map((group) => group.strides[0][0] ?? 0)
  return seenAs(source, shape, [first, x.layout.strides[axis], last])
}

/** An element together with the one `shift` before it; or, with `outside`, only that one, and `outside` before the first. */
export function scanSource(grid: string, outside: string | undefined, sign: string | undefined): KernelSource {
  const text = new KernelText(grid)
  const index = text.grid.coordinates[1]
  const at = text.operand('x')
  text.integers('shift', 'step', 'length')
  const other = `x[${at} - shift * step]`
  text.lines(
    `if (${index} - shift >= 0 && ${index} - shift < length) { return ${sign === undefined ? other : `x[${at}] ${sign} ${other}`}; }`,
    `return ${outside ?? `x[${at}]`};`,
  )
  return text.finish()
}
