import { kernel, Tensor } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { axesGrid } from '../grid.ts'
import { hostOp, needsHost } from '../host-op.ts'
import { KernelText, type KernelSource } from '../kernel-text.ts'
import { operand, operandArguments } from '../operand.ts'
import { functions } from '../render/functions.ts'
import { broadcastLayout, collapse, contiguousLayout } from '../tensor.ts'
import { elementwise } from './elementwise.ts'
import { reduce } from './reduce.ts'
import { write } from './write.ts'

/** Lines up to this length are read again by every thread of theirs, which spares launches. */
const short = 64

/** Softmax along the last axis, or its logarithm; a line of only -∞ gives zeros, or -∞. */
export function softmax(engine: Engine, x: Tensor, out: Tensor, log: boolean): void {
  if (needsHost([x], [out])) return hostOp(engine, 'float64', [x], [out], (host, [from], [to]) => host.softmax(from, to, log))
  const length = x.shape.at(-1)!
  if (length > short) return longSoftmax(engine, x, out, log)
  const heads = collapse(x.shape.slice(0, -1), [x.layout.strides.slice(0, -1)])
  const step = x.layout.strides.at(-1)!
  const grid = axesGrid([...heads.shape, length], [[...heads.strides[0], step]], engine.runtime.limits)
  // The last stride is given again: the kernel walks the line by it.
  const args = [...grid.sizes, ...operandArguments(operand(engine, x), grid.strides[0]), length]
  write(engine, out, (cell) =>
    engine.launch(`softmax ${grid.kind} ${log}`, () => softmaxSource(grid.kind, log), grid.dims, args, [cell]),
  )
}

/** Less than every float but -∞. */
const lowest = '-3.4028234e38'

export function softmaxSource(grid: string, log: boolean): KernelSource {
  const text = new KernelText(grid)
  const { coordinates } = text.grid
  const own = text.operand('x')
  const step = `xS${coordinates.length - 1}`
  const line = own.slice(0, own.lastIndexOf(' + '))
  const larger = functions['max'].text.replace(/\ba\b/g, 'top').replace(/\bb\b/g, 'v')
  text.integers('length')
  text.library.add('f_exp').add('f_log')
  text.lines(
    `let top = x[${line}];`,
    `for (let i = 0; i < length; i++) { const v = x[${line} + i * ${step}]; top = ${larger}; }`,
    `if (top < ${lowest}) { return ${log ? 'top' : '0'}; }`,
    'let sum = 0;',
    `for (let j = 0; j < length; j++) { sum += f_exp(x[${line} + j * ${step}] - top); }`,
    log ? `return x[${own}] - top - f_log(sum);` : `return f_exp(x[${own}] - top) / sum;`,
  )
  return text.finish()
}

const shifted = kernel(['x', 'top'], { e: `top < ${lowest} ? 0 : exp(x - top)` })
const divided = kernel(['x', 'top', 'e', 'sum'], { y: 'sum == 0 ? 0 : e / sum' })
const logged = kernel(['x', 'top', 'e', 'sum'], { y: `top < ${lowest} ? top : x - top - log(sum)` })

/** The same for long lines, each step of which is a kernel of its own that uses all threads. */
function longSoftmax(engine: Engine, x: Tensor, out: Tensor, log: boolean): void {
  const [lines, axis] = [x.shape.slice(0, -1), x.rank - 1]
  const make = (shape: readonly number[]): Tensor => {
    const cell = engine.temporary(shape.reduce((a, b) => a * b, 1))
    return new Tensor(engine.bufferOf(cell), contiguousLayout(shape), 'float32')
  }
  const spread = (line: Tensor): Tensor =>
    new Tensor(line.buffer, broadcastLayout(contiguousLayout([...lines, 1], line.layout.offset), x.shape), 'float32')
  const [top, sum, e] = [make(lines), make(lines), make(x.shape)]
  reduce(engine, { init: -Infinity, step: 'max(acc, x)' }, x, [axis], top)
  elementwise(engine, shifted, [x, spread(top)], [e], 'float32')
  reduce(engine, { init: 0, step: 'acc + x' }, e, [axis], sum)
  elementwise(engine, log ? logged : divided, [x, spread(top), e, spread(sum)], [out], 'float32')
}
