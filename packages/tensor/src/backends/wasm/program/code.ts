import type { Item, Loop } from '../../../compile/fuse.ts'
import { callNode, isWhole, rootOf, valueOf, type Graph, type Turns, type Value } from '../../../compile/trace.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { BackendError, IndexError } from '../../../errors.ts'
import type { Tensor, Variable } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { type FunctionBuilder, i32, integers, type Local, memory, ModuleBuilder } from '../assembler/index.ts'
import type { Split } from '../control.ts'
import { gemmKernel } from '../gemm/index.ts'
import { MemoryBuffer, writeElements } from '../resident.ts'
import type { Block, Runtime } from '../runtime.ts'
import { realOf } from '../stage.ts'
import { tasksOf, writeLoop } from './loop.ts'
import {
  canArgReduce,
  canGather,
  canScatter,
  writeArgReduce,
  writeCheck,
  writeGather,
  writeScatterAdd,
  type Fail,
} from './move.ts'
import { tasksOfNarrow, writeNarrow, type NarrowNode } from './narrow.ts'
import { isProduct, operandWords, spaceOfJobs, writeJob } from './product.ts'
import { canRecord, Recorder, type Step } from './recorder.ts'
import { canReduce, writeReduce } from './reduce.ts'
import { canScan, writeScan } from './scan.ts'
import { canSparse, writeSparse } from './sparse.ts'
import { canTruncate, writeTruncate } from './truncate.ts'
import { addressIn, planStorage, writtenBy, type Plan, type Storage } from './storage.ts'

/** What of a runtime programs are made with. */
export type ProgramHost = Pick<
  Runtime,
  'memory' | 'shared' | 'fused' | 'deterministic' | 'threads' | 'hold' | 'view' | 'kernel' | 'scratch'
>

/** Elements of a loop from which threads share it, the least that each takes at a time, and items of one function at most. */
const limits = { parallel: 1 << 15, grain: 1 << 13, itemsOfFunction: 96 }

/** Words in front of the arena: what failed. */
const headBytes = 64

const taskParams = integers('job', 'begin', 'end', 'scratch')

/** A part of a program, in order: a function of its module, tasks that threads share, or what JavaScript calls. */
export type Part =
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'loop'; readonly name: string; readonly split: Split }
  | { readonly kind: 'kernel'; readonly kernel: number; readonly job: number; readonly split: Split }
  | { readonly kind: 'host'; readonly name: string; readonly call: () => void }

/** A program as code: its modules, the order of its parts, and where everything lies. */
export class ProgramCode {
  readonly plan: Plan
  readonly arena: Block
  readonly parts: Part[] = []
  /** The module of the functions, and that of the loops that threads share. */
  readonly module: ModuleBuilder
  readonly loops: ModuleBuilder
  /** The kernels that the module imports, as `kernels.k3` and so on. */
  readonly kernels: readonly number[]
  readonly failures: ((index: number) => Error)[] = []
  readonly storage: Storage
  readonly #host: ProgramHost
  readonly #recorder: Recorder
  readonly #backend: Backend
  readonly #blockOf: (variable: Variable) => Block
  readonly #items: readonly Item[]
  /** While the code of a turn is written: how far into its stack a slice has come. */
  #shift: ((value: Value) => Local<'i32'> | undefined) | undefined

  constructor(host: ProgramHost, backend: Backend, graph: Graph, items: readonly Item[], blockOf: (variable: Variable) => Block) {
    this.#host = host
    this.#recorder = new Recorder(host)
    this.#backend = backend
    this.#blockOf = blockOf
    this.#items = items
    const plan = (this.plan = planStorage(graph, items))
    this.arena = host.hold(headBytes + plan.bytes + spaceOfJobs(items))
    this.storage = {
      address: (x) => addressIn(x, this.start(rootOf(valueOf(x)))),
      shift: (x) => this.#shift?.(valueOf(x)),
      // A variable that is written in place is read in the same loop: what lies behind an element there may still be needed.
      mayOverrun: (x) => isWhole(x) && !plan.inPlace.has(valueOf(x)) && valueOf(x).origin.kind !== 'slice',
    }
    const { shared } = host
    this.module = new ModuleBuilder({ memory: { shared } })
    this.loops = new ModuleBuilder({ memory: { shared } })
    host.view('uint8').fill(0, this.arena.address, this.arena.address + this.arena.bytes)
    for (const value of plan.offsets.keys())
      if (value.origin.kind === 'constant') writeElements(host, value.origin.tensor, this.start(value))
    const steps = this.#record()
    this.kernels = [...this.#recorder.kernels]
    this.#write(steps)
  }

  /** What the items that kernels compute come to: jobs at constant addresses. */
  #record(): ReadonlyMap<Item, readonly Step[]> {
    const host = this.#host
    const threads = host.threads().count
    const steps = new Map<Item, readonly Step[]>()
    let job = this.arena.address + headBytes + this.plan.bytes
    for (const item of this.#items) {
      if (!isProduct(item)) continue
      const type = realOf(writtenBy(item)[0].dtype)!
      const kernel = gemmKernel(this.#recorder, type)
      const { split, bytes } = writeJob(host.view('int32') as Int32Array, job, type, item, this.storage, threads)
      steps.set(item, split.tasks === 0 ? [] : [{ kind: 'run', kernel, job, split }])
      job += bytes
    }
    // The largest first: the others find space enough in what it needs.
    const bytesOf = (item: Item): number => item.inputs.reduce((bytes, x) => bytes + x.size * bytesPerElement(x.dtype), 0)
    for (const item of this.#items.filter(canRecord).toSorted((a, b) => bytesOf(b) - bytesOf(a)))
      steps.set(item, this.#recorder.record(item, this.storage))
    return steps
  }

  /** The address of a value. */
  start(value: Value): number {
    const variable = value.origin.kind === 'variable' ? value.origin.variable : this.plan.inPlace.get(value)
    return variable ? this.#blockOf(variable).address : this.arena.address + headBytes + this.plan.offsets.get(value)!
  }

  #write(recorded: ReadonlyMap<Item, readonly Step[]>): void {
    const host = this.#host
    const { storage, module } = this
    const imported = new Map(
      this.kernels.map((kernel) => [kernel, module.import('kernels', `k${kernel}`, { params: taskParams })]),
    )
    const functions: { readonly name: string; readonly index: number }[] = []
    let pending: ((f: FunctionBuilder) => void)[] = []
    let turns: Turns | undefined
    const endFunction = (): void => {
      if (pending.length === 0) return
      const writes = pending
      pending = []
      const name = `part${functions.length}`
      functions.push(
        module.func(name, { params: {} }, (f) => {
          const body = (): void => {
            for (const write of writes) f.scope(() => write(f))
          }
          if (turns) this.#repeat(f, turns, body)
          else body()
        }),
      )
      this.parts.push({ kind: 'function', name })
    }
    const inline = (write: (f: FunctionBuilder) => void): void => {
      pending.push(write)
      if (!turns && pending.length >= limits.itemsOfFunction) endFunction()
    }
    const part = (one: Part): void => {
      if (turns) throw new BackendError(`compile: a loop cannot be made of ${one.kind === 'host' ? one.name : one.kind}`)
      endFunction()
      this.parts.push(one)
    }

    const threads = host.threads().count
    const run = (step: Step, item: Item): void => {
      if (step.kind === 'zero') return inline((f) => f.do(memory.fill(step.address, 0, step.bytes)))
      const { kernel, job, split } = step
      if (!turns && threads > 1 && split.grain < split.tasks) return part({ kind: 'kernel', kernel, job, split })
      if (turns)
        for (const { word, x } of operandWords(host.view('int32') as Int32Array, job, item, storage))
          inline((f) => {
            const shift = storage.shift!(x)
            if (shift) f.do(i32.store(0, i32.add(shift, storage.address(x)), word))
          })
      inline((f) => f.do(imported.get(kernel)!.call({ job, begin: 0, end: split.tasks, scratch: host.scratch })))
    }
    const begun = new Set<Value>()
    for (const item of this.#items) {
      if (item.turns !== turns) {
        endFunction()
        turns = item.turns
      }
      // A value of which parts are written begins as zeros.
      for (const out of writtenBy(item)) {
        const value = valueOf(out)
        if (!begun.has(value) && !isWhole(out) && value.stack !== 'written')
          inline((f) => f.do(memory.fill(this.start(value), 0, value.bytes)))
        begun.add(value)
      }
      if (item.kind === 'loop') {
        const size = item.shape.reduce((a, b) => a * b, 1)
        if (size < limits.parallel || threads === 1 || turns) inline((f) => writeLoop({ f, module }, item, storage))
        else part(this.#sharedLoop(item, size))
      } else if (item.kind === 'narrowMatmul') this.#narrow(item, threads, inline, part)
      else if (recorded.has(item)) recorded.get(item)!.forEach((step) => run(step, item))
      else if (!this.#inline(item, inline)) part({ kind: 'host', name: item.kind, call: this.#hostCall(item) })
    }
    if (turns) endFunction()
    turns = undefined
    for (const { variable, value } of this.plan.copied) {
      const { address } = this.#blockOf(variable)
      if (isWhole(value)) inline((f) => f.do(memory.copy(address, storage.address(value), valueOf(value).bytes)))
      else {
        const from = new MemoryBuffer(host, value.dtype).tensor(value, storage.address(value))
        part({ kind: 'host', name: 'copy', call: () => writeElements(host, from, address) })
      }
    }
    endFunction()
    module.export(...functions)
  }

  /** The turns of a loop, one after the other; slices move by as many bytes in each. */
  #repeat(f: FunctionBuilder, { count, backwards }: Turns, body: () => void): void {
    f.for(0, count, 1, (turn) => {
      const at = backwards ? f.let(i32.sub(count - 1, turn)) : turn
      const shifts = new Map<number, Local<'i32'>>()
      this.#shift = ({ origin, dtype }) => {
        if (origin.kind !== 'slice' || origin.step === 0) return undefined
        return shifts.get(origin.step * bytesPerElement(dtype))
      }
      for (const bytes of this.#sliceSteps) shifts.set(bytes, f.let(i32.mul(at, bytes)))
      body()
      this.#shift = undefined
    })
  }

  /** Bytes by which slices move from turn to turn. */
  get #sliceSteps(): Set<number> {
    const steps = new Set<number>()
    for (const item of this.#items)
      for (const x of [...item.inputs, ...writtenBy(item)]) {
        const { origin, dtype } = valueOf(x)
        if (origin.kind === 'slice' && origin.step !== 0) steps.add(origin.step * bytesPerElement(dtype))
      }
    return steps
  }

  /** A loop whose tasks threads share, as a function of its own. */
  #sharedLoop(loop: Loop, size: number): Part {
    const name = `loop${this.parts.length}`
    const made = this.loops.func(name, { params: taskParams }, (f, p) =>
      writeLoop({ f, module: this.loops }, loop, this.storage, { begin: p.begin, end: p.end }),
    )
    this.loops.export(made)
    const tasks = tasksOf(loop)
    return { kind: 'loop', name, split: { tasks, grain: Math.max(1, Math.ceil((tasks * limits.grain) / size)) } }
  }

  #narrow(
    node: NarrowNode,
    threads: number,
    inline: (write: (f: FunctionBuilder) => void) => void,
    part: (one: Part) => void,
  ): void {
    const { module, loops, storage } = this
    const { fused } = this.#host
    const [x, , rows] = node.inputs
    const tasks = tasksOfNarrow(node)
    if (rows) inline((f) => writeCheck({ f, module }, rows, x.shape[0], storage, this.#failing('take')))
    if (threads === 1) {
      inline((f) => {
        const range = { begin: f.let(i32.const(0)), end: f.let(i32.const(tasks)) }
        writeNarrow({ f, module }, node, storage, fused, range)
      })
      return
    }
    const name = `product${this.parts.length}`
    loops.export(loops.func(name, { params: taskParams }, (f, p) => writeNarrow({ f, module: loops }, node, storage, fused, p)))
    part({ kind: 'loop', name, split: { tasks, grain: Math.max(1, Math.ceil(tasks / threads / 4)) } })
  }

  /** What a gather does with an index outside its axis. */
  #failing(op: string): Fail {
    return (f, index, length) => {
      this.failures.push(
        (given) => new IndexError(`${op}: index ${given} is outside an axis of length ${length}`, { index: given, length }),
      )
      f.do(i32.store(0, this.failures.length, this.arena.address), i32.store(0, index, this.arena.address + 4))
      f.do(f.exit())
    }
  }

  /** Writes an item into the module, if there is code for it. */
  #inline(item: Exclude<Item, Loop>, inline: (write: (f: FunctionBuilder) => void) => void): boolean {
    const steady = item.kind === 'gather' || item.kind === 'copy' || item.kind === 'scan'
    if (this.#host.deterministic && !steady) return false
    const { storage, module } = this
    const { inputs, outputs } = item
    const [out] = outputs
    if (item.kind === 'reduce' && out.layout.contiguous && canReduce(item.details, inputs[0], out))
      inline((f) => writeReduce({ f, module }, item.details, inputs[0], out, storage))
    else if (item.kind === 'gather' && canGather(inputs[0], inputs[1], item.details.axis, out))
      inline((f) => writeGather({ f, module }, inputs, item.details.axis, out, storage, this.#failing('take')))
    else if (item.kind === 'scatterAdd' && canScatter(inputs[0], inputs[1], item.details.axis, out))
      inline((f) => writeScatterAdd({ f, module }, inputs, item.details.axis, out, storage, this.#failing('scatterAdd')))
    else if (item.kind === 'sparseMatmul' && canSparse(inputs, out))
      inline((f) => writeSparse({ f, module }, inputs, item.details.transposed, out, storage))
    else if (item.kind === 'scan' && canScan(inputs[0], out))
      inline((f) => writeScan({ f, module }, item.details, inputs[0], out, storage))
    else if (item.kind === 'argReduce' && canArgReduce(inputs[0]))
      inline((f) => writeArgReduce({ f, module }, item.details.kind, inputs[0], item.details.axis, out, storage))
    else if (item.kind === 'copy' && canTruncate(inputs[0], out))
      inline((f) => writeTruncate({ f, module }, inputs[0], out, storage))
    else return false
    return true
  }

  /** Calls a kernel of the backend on the memory of the program. */
  #hostCall(item: Exclude<Item, Loop>): () => void {
    const view = (x: Tensor): Tensor => new MemoryBuffer(this.#host, x.dtype).tensor(x, this.storage.address(x))
    const inputs = item.inputs.map(view)
    const outputs = item.outputs.map(view)
    const fresh = item.outputs.every(isWhole) && item.kind !== 'copy'
    const indexed = item.kind === 'gather' || item.kind === 'scatterAdd' ? item : undefined
    return () => {
      if (fresh) for (const out of outputs) out.array.fill(0, out.layout.offset, out.layout.offset + out.size)
      if (indexed) {
        const whole = indexed.kind === 'gather' ? inputs[0] : outputs[0]
        checkIndices(indexed.kind, inputs[1], whole.shape[indexed.details.axis])
      }
      callNode(this.#backend, item, inputs, outputs)
    }
  }
}

function checkIndices(op: string, indices: Tensor, length: number): void {
  const { array, layout } = indices
  for (let i = 0; layout.contiguous && i < indices.size; i++) {
    const index = array[layout.offset + i]
    if (index >= 0 && index < length) continue
    throw new IndexError(`${op}: index ${index} is outside an axis of length ${length}`, { index, length })
  }
}
