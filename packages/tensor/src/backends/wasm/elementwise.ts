import type { DType } from '../../dtype.ts'
import type { Kernel } from '../../formula/kernel.ts'
import type { Formula } from '../../formula/parse.ts'
import { contiguousLayout } from '../../layout.ts'
import { Tensor } from '../../tensor.ts'
import { runLoop } from '../cpu/elementwise.ts'
import { i32, ModuleBuilder, v128 } from './assembler/index.ts'
import { limits } from './limits.ts'
import { pieceOf, workTogether } from './pieces.ts'
import { canRender, prepareWasm } from './render.ts'
import { runtimeFor } from './resident.ts'
import type { Runtime } from './runtime.ts'
import { bring, bytesOf, realOf, stageFlat, target, unstage, type Real } from './stage.ts'
import { roomOf } from './threads.ts'

/** Functions that a JavaScript loop computes as fast as they can be copied, with the same bits as WebAssembly. */
const light = new Set(
  '+ - * / neg not < <= > >= == != && || select flow isnan min max abs sign floor ceil trunc round sqrt mod'.split(' '),
)

const isLight = (formula: Formula): boolean => formula.op !== 'call' || (light.has(formula.fn) && formula.args.every(isLight))

const lanesOf = { f32: 'f32x4', f64: 'f64x2' } as const

/** What is found out about a kernel once. */
interface Facts {
  /** Nothing but light functions: staging it would cost more than it saves. */
  readonly light: boolean
  readonly renders: Readonly<Record<Real, boolean>>
  /** The numbers of its modules on a runtime, by type and scalars: their keys are long. */
  readonly modules: WeakMap<Runtime, Map<number, number>>
}

const facts = new WeakMap<Kernel, Facts>()

function factsOf(kernel: Kernel): Facts {
  let known = facts.get(kernel)
  if (!known) {
    known = {
      light: kernel.results.every(({ formula }) => isLight(formula)),
      renders: { f32: canRender(kernel, lanesOf.f32), f64: canRender(kernel, lanesOf.f64) },
      modules: new WeakMap(),
    }
    facts.set(kernel, known)
  }
  return known
}

/** Whether a kernel has nothing but light functions. */
export const runsInJavaScript = (kernel: Kernel): boolean => factsOf(kernel).light

/** Elements of a task, so that tasks begin at whole vectors. */
const taskElements = 16

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
  if (light && outputs[0].size < limits.light) runLoop(kernel, inputs, outputs, type === 'f32' ? 'float32' : 'double')
  else if (!renders[type]) runLoop(kernel, inputs, outputs, 'double')
  else if (outputs[0].size > 0) {
    const { size } = outputs[0]
    // Threads are no help to what copies more than it computes.
    const isAlone = light || size < limits.parallel || runtime.threads().count === 1
    const near = runtimeFor(runtime, outputs[0], true)
    const areFlat = near !== runtime && inputs.every((x) => x.layout.contiguous || isOneNumber(x))
    if (areFlat && !isAlone) runTogether(runtime, kernel, inputs, outputs, type)
    else if (areFlat && size > limits.piece) runPieces(near, kernel, inputs, outputs, type)
    else runStaged(isAlone ? near : runtime, kernel, inputs, outputs, type)
  }
}

const isOneNumber = ({ layout: { strides, shape } }: Tensor): boolean =>
  strides.every((stride, axis) => stride === 0 || shape[axis] === 1)

/** Elements `from` to `to` of flat tensors; those that are one number as they are. */
function cut(tensors: readonly Tensor[], from: number, to: number): Tensor[] {
  const pieces: Tensor[] = []
  tensors.forEach((x, i) => {
    const same = tensors.indexOf(x)
    const { buffer, layout, dtype } = x
    pieces.push(
      same < i
        ? pieces[same]
        : isOneNumber(x)
          ? x
          : new Tensor(buffer, contiguousLayout([to - from], layout.offset + from), dtype),
    )
  })
  return pieces
}

/** Large arrays piece by piece: what is copied in is still in the inner cache when it is read, and so is what is copied out. */
function runPieces(runtime: Runtime, kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], type: Real): void {
  const { size } = outputs[0]
  for (let at = 0; at < size; at += limits.piece) {
    const end = Math.min(at + limits.piece, size)
    runStaged(runtime, kernel, cut(inputs, at, end), cut(outputs, at, end), type)
  }
}

/** The same on all threads. */
function runTogether(runtime: Runtime, kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], type: Real): void {
  const { size } = outputs[0]
  const tasks = Math.ceil(pieceOf(size) / taskElements)
  const length = tasks * taskElements
  const bytes = length * bytesOf[type]
  const scalars = inputs.reduce((bits, x, i) => bits | (isOneNumber(x) ? 1 << i : 0), 0)
  const number = moduleOf(runtime, kernel, scalars, type)
  const all = [...inputs, ...outputs]
  runtime.begin()
  const room = roomOf(runtime.threads().count)
  const addresses = all.map((x) => runtime.reserve(isOneNumber(x) ? bytesOf[type] : room * bytes))
  inputs.forEach((x, i) => isOneNumber(x) && stageFlat(runtime, x, addresses[i], type))
  const job = runtime.job(4 * all.length)
  runtime.i32.set(addresses, job >> 2)
  const piece = (tensors: readonly Tensor[], i: number): Tensor[] => cut(tensors, i * length, Math.min((i + 1) * length, size))
  workTogether(runtime.offer(number, job, tasks), {
    count: Math.ceil(size / length),
    alone: (i) => runStaged(runtime.local, kernel, piece(inputs, i), piece(outputs, i), type),
    bring: (i, place) =>
      piece(inputs, i).forEach((x, i) => isOneNumber(x) || stageFlat(runtime, x, addresses[i] + place * bytes, type)),
    take: (i, place) =>
      piece(outputs, i).forEach((out, i) => unstage(runtime, addresses[inputs.length + i] + place * bytes, out, type)),
  })
}

/** Stages the operands, runs the kernel's module, and copies the results out. */
function runStaged(runtime: Runtime, kernel: Kernel, inputs: readonly Tensor[], outputs: readonly Tensor[], type: Real): void {
  const { size } = outputs[0]
  runtime.begin()
  let scalars = 0
  const addresses: number[] = []
  inputs.forEach((input, i) => {
    if (size === 1 || isOneNumber(input)) {
      scalars |= 1 << i
      const address = runtime.reserve(bytesOf[type])
      runtime[type][address / bytesOf[type]] = input.array[input.layout.offset]
      addresses.push(address)
    } else {
      const same = inputs.indexOf(input)
      addresses.push(same < i ? addresses[same] : bring(runtime, input, type))
    }
  })
  // Whole tasks are written.
  const isWhole = size % taskElements === 0
  for (const out of outputs) addresses.push(isWhole ? target(runtime, out, type) : runtime.reserve(size * bytesOf[type]))
  const job = runtime.job(4 * addresses.length)
  runtime.i32.set(addresses, job >> 2)
  runKernel(runtime, kernel, scalars, type, job, size)
  outputs.forEach((out, i) => unstage(runtime, addresses[inputs.length + i], out, type))
}

/** Runs a kernel on `size` elements whose addresses stand in the words of the job: inputs, then outputs. */
export function runKernel(runtime: Runtime, kernel: Kernel, scalars: number, type: Real, job: number, size: number): void {
  const number = moduleOf(runtime, kernel, scalars, type)
  const tasks = Math.ceil(size / taskElements)
  runtime.run(number, job, { tasks, grain: size < limits.parallel ? tasks : limits.grain / taskElements })
}

function moduleOf(runtime: Runtime, kernel: Kernel, scalars: number, type: Real): number {
  const { modules } = factsOf(kernel)
  let numbers = modules.get(runtime)
  if (!numbers) modules.set(runtime, (numbers = new Map()))
  const variant = 2 * scalars + (type === 'f32' ? 0 : 1)
  let number = numbers.get(variant)
  if (number === undefined) {
    const { shared } = runtime
    number = runtime.kernel(`elementwise/${kernel.key}/${scalars}/${type}`, () => buildElementwise(kernel, scalars, type, shared))
    numbers.set(variant, number)
  }
  return number
}

/** A module with one function: tasks `begin` to `end`, of 16 elements each, of the kernel on the addresses at `job`. */
function buildElementwise(kernel: Kernel, scalars: number, type: Real, shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder({ memory: { shared } })
  const inputs = kernel.args.length
  const splat = type === 'f32' ? v128.load32Splat : v128.load64Splat
  const taskBytes = taskElements * bytesOf[type]
  const run = module.func('run', { params: { job: 'i32', begin: 'i32', end: 'i32', scratch: 'i32' } }, (f, p) => {
    const pointers = [...kernel.args, ...kernel.results].map((_, t) => f.let(i32.load(p.job, 4 * t)))
    const isScalar = (i: number): boolean => ((scalars >> i) & 1) === 1
    const constants = kernel.args.map((_, i) => (isScalar(i) ? f.let(splat(pointers[i])) : undefined))
    const compute = prepareWasm({ f, module }, kernel, lanesOf[type], { scalars: constants })
    f.for(i32.mul(p.begin, taskBytes), i32.mul(p.end, taskBytes), 16, (at) => {
      const results = compute(kernel.args.map((_, i) => (isScalar(i) ? undefined : f.let(v128.load(i32.add(pointers[i], at))))))
      results.forEach((result, i) => f.do(v128.store(i32.add(pointers[inputs + i], at), result)))
    })
  })
  module.export(run)
  return module.toBytes()
}
