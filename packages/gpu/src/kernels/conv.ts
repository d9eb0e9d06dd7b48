import type { Tensor } from '@typegrad/tensor'
import type { Argument, Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import type { ConvAttributes } from '../tensor.ts'
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
import { endArguments, endOf, finishText, type End, type Finish } from './finish.ts'
import { arraysOf } from './results.ts'
import { write } from './write.ts'

/** The windows of a convolution, and the sizes of its groups. */
function geometry(x: readonly number[], kernel: readonly number[], y: readonly number[], { groups, ...rest }: ConvAttributes) {
  const rank = x.length - 2
  const windows: Windows = { ...rest, lengths: x.slice(1, -1), outputs: y.slice(1, -1), window: kernel.slice(0, rank) }
  return { rank, channels: kernel[rank], filters: kernel[rank + 1] / groups, windows }
}

const array = (engine: Engine, x: Tensor): Argument[] => operandArguments(operand(engine, x), x.layout.strides)

/**
 * `out[b, …o, g, j] = Σ x[b, …o·stride + k·dilation - before, g, i] · kernel[…k, i, g, j]`, finished: a thread for each result.
 */
export function conv(engine: Engine, x: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor, finish?: Finish): void {
  if (needsHost([x, kernel], [out])) {
    return hostOp(engine, 'float64', [x, kernel], [out], (host, [a, b], [to]) => host.conv(a, b, attributes, to))
  }
  const { rank, channels, filters, windows } = geometry(x.shape, kernel.shape, out.shape, attributes)
  const grid = pixelGrid(out.shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), channels, filters, ...array(engine, x), ...array(engine, kernel)]
  const { end, key, read } = endOf(engine, finish)
  args.push(...endArguments(read, (i) => arraysOf(read)[i].layout.strides))
  write(engine, out, (cell) =>
    engine.launch(`conv ${rank} ${grid.kind}${key}`, () => convSource(rank, grid.kind, end), grid.dims, args, [cell]),
  )
}

export function convSource(rank: number, grid: string, end?: End): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  text.integers('channels', 'filters')
  const [b, ...rest] = pixelCoordinates(text, axesOf(rank, 'O'))
  const [o, filter] = [rest.slice(0, -1), rest.at(-1)!]
  text.library.add('f_quotient')
  text.lines(`const group = f_quotient(${filter}, filters);`, 'let sum = 0;')
  const lines = forEachTap(o, (at) => {
    const x = text.operand('x', [b, ...at, '((group | 0) * channels + c)'])
    const kernel = text.operand('w', [...axesOf(rank, 'k'), 'c', filter])
    return [`for (let c = 0; c < channels; c++) { sum += x[${x}] * w[${kernel}]; }`]
  })
  text.lines(...lines)
  finishText(text, end, [b, ...o, filter])
  return text.finish()
}

/** The gradient for x: each element gathers from all windows that it lies in. */
export function convInput(engine: Engine, dy: Tensor, kernel: Tensor, attributes: ConvAttributes, out: Tensor): void {
  if (needsHost([dy, kernel], [out])) {
    return hostOp(engine, 'float64', [dy, kernel], [out], (host, [a, b], [to]) => host.convInput(a, b, attributes, to))
  }
  const { rank, channels, filters, windows } = geometry(out.shape, kernel.shape, dy.shape, attributes)
  const grid = pixelGrid(out.shape, engine.runtime.limits)
  const args = [...grid.sizes, ...windowArguments(windows), channels, filters, ...array(engine, dy), ...array(engine, kernel)]
  const build = (): KernelSource => convInputSource(rank, grid.kind)
  write(engine, out, (cell) => engine.launch(`convInput ${rank} ${grid.kind}`, build, grid.dims, args, [cell]))
}

export function convInputSource(rank: number, grid: string): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  text.integers('channels', 'filters')
  const [b, ...rest] = pixelCoordinates(text, axesOf(rank, 'L'))
  const [at, channel] = [rest.slice(0, -1), rest.at(-1)!]
  text.library.add('f_quotient')
  text.lines(`const group = f_quotient(${channel}, channels);`, 'let sum = 0;')
  const lines = forEachWindow(text, at, (o) => {
    const filter = '((group | 0) * filters + j)'
    const dy = text.operand('dy', [b, ...o, filter])
    const kernel = text.operand('w', [...axesOf(rank, 'k'), `(${channel} - (group | 0) * channels)`, filter])
    return [`for (let j = 0; j < filters; j++) { sum += dy[${dy}] * w[${kernel}]; }`]
  })
  text.lines(...lines, 'return sum;')
  return text.finish()
}

/** Threads that keep a device busy. */
const enoughThreads = 2 ** 16

/** The gradient for the kernel, whose elements are few and each a sum over all outputs: first by parts of the batch. */
export function convKernel(engine: Engine, x: Tensor, dy: Tensor, attributes: ConvAttributes, out: Tensor): void {
  if (needsHost([x, dy], [out])) {
    return hostOp(engine, 'float64', [x, dy], [out], (host, [a, b], [to]) => host.convKernel(a, b, attributes, to))
  }
  const { rank, channels, filters, windows } = geometry(x.shape, out.shape, dy.shape, attributes)
  const [batch] = x.shape
  const parts = Math.max(1, Math.min(batch, Math.ceil(enoughThreads / out.size)))
  const perPart = Math.ceil(batch / parts)
  const taps = windows.window.reduce((a, b) => a * b, 1)
  const grid = axesGrid([parts * taps, channels, out.shape.at(-1)!], [], engine.runtime.limits)
  const args = [
    ...grid.sizes,
    ...windowArguments(windows),
    channels,
    filters,
    batch,
    perPart,
    ...array(engine, x),
    ...array(engine, dy),
  ]
  const build = (): KernelSource => convKernelSource(rank, grid.kind)
  const key = `convKernel ${rank} ${grid.kind}`
  write(engine, out, (cell) => {
    if (parts === 1) return engine.launch(key, build, grid.dims, args, [cell])
    const partial = engine.temporary(parts * out.size)
    engine.launch(key, build, grid.dims, args, [partial])
    return engine.launch('sum of parts', sumOfPartsSource, [out.size], [{ cell: partial, offset: 0 }, parts, out.size], [cell])
  })
}

export function convKernelSource(rank: number, grid: string): KernelSource {
  const text = new KernelText(grid)
  windowParameters(text, rank)
  text.integers('channels', 'filters', 'batch', 'perPart')
  const [first, channel, filter] = text.grid.coordinates
  const [part, ...tap] = unravel(text, first, axesOf(rank, 'K'), 't')
  text.library.add('f_quotient')
  text.lines(`const group = f_quotient(${filter}, filters);`, 'let sum = 0;')
  const b = `(${part} * perPart + i)`
  const o = axesOf(rank, 'o')
  const at = o.map((position, i) => `(${position} * s${i} + ${tap[i]} * d${i} - p${i})`)
  const x = text.operand('x', [b, ...at, `((group | 0) * channels + ${channel})`])
  const dy = text.operand('dy', [b, ...o, filter])
  text.lines(
    'for (let i = 0; i < perPart; i++) {',
    `if (${b} < batch) {`,
    ...o.flatMap((name, i) => [
      `for (let ${name} = 0; ${name} < O${i}; ${name}++) {`,
      `if (${at[i]} >= 0 && ${at[i]} < L${i}) {`,
    ]),
    `sum += x[${x}] * dy[${dy}];`,
    ...o.flatMap(() => ['}', '}']),
    '}',
    '}',
    'return sum;',
  )
  return text.finish()
}

export function sumOfPartsSource(): KernelSource {
  const text = new KernelText('1')
  const at = text.operand('x', [])
  text.integers('parts', 'size')
  text.lines('let sum = 0;', `for (let i = 0; i < parts; i++) { sum += x[${at} + i * size + this.thread.x]; }`, 'return sum;')
  return text.finish()
}

const axesOf = (rank: number, letter: string): string[] => Array.from({ length: rank }, (_, i) => `${letter}${i}`)
