import { fuse, type Item } from '../../../compile/fuse.ts'
import { lower } from '../../../compile/lower.ts'
import type { Program } from '../../../compile/program.ts'
import { withShared } from '../../../compile/share.ts'
import { simplify } from '../../../compile/simplify.ts'
import { valueOf, type Graph, type Value } from '../../../compile/trace.ts'
import { bytesPerElement } from '../../../dtype.ts'
import { contiguousLayout } from '../../../layout.ts'
import { allocate, hostBuffer } from '../../../memory.ts'
import { Tensor } from '../../../tensor.ts'
import type { Backend } from '../../backend.ts'
import { copyElements } from '../copy.ts'
import { MemoryBuffer, residentOf, writeElements, type Resident } from '../resident.ts'
import { canRender } from '../render.ts'
import type { Runtime } from '../runtime.ts'
import { ProgramCode } from './code.ts'
import { link } from './link.ts'
import { laneTypeOf } from './loop.ts'
import { withNarrow } from './narrow.ts'
import { readBy } from './storage.ts'
import { timesOf } from './times.ts'

/** A graph as programs are made of it: simplified, with loops. */
export function prepare(traced: Graph, backend: Backend, exact: boolean): { graph: Graph; items: Item[] } {
  const lowered = lower(traced, exact)
  const graph = withShared(simplify(exact ? lowered : withNarrow(lowered), backend))
  return { graph, items: fuse(graph, (kernel, type) => canRender(kernel, laneTypeOf[type])) }
}

/** Turns a graph into one WebAssembly module whose addresses are constants, with what only JavaScript can do between its parts. */
export function buildProgram(runtime: Runtime, backend: Backend, traced: Graph): Program {
  const start = performance.now()
  const { graph, items } = prepare(traced, backend, runtime.deterministic)
  return new WasmProgram(runtime, backend, graph, items, performance.now() - start)
}

class WasmProgram implements Program {
  readonly items: readonly Item[]
  readonly graph: Graph
  readonly made: NonNullable<Program['made']>
  readonly #runtime: Runtime
  readonly #backend: Backend
  readonly #code: ProgramCode
  readonly #residents: readonly { readonly resident: Resident; readonly written: boolean }[]
  readonly #inputs: readonly number[]
  readonly #numbers: readonly (() => void)[]
  readonly #parts: readonly (() => void)[]
  readonly #outputs: readonly (() => Tensor)[]
  readonly #threads: number
  readonly #deterministic: boolean
  readonly #checked = new Map<object, object>()

  /** `fuse` is how long the items took to be made. */
  constructor(runtime: Runtime, backend: Backend, graph: Graph, items: readonly Item[], fuse: number) {
    const start = performance.now()
    this.graph = graph
    this.items = items
    this.#runtime = runtime
    this.#backend = backend
    this.#threads = runtime.threads().count
    this.#deterministic = runtime.deterministic
    const code = (this.#code = new ProgramCode(runtime, backend, graph, items, (variable) => residentOf(runtime, variable).block))
    const written = new Set(graph.assigned.map(({ variable }) => variable))
    const all = new Set(written)
    for (const x of [...items.flatMap(readBy), ...graph.outputs, ...code.plan.copied.map(({ value }) => value)]) {
      const { origin } = valueOf(x)
      if (origin.kind === 'variable') all.add(origin.variable)
    }
    this.#residents = [...all].map((variable) => ({ resident: residentOf(runtime, variable), written: written.has(variable) }))
    this.#inputs = graph.inputs.map((value) => (code.plan.offsets.has(value) ? code.start(value) : -1))
    this.#numbers = graph.numbers.map((value) => this.#numberWriter(value))
    this.#outputs = graph.outputs.map((x) => this.#outputReader(x))
    const linking = performance.now()
    this.#parts = link(runtime, code, this)
    this.made = { fuse, write: linking - start, compile: performance.now() - linking }
  }

  get bytes(): number {
    return this.#code.arena.bytes
  }

  get parts(): number {
    return this.#parts.length
  }

  get isStale(): boolean {
    return this.#threads !== this.#runtime.threads().count || this.#deterministic !== this.#runtime.deterministic
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const runtime = this.#runtime
    const mayFail = this.#code.failures.length > 0
    for (const step of this.graph.host) step()
    for (const { resident, written } of this.#residents) resident.enter(written)
    if (this.graph.inspections.length > 0) this.#inspect(inputs)
    for (const write of this.#numbers) write()
    for (let i = 0; i < inputs.length; i++) if (this.#inputs[i] >= 0) writeElements(runtime, inputs[i], this.#inputs[i])
    for (const part of this.#parts) {
      part()
      if (mayFail) this.#throwFailure()
    }
    return this.#outputs.map((read) => read())
  }

  times(): (number | undefined)[] {
    return timesOf(this.#runtime, this.#backend, this.graph, this.items, this.#code)
  }

  #numberWriter(value: Value): () => void {
    const { origin, dtype } = value
    const at = this.#code.start(value) / bytesPerElement(dtype)
    const { cell } = origin as Extract<typeof origin, { kind: 'number' }>
    return () => {
      this.#runtime.view(dtype)[at] = cell.value
    }
  }

  /** Copies an output to the host. */
  #outputReader(x: Tensor): () => Tensor {
    const memoryBuffer = new MemoryBuffer(this.#runtime, x.dtype)
    const view = memoryBuffer.tensor(x, this.#code.storage.address(x))
    return () => {
      if (!x.layout.contiguous) return new Tensor(hostBuffer(view.toTypedArray()), contiguousLayout(x.shape), x.dtype)
      const { buffer, offset } = allocate(x.dtype, x.size, true)
      copyElements(view.array, view.layout.offset, x.size, buffer.array!, offset)
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
    const word = this.#code.arena.address >> 2
    const { i32 } = this.#runtime
    const failed = i32[word]
    if (failed === 0) return
    i32[word] = 0
    throw this.#code.failures[failed - 1](i32[word + 1])
  }
}
