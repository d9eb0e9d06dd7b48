import { permuteLayout } from '../../../layout.ts'
import { Tensor } from '../../../tensor.ts'
import type { Reduction } from '../../backend.ts'
import { argReduce as argReduceInJavaScript, reduce as reduceInJavaScript } from '../../cpu/reduce.ts'
import { ModuleBuilder } from '../assembler/index.ts'
import { copyElements } from '../copy.ts'
import { limits } from '../limits.ts'
import type { Runner } from '../runtime.ts'
import { bring, bytesOf, type Real, stageSpan, target, unstage } from '../stage.ts'
import { writeArgReduce } from './arg.ts'
import { taskColumns, writeReduce } from './kernels.ts'
import { packedWalk, type Walk, walkOf, writeLoops } from './plan.ts'
import { type Rule, ruleOf } from './rule.ts'

/** Sums in double precision whatever the type, in an order that depends on sizes alone. */
export function reduce(runtime: Runner, reduction: Reduction, x: Tensor, axes: readonly number[], out: Tensor, type: Real): void {
  const rule = x.size === 0 || x.size < limits.reduce ? null : ruleOf(reduction)
  if (!rule) return reduceInJavaScript(reduction, x, axes, out)
  runtime.begin()
  const { address, walk } = bringLines(runtime, x, axes, type)
  const result = target(runtime, out, type)
  runReduce(runtime, rule, walk, { x: address, out: result }, type)
  unstage(runtime, result, out, type)
}

/** The elements in memory, in an order that a walk can take. */
function bringLines(runtime: Runner, x: Tensor, axes: readonly number[], type: Real): { address: number; walk: Walk } {
  const walk = walkOf(x.layout, axes)
  if (walk) {
    const { address, strides } = stageSpan(runtime, x, type)
    const staged = strides === x.layout.strides ? walk : walkOf({ ...x.layout, strides }, axes)
    if (staged) return { address, walk: staged }
  }
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis))
  const address = bring(runtime, new Tensor(x.buffer, permuteLayout(x.layout, [...kept, ...axes]), x.dtype), type)
  const lines = kept.reduce((product, axis) => product * x.shape[axis], 1)
  return { address, walk: packedWalk(lines, x.size / lines) }
}

/** Runs a rule on elements in memory. */
export function runReduce(runtime: Runner, rule: Rule, walk: Walk, operands: Operands, type: Real): void {
  const { kind } = walk
  const kernel = rule.numbers.get(runtime, (type === 'f32' ? 0 : 1) + (kind === 'rows' ? 0 : 2), () =>
    runtime.kernel(`reduce/${rule.key}/${type}/${kind}`, () => {
      const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
      module.export(writeReduce(module, { rule, type, kind }))
      return module.toBytes()
    }),
  )
  runWalk(runtime, kernel, walk, operands, type)
}

const sum: Reduction = { init: 0, step: 'acc + x' }

/** Adds `lines` lines of `length` elements, one after the other, into one. */
export function sumLines(runtime: Runner, operands: Operands, lines: number, length: number, type: Real): void {
  runReduce(
    runtime,
    ruleOf(sum)!,
    { kind: 'columns', length, kept: [], reduced: [{ size: lines, stride: length }] },
    operands,
    type,
  )
}

interface Operands {
  readonly x: number
  readonly out: number
}

function runWalk(runtime: Runner, kernel: number, { kind, length, kept, reduced }: Walk, { x, out }: Operands, type: Real): void {
  const sizeOf = (loops: Walk['kept']): number => loops.reduce((product, { size }) => product * size, 1)
  const [lines, turns] = [sizeOf(kept), sizeOf(reduced)]
  const count = kind === 'rows' ? turns * length : turns
  const bytes = bytesOf[type]
  const job = runtime.job(48)
  const words = runtime.i32
  const at = job >> 2
  words[at] = x
  words[at + 1] = out
  words[at + 2] = length
  words[at + 3] = count
  writeLoops(words, at + 4, kept, bytes)
  writeLoops(words, at + 8, reduced, bytes)
  const tasks = kind === 'rows' ? lines : lines * Math.ceil(length / taskColumns)
  const work = (lines * turns * length) / tasks
  runtime.run(kernel, job, { tasks, grain: Math.ceil(limits.reduceGrain / work) })
}

/** The first position of the extreme along an axis; NaN is taken as the extreme. */
export function argReduce(runtime: Runner, extreme: 'max' | 'min', x: Tensor, axis: number, out: Tensor, type: Real): void {
  if (x.size === 0 || x.size < limits.argReduce) return argReduceInJavaScript(extreme, x, axis, out)
  runtime.begin()
  const { address, walk } = bringLines(runtime, x, [axis], type)
  const result = runtime.reserve(out.size * 4)
  const { kind } = walk
  const kernel = runtime.kernel(`arg${extreme}/${type}/${kind}`, () => {
    const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
    module.export(writeArgReduce(module, { extreme, type, kind }))
    return module.toBytes()
  })
  runWalk(runtime, kernel, walk, { x: address, out: result }, type)
  copyElements(runtime.i32, result >> 2, out.size, out.array, out.layout.offset)
}
