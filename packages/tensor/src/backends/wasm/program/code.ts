import type { Item, Loop } from '../../../compile/fuse.ts'
import { isWhole, rootOf, valueOf, type Graph, type Turns, type Value } from '../../../compile/trace.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { BackendError, IndexError } from '../../../errors.ts'
import { sizeOf } from '../../../shape.ts'
import type { Variable } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { type FunctionBuilder, i32, integers, type Local, memory, ModuleBuilder } from '../assembler/index.ts'
import type { Split } from '../control.ts'
import { gemmKernel } from '../gemm/index.ts'
import { MemoryBuffer, writeElements } from '../resident.ts'
import type { Block, Runtime } from '../runtime.ts'
import { realOf } from '../stage.ts'
import { zeroing } from '../zeroing.ts'
import { hostCall } from './host-call.ts'
import { codeOf, isSteady } from './inline.ts'
import { tasksOf, writeLoop } from './loop.ts'
import { writeCheck, type Fail } from './move.ts'
import { tasksOfNarrow, writeNarrow, type NarrowNode } from './narrow.ts'
import { isProduct, operandWords, operationsOf, spaceOfJobs, writeJob } from './product.ts'
import { canRecord, Recorder, type Step } from './recorder.ts'
import { Repeats, type WriteItem } from './repeats.ts'
import { isSmall, spaceOfSmall, writeSmall } from './small.ts'
import { addressIn, planStorage, writtenBy, type Plan, type Storage } from './storage.ts'

/** What of a runtime programs are made with. */
export type ProgramHost = Pick<
  Runtime,
  'memory' | 'shared' | 'fused' | 'deterministic' | 'threads' | 'hold' | 'view' | 'kernel' | 'scratch'
> &
  Partial<Pick<Runtime, 'background'>>

/** Elements of a loop from which threads share it, the least that each takes at a time, and items of one function at most. */
const limits = { parallel: 1 << 15, grain: 1 << 13, itemsOfFunction: 96 }

/** From where on threads share a loop and a product beside the turns of others, while which they fall asleep: to wake one takes 35 µs. */
const besideTurns = { elements: 1 << 18, operations: 1e7 }

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
  readonly #hasTurns: boolean
  /** Where small products turn their right operand. */
  readonly turning: Block | undefined
  /** For items that are parts of their own: the part that each begins with. */
  readonly begins: number[] | undefined
  /** While the code of a turn is written: how far into its stack a slice has come. */
  #shift: ((value: Value) => Local<'i32'> | undefined) | undefined

  /** With `apart`, no function holds more than one item, or the turns of one loop, so that items can be timed. */
  constructor(
    host: ProgramHost,
    backend: Backend,
    graph: Graph,
    items: readonly Item[],
    blockOf: (variable: Variable) => Block,
    apart = false,
  ) {
    this.#host = host
    if (apart) this.begins = []
    this.#recorder = new Recorder(host)
    this.#backend = backend
    this.#blockOf = blockOf
    this.#items = items
    this.#hasTurns = items.some(({ turns }) => turns)
    const plan = (this.plan = planStorage(graph, items))
    this.arena = host.hold(headBytes + plan.bytes + spaceOfJobs(items))
    this.storage = {
      address: (x) => addressIn(x, this.start(rootOf(valueOf(x)))),
      shift: (x) => this.#shift?.(valueOf(x)),
      // What is written in place is read in the same loop: what lies behind an element there may still be needed, but not what is behind all.
      mayOverrun: (x, atEnd = false) => {
        const value = valueOf(x)
        if (!isWhole(x) || value.origin.kind === 'slice') return false
        return atEnd || !(plan.inPlace.has(value) || plan.reused.has(value))
      },
    }
    const turning = Math.max(0, ...items.filter(isSmall).map(spaceOfSmall))
    if (turning > 0) this.turning = host.hold(turning)
    const { shared } = host
    this.module = new ModuleBuilder({ memory: { shared } })
    this.loops = new ModuleBuilder({ memory: { shared } })
    const { address, bytes } = this.arena
    // Other threads do it while this one writes code; jobs lie behind.
    const zeroed = zeroing(host, address, this.filled, this.arena)
    host.view('uint8').fill(0, address + this.filled, address + bytes)
    const steps = this.#record()
    this.kernels = [...this.#recorder.kernels]
    this.#write(steps)
    zeroed()
    for (const value of plan.offsets.keys())
      if (value.origin.kind === 'constant') writeElements(host, value.origin.tensor, this.start(value))
  }

  /** Bytes of the arena that a run reads and writes; the rest are jobs. */
  get filled(): number {
    return headBytes + this.plan.bytes
  }

  /** What the items that kernels compute come to: jobs at constant addresses. */
  #record(): ReadonlyMap<Item, readonly Step[]> {
    const host = this.#host
    const threads = host.threads().count
    const steps = new Map<Item, readonly Step[]>()
    let job = this.arena.address + headBytes + this.plan.bytes
    for (const item of this.#items) {
      if (!isProduct(item) || isSmall(item)) continue
      const type = realOf(writtenBy(item)[0].dtype)!
      const kernel = gemmKernel(this.#recorder, type)
      const sharing = this.#hasTurns && operationsOf(item) < besideTurns.operations ? 1 : threads
      const { split, bytes } = writeJob(host.view('int32') as Int32Array, job, type, item, this.storage, sharing)
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
    const repeats = new Repeats(
      this.#items.filter((item) => !item.turns && (item.kind === 'loop' || item.kind === 'reduce' || isSmall(item))),
      storage,
    )
    const code = (item: Item, write: WriteItem): void => inline((f) => repeats.write(f, module, item, write))
    const begun = new Set<Value>()
    for (const item of this.#items) {
      if (item.turns !== turns) {
        endFunction()
        turns = item.turns
      }
      if (this.begins) {
        if (!turns) endFunction()
        this.begins.push(this.parts.length)
      }
      // A value of which parts are written begins as zeros.
      for (const out of writtenBy(item)) {
        const value = valueOf(out)
        if (!begun.has(value) && !isWhole(out) && value.stack !== 'written')
          inline((f) => f.do(memory.fill(this.start(value), 0, value.bytes)))
        begun.add(value)
      }
      if (item.kind === 'loop') {
        const size = sizeOf(item.shape)
        const least = this.#hasTurns ? besideTurns.elements : limits.parallel
        if (size >= least && threads > 1 && !turns) part(this.#sharedLoop(item, size))
        else code(item, (f, where, range) => writeLoop({ f, module }, item, where, range))
      } else if (isSmall(item))
        code(item, (f, where) => writeSmall({ f, module }, item, where, host.fused, this.turning?.address ?? 0))
      else if (item.kind === 'narrowMatmul') this.#narrow(item, threads, inline, part)
      else if (recorded.has(item)) recorded.get(item)!.forEach((step) => run(step, item))
      else {
        const steady = !host.deterministic || isSteady(item)
        const write = steady ? codeOf(item, module, (op) => this.#failing(op)) : undefined
        if (write) code(item, write)
        else part({ kind: 'host', name: item.kind, call: hostCall(host, this.#backend, item, storage) })
      }
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
    const where = threads === 1 ? module : loops
    const name = `product${this.parts.length}`
    const product = where.func(name, { params: taskParams }, (f, p) => writeNarrow({ f, module: where }, node, storage, fused, p))
    if (threads === 1) {
      // Called task by task, the engine can take up optimized code in the midst of the first run.
      inline((f) =>
        f.for(0, tasks, 1, (begin) => f.do(product.call({ job: 0, begin, end: i32.add(begin, 1), scratch: this.#host.scratch }))),
      )
      return
    }
    loops.export(product)
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
}
