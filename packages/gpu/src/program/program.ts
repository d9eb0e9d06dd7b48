import { Tensor, type Backend } from '@typegrad/tensor'
import type { GpuBuffer } from '../buffer.ts'
import { Cell } from '../cell.ts'
import type { Action, Engine } from '../engine.ts'
import { conv } from '../kernels/conv.ts'
import { copy } from '../kernels/copy.ts'
import { matmul } from '../kernels/matmul.ts'
import { nextRandom } from '../kernels/random.ts'
import { reduceElements } from '../kernels/reduce.ts'
import { callNode, contiguousLayout, valueOf, type Graph, type Item, type Program, type Value } from '../tensor.ts'
import { loop } from './loop.ts'
import { prepare } from './prepare.ts'
import { isProduct, isStarted } from './product.ts'

/**
 * A traced function as the launches of its kernels, planned once: which kernel, on what grid, with which numbers. A run
 * takes inputs and variables as they lie, launches, and gives the memory of the results to the variables that were assigned.
 */
export class GpuProgram implements Program {
  readonly graph: Graph
  readonly items: readonly Item[]
  readonly #engine: Engine
  readonly #backend: Backend
  readonly #buffers = new Map<Value, GpuBuffer>()
  readonly #actions: readonly Action[]
  /** What comes in before a run. */
  readonly #entering: readonly Value[]
  /** What a run leaves behind when its results were handed on. */
  readonly #left: readonly Action[]

  /** Throws {@link NotRecorded} for a function of which the host does a part. */
  constructor(engine: Engine, backend: Backend, traced: Graph) {
    this.#engine = engine
    this.#backend = backend
    ;({ graph: this.graph, items: this.items } = prepare(engine, traced))
    const { outputs, assigned } = this.graph
    const wanted = [...outputs, ...assigned.map(({ value }) => value)].map(valueOf)
    this.#actions = this.#plan(new Set(wanted))
    wanted.forEach((value) => this.#bufferOf(value))
    const values = [...this.#buffers.keys()]
    this.#entering = values.filter(({ origin }) => origin.kind === 'input' || origin.kind === 'variable')
    this.#left = [...new Set([...this.#entering, ...wanted])]
      .filter(({ origin }) => origin.kind !== 'constant')
      .map((value) => ({ kind: 'clear', cell: this.#bufferOf(value).cell }))
  }

  get bytes(): number {
    let sum = 0
    for (const { origin, bytes } of this.#buffers.keys()) if (origin.kind !== 'variable') sum += bytes
    return sum
  }

  get parts(): number {
    return this.#actions.filter(({ kind }) => kind === 'launch').length
  }

  get isStale(): boolean {
    return this.#engine.ended
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const engine = this.#engine
    for (const step of this.graph.host) step()
    this.#inspect(inputs)
    for (const value of this.#entering) engine.op(() => this.#enter(given(value, inputs), this.#bufferOf(value).cell))
    for (const action of this.#actions) engine.perform(action)
    const results = this.graph.outputs.map((x) => this.#handOn(x))
    const assigned = this.graph.assigned.map(({ value }) => this.#handOn(value))
    this.graph.assigned.forEach(({ variable }, i) => variable.assign(assigned[i]))
    for (const action of this.#left) engine.perform(action)
    return results
  }

  /** The actions of all items; the memory of a value is free again after the last of them that uses it. */
  #plan(wanted: ReadonlySet<Value>): Action[] {
    const last = new Map<Value, number>()
    this.items.forEach((item, i) => {
      for (const x of [...item.inputs, ...outputsOf(item)]) last.set(valueOf(x), i)
    })
    const ends = this.items.map((): Value[] => [])
    for (const [value, i] of last) if (value.origin.kind === 'computed' && !wanted.has(value)) ends[i].push(value)
    return this.items.flatMap((item, i) => [
      ...this.#engine.record(() => this.#call(item)),
      ...ends[i].map((value): Action => ({ kind: 'clear', cell: this.#bufferOf(value).cell })),
    ])
  }

  #call(item: Item): void {
    const [inputs, outputs] = [item.inputs, outputsOf(item)].map((list) => list.map((x) => this.#tensor(x)))
    if (isProduct(item)) {
      const [a, b, ...rest] = inputs
      const finish = { ...item.finish, inputs: rest }
      this.#engine.op(() => {
        if (item.kind === 'conv') conv(this.#engine, a, b, item.details, outputs[0], finish)
        else matmul(this.#engine, a, b, outputs[0], finish)
      })
    } else if (isStarted(item)) {
      const { reduction, axes } = item.details
      this.#engine.op(() => reduceElements(this.#engine, reduction, { ...item.start, inputs }, axes, outputs[0]))
    } else if (item.kind === 'loop') loop(this.#engine, item, inputs, outputs)
    else if (item.kind === 'random') this.#engine.op(() => nextRandom(this.#engine, item.details, outputs[0]))
    else callNode(this.#backend, item, inputs, outputs)
  }

  /** The tensor that stands for one of the trace. */
  #tensor(x: Tensor): Tensor {
    const { origin, size } = valueOf(x)
    if (origin.kind !== 'constant' || (size > 1 && origin.tensor.buffer.array))
      return new Tensor(this.#bufferOf(valueOf(x)), x.layout, x.dtype)
    const { buffer, layout } = origin.tensor
    return new Tensor(buffer, { ...x.layout, offset: x.layout.offset + layout.offset }, x.dtype)
  }

  #bufferOf(value: Value): GpuBuffer {
    let buffer = this.#buffers.get(value)
    if (buffer) return buffer
    const { origin, dtype, size } = value
    const engine = this.#engine
    const cell = new Cell(dtype, size)
    cell.written = origin.kind === 'input' || origin.kind === 'variable'
    if (origin.kind === 'number') cell.number = origin.cell
    // Constants stay on the device as long as the program does.
    buffer = engine.lasting(cell, origin.kind === 'constant' ? 'collector' : 'program')
    if (origin.kind === 'constant') engine.keep(cell, origin.tensor.toTypedArray())
    this.#buffers.set(value, buffer)
    return buffer
  }

  /** Lets a cell share the memory of a tensor; what is not in order there, or lies on the host, is copied before. */
  #enter(x: Tensor, to: Cell): void {
    const engine = this.#engine
    const onDevice = x.buffer.device === 'gpu'
    if (onDevice && x.layout.contiguous && x.dtype !== 'float64') return engine.share(engine.cellOf(x), x.layout.offset, to)
    const cell = engine.temporary(to.length, to.dtype)
    copy(engine, x, new Tensor(engine.lasting(cell, 'program'), contiguousLayout(x.shape), x.dtype))
    engine.share(cell, 0, to)
  }

  /** A tensor of its own that has the elements of a result. */
  #handOn(x: Tensor): Tensor {
    const engine = this.#engine
    const out = new Tensor(engine.allocate(x.dtype, x.size), contiguousLayout(x.shape), x.dtype)
    engine.op(() => copy(engine, this.#tensor(x), out))
    return out
  }

  /** Looks at inputs that are on the host. */
  #inspect(inputs: readonly Tensor[]): void {
    for (const { source, shape, check } of this.graph.inspections) {
      const { buffer, layout, dtype } = given(source, inputs)
      if (buffer.array) check(new Tensor(buffer, contiguousLayout(shape, layout.offset), dtype))
    }
  }
}

const outputsOf = (item: Item): readonly Tensor[] => (item.kind === 'loop' ? item.outputs.map(({ x }) => x) : item.outputs)

function given({ origin }: Value, inputs: readonly Tensor[]): Tensor {
  if (origin.kind === 'input') return inputs[origin.index]
  return (origin as Extract<Value['origin'], { kind: 'variable' }>).variable
}
