import type { Tensor } from '@typegrad/tensor'
import type { Argument, Engine } from '../engine.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments, temporary, type Operand } from '../operand.ts'
import type { PoolAttributes, PoolKind } from '../tensor.ts'
import {
  forEachTap,
  forEachWindow,
  pixelCoordinates,
  pixelGrid,
  unravel,
  windowArguments,
  windowParameters,
  type Windows,
} from './windows.ts'
import { write } from './write.ts'

const windowsOf = (x: readonly number[], y: readonly number[], attributes: PoolAttributes): Windows => ({
  ...attributes,
  dilation: attributes.window.map(() => 1),
  lengths: x.slice(1, -1),
  outputs: y.slice(1, -1),
})

const array = (engine: Engine, x: Tensor): Argument[] => operandArguments(operand(engine, x), x.layout.strides)
const arrayOf = (x: Operand): Argument[] => operandArguments(x, x.layout.strides)
const axesOf = (rank: number, letter: string): string[] => Array.from({ length: rank }, (_, i) => `${letter}${i}`)

/** The largest element or the mean of each window. */
export function pool(engine: Engine, kind: PoolKind, x: Tensor, attributes: PoolAttributes, out: Tensor): void {
  if (needsHost([x], [out]))
    return hostOp(engine, 'float64', [x], [out], (host, [from], [to]) => host.pool(kind, from, attributes, to))
  const windows = windowsOf(x.shape, out.shape, attributes)
  const rank = windows.window.length
  const grid = pixelGrid(out.shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), ...array(engine, x)]
  const build = (): KernelSource => poolSource(kind, rank, grid.kind)
  write(engine, out, (cell) => engine.launch(`pool ${kind} ${rank} ${grid.kind}`, build, grid.dims, args, [cell]))
}

/** `index` gives the position of the first of the largest elements, as one number over the spatial axes. */
export function poolSource(kind: PoolKind | 'index', rank: number, grid: string): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  const [b, ...rest] = pixelCoordinates(text, axesOf(rank, 'O'))
  const [o, channel] = [rest.slice(0, -1), rest.at(-1)!]
  text.lines('let top = 0;', 'let best = -1;', 'let sum = 0;', 'let count = 0;')
  const lines = forEachTap(o, (at) => {
    const v = `const v = x[${text.operand('x', [b, ...at, channel])}];`
    if (kind === 'mean') return [v, 'sum += v;', 'count += 1;']
    return [v, `if (best < 0 || v > top || (!(v === v) && top === top)) { top = v; best = ${flat(at)}; }`]
  })
  text.lines(...lines, { max: 'return top;', mean: 'return sum / count;', index: 'return best;' }[kind])
  return text.finish()
}

const flat = (at: readonly string[]): string => at.reduce((sum, position, i) => `(${sum} * L${i} + ${position})`)

/** Where in each window the first of the largest elements lies. */
function largest(engine: Engine, x: Tensor, shape: readonly number[], windows: Windows): Operand {
  const index = temporary(engine, shape)
  const rank = windows.window.length
  const grid = pixelGrid(shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), ...array(engine, x)]
  engine.launch(`pool index ${rank} ${grid.kind}`, () => poolSource('index', rank, grid.kind), grid.dims, args, [index.cell])
  return index
}

/** For each window the element of `values` where x has its largest. */
export function poolPick(engine: Engine, values: Tensor, x: Tensor, attributes: PoolAttributes, out: Tensor): void {
  if (needsHost([values, x], [out])) {
    return hostOp(engine, 'float64', [values, x], [out], (host, [a, b], [to]) => host.poolPick(a, b, attributes, to))
  }
  const windows = windowsOf(x.shape, out.shape, attributes)
  const rank = windows.window.length
  const index = largest(engine, x, out.shape, windows)
  const grid = pixelGrid(out.shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), ...arrayOf(index), ...array(engine, values)]
  write(engine, out, (cell) =>
    engine.launch(`pick ${rank} ${grid.kind}`, () => pickSource(rank, grid.kind), grid.dims, args, [cell]),
  )
}

export function pickSource(rank: number, grid: string): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  const [b, ...rest] = pixelCoordinates(text, axesOf(rank, 'O'))
  const channel = rest.at(-1)!
  text.lines(`const best = index[${text.operand('index', [b, ...rest])}];`)
  const at = unravel(text, '(best | 0)', axesOf(rank, 'L').slice(1), 'w')
  text.lines(`return values[${text.operand('values', [b, ...at, channel])}];`)
  return text.finish()
}

/** The gradient for x: each element gathers from the windows that it lies in. */
export function poolGradient(
  engine: Engine,
  kind: PoolKind,
  x: Tensor,
  dy: Tensor,
  attributes: PoolAttributes,
  out: Tensor,
): void {
  if (needsHost([x, dy], [out])) {
    return hostOp(engine, 'float64', [x, dy], [out], (host, [a, b], [to]) => host.poolGradient(kind, a, b, attributes, to))
  }
  const windows = windowsOf(x.shape, dy.shape, attributes)
  const rank = windows.window.length
  const index = kind === 'max' ? arrayOf(largest(engine, x, dy.shape, windows)) : []
  const grid = pixelGrid(out.shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), ...array(engine, dy), ...index]
  const build = (): KernelSource => poolGradientSource(kind, rank, grid.kind)
  write(engine, out, (cell) => engine.launch(`poolGradient ${kind} ${rank} ${grid.kind}`, build, grid.dims, args, [cell]))
}

export function poolGradientSource(kind: PoolKind, rank: number, grid: string): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  const [b, ...rest] = pixelCoordinates(text, axesOf(rank, 'L'))
  const [at, channel] = [rest.slice(0, -1), rest.at(-1)!]
  text.lines('let sum = 0;')
  const lines = forEachWindow(text, at, (o) => {
    const dy = `dy[${text.operand('dy', [b, ...o, channel])}]`
    if (kind === 'max') {
      const index = `index[${text.operand('index', [b, ...o, channel])}]`
      return [`if (Math.abs(${index} - ${flat(at)}) < 0.5) { sum += ${dy}; }`]
    }
    // The number of elements that a window has along an axis: what of it lies on the input.
    const counts = o.map((position, i) => {
      const first = `${position} * s${i} - p${i}`
      return `(Math.min(${first} + K${i}, L${i}) - Math.max(${first}, 0))`
    })
    return [`sum += ${dy} / (${counts.join(' * ')});`]
  })
  text.lines(...lines, 'return sum;')
  return text.finish()
}
