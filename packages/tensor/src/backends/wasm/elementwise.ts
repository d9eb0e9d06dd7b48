import type { DType } from '../../dtype.ts'
import type { Kernel } from '../../formula/kernel.ts'
import { collapse, contiguousLayout, type Layout, makeLayout } from '../../layout.ts'
import { Tensor } from '../../tensor.ts'
import { runLoop } from '../cpu/elementwise.ts'
import { elementwiseKernel, factsOf, runKernel, taskElements, tasksOf, ways } from './elementwise-kernel.ts'
import { reals } from './gemm/real.ts'
import { limits } from './limits.ts'
import { pieceOf, workTogether } from './pieces.ts'
import { runtimeFor } from './resident.ts'
import type { Runtime } from './runtime.ts'
import { bring, bytesOf, realOf, stageFlat, target, unstage, type Real } from './stage.ts'
import { roomOf } from './threads.ts'

/** Light kernels, and those of integers, run as JavaScript loops with the rounding of their dtype; the others in WebAssembly. */
export function elementwise(
  runtime: Runtime,
  kernel: Kernel,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  compute: DType,
): void {
  const type = realOf(compute)
  if (!type) return runLoop(kernel, inputs, outputs, 'int32')
  const { light, renders } = factsOf(kernel)
  const { size } = outputs[0]
  if (light && size < limits.light) runLoop(kernel, inputs, outputs, type === 'f32' ? 'float32' : 'double')
  else if (!renders[type]) runLoop(kernel, inputs, outputs, 'double')
  else if (size > 0) {
    // Threads are no help to what copies more than it computes.
    const isAlone = light || size < limits.parallel || runtime.threads().count === 1
    const near = runtimeFor(runtime, outputs[0], true)
    const host = isAlone ? near : runtime
    const run: Run = { kernel, inputs, outputs, type, rows: size, length: 1 }
    const isFlat = inputs.every((x) => x.layout.contiguous || isOneNumber(x))
    const rows = isFlat ? undefined : rowsOf(run, host.threads().count > 1)
    if (!isFlat && !rows) runStaged(host, run)
    else if (near !== runtime && !isAlone) runTogether(runtime, rows ?? flat(run))
    else if (near !== runtime && size > limits.piece) runPieces(near, rows ?? flat(run))
    else runStaged(host, rows ?? run)
  }
}

/** A kernel on tensors as rows of `length` elements, all with two axes; or, where that is 1, element by element. */
interface Run {
  readonly kernel: Kernel
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  readonly type: Real
  readonly rows: number
  readonly length: number
}

const isOneNumber = ({ layout: { strides, shape } }: Tensor): boolean =>
  strides.every((stride, axis) => stride === 0 || shape[axis] === 1)

function wayOf(x: Tensor, length: number): number {
  if (x.size === 1 || isOneNumber(x)) return ways.number
  if (length === 1) return ways.whole
  const [outer, inner] = x.layout.strides
  return outer === 0 ? ways.row : inner === 0 ? ways.column : ways.whole
}

/** The elements that are read of an input, each once. */
function readOf(x: Tensor, way: number): Tensor {
  if (way === ways.whole) return x
  const { shape, strides, offset } = x.layout
  const axes = way === ways.row ? [1] : way === ways.column ? [0] : []
  const layout = makeLayout(
    axes.map((axis) => shape[axis]),
    axes.map((axis) => strides[axis]),
    offset,
  )
  return new Tensor(x.buffer, layout, x.dtype)
}

/** Views of tensors, of one that is there several times the same. */
function views(tensors: readonly Tensor[], layoutOf: (layout: Layout, i: number) => Layout): Tensor[] {
  const made: Tensor[] = []
  tensors.forEach((x, i) => {
    const same = tensors.indexOf(x)
    made.push(same < i ? made[same] : new Tensor(x.buffer, layoutOf(x.layout, i), x.dtype))
  })
  return made
}

/** Tensors without gaps and numbers, all with one axis. */
function flat(run: Run): Run {
  const view = ({ contiguous, offset }: Layout): Layout => makeLayout([run.rows], [contiguous ? 1 : 0], offset)
  return { ...run, inputs: views(run.inputs, view), outputs: views(run.outputs, view) }
}

/** The same as rows, where two axes say it: of whole vectors if threads are to write side by side. */
function rowsOf(run: Run, isShared: boolean): Run | undefined {
  const { inputs, outputs, type } = run
  const { shape, strides } = collapse(
    outputs[0].shape,
    [...inputs, ...outputs].map(({ layout }) => layout.strides),
  )
  const [rows, length] = shape
  if (shape.length !== 2 || (isShared && length % reals[type].lanes !== 0)) return undefined
  return {
    ...run,
    inputs: views(inputs, ({ offset }, i) => makeLayout(shape, strides[i], offset)),
    outputs: views(outputs, ({ offset }) => contiguousLayout(shape, offset)),
    rows,
    length,
  }
}

/** Rows `from` to `to`. */
function cut(run: Run, from: number, to: number): Run {
  const part = ({ shape, strides, offset }: Layout): Layout =>
    makeLayout([to - from, ...shape.slice(1)], strides, offset + from * strides[0])
  return { ...run, inputs: views(run.inputs, part), outputs: views(run.outputs, part), rows: to - from }
}

/** Large arrays piece by piece: what is copied in is still in the inner cache when it is read, and so is what is copied out. */
function runPieces(runtime: Runtime, run: Run): void {
  const step = Math.ceil(limits.piece / run.length)
  for (let at = 0; at < run.rows; at += step) runStaged(runtime, cut(run, at, Math.min(at + step, run.rows)))
}

/** The same on all threads. */
function runTogether(runtime: Runtime, run: Run): void {
  const { inputs, outputs, type, rows, length } = run
  const wanted = Math.ceil(pieceOf(rows * length) / length)
  const tasks = tasksOf(wanted, length)
  const step = length === 1 ? tasks * taskElements : tasks
  const bytes = step * bytesOf[type]
  runtime.begin()
  const room = roomOf(runtime.threads().count)
  const inputWays = inputs.map((x) => wayOf(x, length))
  /** Bytes that a piece has of each input; 0 of what all pieces read. */
  const own = inputWays.map((way) => (way === ways.whole ? bytes * length : way === ways.column ? bytes : 0))
  const addresses = inputs.map((x, k) =>
    own[k] > 0 ? runtime.reserve(room * own[k]) : bring(runtime, readOf(x, inputWays[k]), type),
  )
  for (const _ of outputs) addresses.push(runtime.reserve(room * bytes * length))
  const { job, number } = writeJob(runtime, run, addresses)
  const piece = (i: number): Run => cut(run, i * step, Math.min((i + 1) * step, rows))
  workTogether(runtime.offer(number, job, tasks), {
    count: Math.ceil(rows / step),
    alone: (i) => runStaged(runtime.local, piece(i)),
    bring(i, place) {
      piece(i).inputs.forEach((x, k) => {
        if (own[k] > 0) stageFlat(runtime, readOf(x, inputWays[k]), addresses[k] + place * own[k], type)
      })
    },
    take(i, place) {
      piece(i).outputs.forEach((out, k) => unstage(runtime, addresses[inputs.length + k] + place * bytes * length, out, type))
    },
  })
}

/** Stages the operands, runs the kernel's module, and copies the results out. */
function runStaged(runtime: Runtime, run: Run): void {
  const { inputs, outputs, type, rows, length } = run
  runtime.begin()
  const addresses: number[] = []
  for (let i = 0; i < inputs.length; i++) {
    const same = inputs.indexOf(inputs[i])
    addresses.push(same < i ? addresses[same] : bring(runtime, readOf(inputs[i], wayOf(inputs[i], length)), type))
  }
  // Whole tasks, or vectors of rows, are written.
  const isWhole = length === 1 ? rows % taskElements === 0 : length % reals[type].lanes === 0
  for (const out of outputs) addresses.push(isWhole ? target(runtime, out, type) : runtime.reserve(out.size * bytesOf[type]))
  const { job, number } = writeJob(runtime, run, addresses)
  runKernel(runtime, number, job, rows, length)
  for (let i = 0; i < outputs.length; i++) unstage(runtime, addresses[inputs.length + i], outputs[i], type)
}

/** Writes the words of a job: the addresses of inputs and outputs, and the bytes of a row. */
function writeJob(runtime: Runtime, { kernel, inputs, type, length }: Run, addresses: number[]): { job: number; number: number } {
  let code = 0
  for (let i = inputs.length - 1; i >= 0; i--) code = 4 * code + wayOf(inputs[i], length)
  const number = elementwiseKernel(runtime, kernel, code, length > 1, type)
  const job = runtime.job(4 * (addresses.length + 1))
  addresses.push(length * bytesOf[type])
  const words = runtime.i32
  for (let i = 0; i < addresses.length; i++) words[(job >> 2) + i] = addresses[i]
  return { job, number }
}
