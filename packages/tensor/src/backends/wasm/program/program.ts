import { fuse, type Item, type Loop } from '../../../compile/fuse.ts'
import { lower } from '../../../compile/lower.ts'
import type { Program } from '../../../compile/program.ts'
import { simplify } from '../../../compile/simplify.ts'
import { callNode, isWhole, valueOf, type Graph, type Value } from '../../../compile/trace.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { IndexError } from '../../../errors.ts'
import { contiguousLayout } from '../../../layout.ts'
import { allocate, hostBuffer } from '../../../memory.ts'
import { Tensor, type Variable } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { i32, integers, memory, ModuleBuilder, type FunctionBuilder, type Func } from '../assembler/index.ts'
import type { Split } from '../control.ts'
import { buildGemm, gemmJobBytes, writeGemmJob, type BatchAxis, type GemmSpec, type Operand } from '../gemm/index.ts'
import { MemoryBuffer, residentOf, writeElements, type Resident } from '../resident.ts'
import { canRender } from '../render.ts'
import type { Block, Runtime } from '../runtime.ts'
import { realOf, type Real } from '../stage.ts'
import { laneTypeOf, tasksOf, writeLoop } from './loop.ts'
import { canArgReduce, canGather, canScatter, writeArgReduce, writeGather, writeScatterAdd, type Fail } from './move.ts'
import { canReduce, writeReduce } from './reduce.ts'
import { addressIn, planStorage, readBy, writtenBy, type Plan, type Storage } from './storage.ts'

/** Elements of a loop from which threads share it, and the least that each takes at a time. */
const limits = { parallel: 1 << 15, grain: 1 << 13, itemsOfFunction: 96 }

/** Words in front of the arena: what failed. */
const headBytes = 64

const gemmParams = integers('job', 'begin', 'end', 'scratch')

/** Turns a graph into one WebAssembly module whose addresses are constants, with what only JavaScript can do between its parts. */
export function buildProgram(runtime: Runtime, backend: Backend, traced: Graph): Program {
  const graph = simplify(lower(traced, runtime.deterministic), backend)
  const items = fuse(graph, (kernel, type) => canRender(kernel, laneTypeOf[type]))
  return new WasmProgram(runtime, backend, graph, items)
}

/** A part of a program: a function of its module, or a kernel that JavaScript calls. */
type Part = () => void

class WasmProgram implements Program {
  readonly items: readonly Item[]
  readonly graph: Graph
  readonly #runtime: Runtime
  readonly #backend: Backend
  readonly #plan: Plan
  readonly #arena: Block
  readonly #residents: readonly { readonly resident: Resident; readonly written: boolean }[]
  readonly #blocks = new Map<Variable, Block>()
  readonly #inputs: readonly number[]
  readonly #numbers: readonly (() => void)[]
  readonly #parts: Part[] = []
  readonly #failures: ((index: number) => Error)[] = []
  readonly #storage: Storage
  readonly #outputs: readonly (() => Tensor)[]
  readonly #threads: number
  readonly #deterministic: boolean
  #jobs: number
  #checked = new Map<object, object>()

  constructor(runtime: Runtime, backend: Backend, graph: Graph, items: readonly Item[]) {
    this.graph = graph
    this.items = items
    this.#runtime = runtime
    this.#backend = backend
    this.#threads = runtime.threads().count
    this.#deterministic = runtime.deterministic
    const plan = (this.#plan = planStorage(graph, items))
    const products = items
      .filter((item) => this.#isProduct(item))
      .map((item) => spaceOfJob(gemmJobBytes({ batch: batchOf(item) })))
    this.#jobs = headBytes + plan.bytes
    this.#arena = runtime.hold(this.#jobs + products.reduce((a, b) => a + b, 0))
    const written = new Set(graph.assigned.map(({ variable }) => variable))
    const read = items
      .flatMap((item) => readBy(item))
      .concat(
        graph.outputs,
        plan.copied.map(({ value }) => value),
      )
    const all = new Set(written)
    for (const x of read) {
      const { origin } = valueOf(x)
      if (origin.kind === 'variable') all.add(origin.variable)
    }
    this.#residents = [...all].map((variable) => ({ resident: residentOf(runtime, variable), written: written.has(variable) }))
    for (const variable of all) this.#blocks.set(variable, residentOf(runtime, variable).block)
    this.#storage = {
      address: (x) => addressIn(x, this.#start(valueOf(x))),
      // A variable that is written in place is read in the same loop: what lies behind an element there may still be needed.
      mayOverrun: (x) => isWhole(x) && !plan.inPlace.has(valueOf(x)),
    }
    this.#writeConstants()
    this.#inputs = graph.inputs.map((value) => (plan.offsets.has(value) ? this.#start(value) : -1))
    this.#numbers = graph.numbers.map((value) => this.#numberWriter(value))
    this.#outputs = graph.outputs.map((x) => this.#outputReader(x))
    this.#build()
  }

  get bytes(): number {
    return this.#arena.bytes
  }

  get parts(): number {
    return this.#parts.length
  }

  get isStale(): boolean {
    return this.#threads !== this.#runtime.threads().count || this.#deterministic !== this.#runtime.deterministic
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const runtime = this.#runtime
    for (const step of this.graph.host) step()
    for (const { resident, written } of this.#residents) resident.enter(written)
    if (this.graph.inspections.length > 0) this.#inspect(inputs)
    for (const write of this.#numbers) write()
    for (let i = 0; i < inputs.length; i++) if (this.#inputs[i] >= 0) writeElements(runtime, inputs[i], this.#inputs[i])
    for (const part of this.#parts) part()
    if (this.#failures.length > 0) this.#throwFailure()
    return this.#outputs.map((read) => read())
  }

  #start(value: Value): number {
    const variable = value.origin.kind === 'variable' ? value.origin.variable : this.#plan.inPlace.get(value)
    if (variable) return this.#blocks.get(variable)!.address
    return this.#arena.address + headBytes + this.#plan.offsets.get(value)!
  }

  #writeConstants(): void {
    this.#runtime.u8.fill(0, this.#arena.address, this.#arena.address + this.#arena.bytes)
    for (const value of this.#plan.offsets.keys())
      if (value.origin.kind === 'constant') writeElements(this.#runtime, value.origin.tensor, this.#start(value))
  }

  #numberWriter(value: Value): () => void {
    const { origin, dtype } = value
    const at = this.#start(value) / bytesPerElement(dtype)
    const { cell } = origin as Extract<typeof origin, { kind: 'number' }>
    return () => {
      this.#runtime.view(dtype)[at] = cell.value
    }
  }

  /** Copies an output to the host. */
  #outputReader(x: Tensor): () => Tensor {
    const memoryBuffer = new MemoryBuffer(this.#runtime, x.dtype)
    const view = memoryBuffer.tensor(x, this.#storage.address(x))
    return () => {
      if (!x.layout.contiguous) return new Tensor(hostBuffer(view.toTypedArray()), contiguousLayout(x.shape), x.dtype)
      const { buffer, offset } = allocate(x.dtype, x.size)
      const from = view.layout.offset
      if (x.size <= 32) for (let i = 0; i < x.size; i++) buffer.array![offset + i] = view.array[from + i]
      else buffer.array!.set(view.array.subarray(from, from + x.size), offset)
      return new Tensor(buffer, contiguousLayout(x.shape, offset), x.dtype)
    }
  }

  #inspect(inputs: readonly Tensor[]): void {
    for (const inspection of this.graph.inspections) {
      const { source, shape, check } = inspection
      const { origin } = source
      const given = origin.kind === 'input' ? inputs[origin.index] : origin.kind === 'variable' ? origin.variable : undefined
      if (!given || this.#checked.get(inspection) === given.buffer) continue
      check(new Tensor(given.buffer, contiguousLayout(shape, given.layout.offset), given.dtype))
      this.#checked.set(inspection, given.buffer)
    }
  }

  #throwFailure(): void {
    const word = this.#arena.address >> 2
    const { i32 } = this.#runtime
    const failed = i32[word]
    if (failed === 0) return
    i32[word] = 0
    throw this.#failures[failed - 1](i32[word + 1])
  }

  /** What a gather does with an index outside its axis. */
  #failing(op: string): Fail {
    return (f, index, length) => {
      this.#failures.push(
        (given) => new IndexError(`${op}: index ${given} is outside an axis of length ${length}`, { index: given, length }),
      )
      f.do(i32.store(0, this.#failures.length, this.#arena.address), i32.store(0, index, this.#arena.address + 4))
      f.do(f.exit())
    }
  }

  #isProduct(item: Item): boolean {
    if (item.kind !== 'matmul') return false
    const [a, b] = item.inputs
    const [out] = item.outputs
    return realOf(out.dtype) !== undefined && a.dtype === out.dtype && b.dtype === out.dtype && out.layout.contiguous
  }

  #build(): void {
    const runtime = this.#runtime
    const types = [
      ...new Set(this.items.filter((item) => this.#isProduct(item)).map((item) => realOf(writtenBy(item)[0].dtype)!)),
    ]
    const gemms = Object.fromEntries(
      types.map((type) => [
        type,
        runtime.kernel(`gemm/${type}/${runtime.fused}`, () => buildGemm({ type, fused: runtime.fused, shared: runtime.shared })),
      ]),
    )
    const module = new ModuleBuilder({ memory: { shared: runtime.shared } })
    const imported = Object.fromEntries(types.map((type) => [type, module.import('gemm', type, { params: gemmParams })]))
    const shared = new ModuleBuilder({ memory: { shared: runtime.shared } })
    let sharedCount = 0
    const parts: (Part | string | { readonly shared: string; readonly split: Split })[] = []
    const exported: Func<Record<string, never>, 'none'>[] = []
    let pending: ((f: FunctionBuilder) => void)[] = []
    const endFunction = (): void => {
      if (pending.length === 0) return
      const writes = pending
      pending = []
      const name = `part${exported.length}`
      exported.push(
        module.func(name, { params: {} }, (f) => {
          for (const write of writes) f.scope(() => write(f))
        }),
      )
      parts.push(name)
    }
    const inline = (write: (f: FunctionBuilder) => void): void => {
      pending.push(write)
      if (pending.length >= limits.itemsOfFunction) endFunction()
    }
    const call = (part: Part): void => {
      endFunction()
      parts.push(part)
    }

    const begun = new Set<Value>()
    for (const item of this.items) {
      // A value of which parts are written begins as zeros.
      for (const out of writtenBy(item)) {
        const value = valueOf(out)
        if (!begun.has(value) && !isWhole(out)) inline((f) => f.do(memory.fill(this.#start(value), 0, value.bytes)))
        begun.add(value)
      }
      if (item.kind === 'loop') {
        if (item.shape.reduce((a, b) => a * b, 1) < limits.parallel || this.#threads === 1) {
          inline((f) => writeLoop({ f, module }, item, this.#storage))
        } else {
          endFunction()
          const name = `loop${sharedCount++}`
          const tasks = tasksOf(item)
          const size = item.shape.reduce((a, b) => a * b, 1)
          const made = shared.func(name, { params: gemmParams }, (f, p) =>
            writeLoop({ f, module: shared }, item, this.#storage, { begin: p.begin, end: p.end }),
          )
          shared.export(made)
          parts.push({ shared: name, split: { tasks, grain: Math.max(1, Math.ceil((tasks * limits.grain) / size)) } })
        }
      } else if (this.#isProduct(item)) {
        const type = realOf(item.outputs[0].dtype)!
        const { job, split } = this.#writeJob(item, type)
        if (split.tasks === 0 || split.grain >= split.tasks)
          inline((f) => f.do(imported[type].call({ job, begin: 0, end: split.tasks, scratch: runtime.scratch })))
        else call(() => runtime.run(gemms[type], job, split))
      } else if (!this.#inline(item, inline, module)) call(this.#hostPart(item))
    }
    for (const { variable, value } of this.#plan.copied) {
      const block = this.#blocks.get(variable)!
      if (isWhole(value) && value.dtype === variable.dtype)
        inline((f) => f.do(memory.copy(block.address, this.#storage.address(value), valueOf(value).bytes)))
      else {
        const from = new MemoryBuffer(runtime, value.dtype).tensor(value, this.#storage.address(value))
        call(() => writeElements(runtime, from, block.address))
      }
    }
    endFunction()
    module.export(...exported)
    const own = new WebAssembly.Instance(module.compile(), {
      env: { memory: runtime.memory },
      gemm: Object.fromEntries(types.map((type) => [type, runtime.function(gemms[type])])),
    }).exports as Record<string, () => void>
    const loops = sharedCount > 0 ? runtime.add(shared) : {}
    for (const part of parts) {
      if (typeof part === 'function') this.#parts.push(part)
      else if (typeof part === 'string') this.#parts.push(own[part])
      else this.#parts.push(() => runtime.run(loops[part.shared], 0, part.split))
    }
  }

  /** Writes an item into the module, if there is code for it. */
  #inline(item: Exclude<Item, Loop>, inline: (write: (f: FunctionBuilder) => void) => void, module: ModuleBuilder): boolean {
    if (this.#runtime.deterministic && item.kind !== 'gather') return false
    const storage = this.#storage
    const { inputs, outputs } = item
    const [out] = outputs
    if (item.kind === 'reduce' && out.layout.contiguous && canReduce(item.details, inputs[0], out))
      inline((f) => writeReduce({ f, module }, item.details, inputs[0], out, storage))
    else if (item.kind === 'gather' && canGather(inputs[0], inputs[1], item.details.axis, out))
      inline((f) => writeGather({ f, module }, inputs, item.details.axis, out, storage, this.#failing('take')))
    else if (item.kind === 'scatterAdd' && canScatter(inputs[0], inputs[1], item.details.axis, out))
      inline((f) => writeScatterAdd({ f, module }, inputs, item.details.axis, out, storage, this.#failing('scatterAdd')))
    else if (item.kind === 'argReduce' && canArgReduce(inputs[0]))
      inline((f) => writeArgReduce({ f, module }, item.details.kind, inputs[0], item.details.axis, out, storage))
    else return false
    return true
  }

  /** Calls a kernel of the backend on the memory of the program. */
  #hostPart(item: Exclude<Item, Loop>): Part {
    const view = (x: Tensor): Tensor => new MemoryBuffer(this.#runtime, x.dtype).tensor(x, this.#storage.address(x))
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

  /** Writes the job of a product, which stays the same from run to run. */
  #writeJob(item: Item, type: Real): { job: number; split: Split } {
    const [a, b] = readBy(item)
    const [out] = writtenBy(item)
    const { rank } = out
    const operand = (x: Tensor): Operand => ({
      address: this.#storage.address(x),
      rowStride: x.layout.strides[rank - 2],
      columnStride: x.layout.strides[rank - 1],
    })
    const batch = batchOf(item)
    const job = this.#arena.address + this.#jobs
    this.#jobs += spaceOfJob(gemmJobBytes({ batch }))
    const spec: GemmSpec = {
      m: out.shape[rank - 2],
      n: out.shape[rank - 1],
      k: a.shape[rank - 1],
      a: operand(a),
      b: operand(b),
      c: { address: this.#storage.address(out), rowStride: out.shape[rank - 1] },
      batch,
    }
    return { job, split: writeGemmJob(this.#runtime.i32, job, type, spec, this.#threads) }
  }
}

const spaceOfJob = (bytes: number): number => Math.ceil(bytes / 64) * 64

/** The batch axes of a product. */
function batchOf(item: Item): BatchAxis[] {
  const [a, b] = readBy(item)
  const [out] = writtenBy(item)
  return out.shape
    .slice(0, -2)
    .map((size, axis) => ({ size, a: a.layout.strides[axis], b: b.layout.strides[axis], c: out.layout.strides[axis] }))
}

function checkIndices(op: string, indices: Tensor, length: number): void {
  const { array, layout } = indices
  for (let i = 0; layout.contiguous && i < indices.size; i++) {
    const index = array[layout.offset + i]
    if (index >= 0 && index < length) continue
    throw new IndexError(`${op}: index ${index} is outside an axis of length ${length}`, { index, length })
  }
}
