/** Brings elementwise nodes together: those that walk over the same elements become one loop. */
import { kernel, kernelOf, type Kernel } from '../formula/kernel.ts'
import { name, substitute, type Formula } from '../formula/parse.ts'
import { contiguousLayout, makeLayout, type Layout } from '../layout.ts'
import { sameShape, sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import type { Turns, Value } from './trace.ts'
import { countWriters, isWhole, rootOf, valueOf, viewKey, type Graph, type Node } from './trace.ts'

/** The type that a loop computes in. */
export type LoopType = 'float32' | 'float64' | 'int32'

/** One pass over a shape: each input is read, and each output written, at every index. */
export interface Loop {
  readonly kind: 'loop'
  readonly type: LoopType
  readonly shape: readonly number[]
  /** Every array is read and written in order, or is a single number. */
  readonly flat: boolean
  readonly kernel: Kernel
  readonly inputs: readonly Tensor[]
  /** Which results of the kernel are written, and where; the others are needed within the loop only. */
  readonly outputs: readonly { readonly result: number; readonly x: Tensor }[]
  /** The loop of the program that it is part of. */
  readonly turns?: Turns | undefined
}

export type Item = Loop | Node

/** How large a loop may become. */
export interface LoopLimits {
  /** Arrays that are read or made. */
  readonly arrays: number
  /** Views of arrays that are read. */
  readonly reads: number
  /** Elementwise kernels in it. */
  readonly members: number
}

/** More arrays do not fit the registers. */
const wasmLimits: LoopLimits = { arrays: 24, reads: Infinity, members: 32 }

/** What an elementwise node becomes part of, in the making. */
class Group {
  readonly kind = 'group'
  readonly type: LoopType
  readonly turns: Turns | undefined
  readonly size: number
  shape: readonly number[]
  /** Every array is read in order, so that any shape of this size will do. */
  flat: boolean
  readonly members: Node[] = []
  readonly made = new Map<Value, Tensor>()
  readonly read = new Set<Value>()
  readonly views = new Set<string>()
  readonly #limits: LoopLimits

  constructor(type: LoopType, shape: readonly number[], flat: boolean, limits: LoopLimits, turns: Turns | undefined) {
    this.#limits = limits
    this.type = type
    this.turns = turns
    this.size = sizeOf(shape)
    this.shape = shape
    this.flat = flat
  }

  /** Whether a node of this shape walks over the same elements. */
  fits(type: LoopType, shape: readonly number[], flat: boolean, size: number): boolean {
    if (type !== this.type || this.members.length >= this.#limits.members || size !== this.size) return false
    return flat || this.flat || sameShape(shape, this.shape)
  }

  /** Whether what a node reads and makes does not become too much. */
  holds(node: Node): boolean {
    const { arrays, reads } = this.#limits
    if (this.read.size + this.made.size + node.inputs.length + node.outputs.length > arrays) return false
    return reads === Infinity || new Set([...this.views, ...this.#viewsOf(node)]).size <= reads
  }

  #viewsOf(node: Node): string[] {
    return node.inputs.filter((x) => !this.made.has(valueOf(x)) && !isNumber(x)).map(viewKey)
  }

  take(node: Node, shape: readonly number[], flat: boolean): void {
    if (this.flat && !flat) {
      this.shape = shape
      this.flat = false
    }
    this.members.push(node)
    if (this.#limits.reads < Infinity) for (const view of this.#viewsOf(node)) this.views.add(view)
    for (const x of node.inputs) if (!this.made.has(valueOf(x))) this.read.add(valueOf(x))
    for (const out of node.outputs) this.made.set(valueOf(out), out)
  }
}

/** A number that the host knows before a run. */
const isNumber = (x: Tensor): boolean => {
  const { size, origin } = valueOf(x)
  if (size !== 1) return false
  return origin.kind === 'number' || (origin.kind === 'constant' && origin.tensor.buffer.array !== undefined)
}

const identity = kernel(['x'], { y: 'x' })

/** The kernel that a node is at every index, if it is one, and the type that it is computed in. */
function elementwiseOf(node: Node): { kernel: Kernel; type: LoopType } | undefined {
  if (node.kind === 'elementwise') {
    const { kernel, compute } = node.details
    if (compute === 'uint8') return undefined
    return { kernel, type: compute === 'bool' ? 'float32' : compute }
  }
  if (node.kind !== 'copy') return undefined
  const [from, to] = [node.inputs[0].dtype, node.outputs[0].dtype]
  // A conversion to integers drops fractions and wraps: the kernels do that.
  if (to === 'float32' || to === 'float64') return { kernel: identity, type: to }
  if (to === 'int32' && from !== 'float32' && from !== 'float64') return { kernel: identity, type: 'int32' }
  return to === from ? { kernel: identity, type: 'int32' } : undefined
}

const squeezed = (x: Tensor): Layout => {
  const { shape, strides, offset } = x.layout
  const kept = [...shape.keys()].filter((axis) => shape[axis] !== 1)
  return makeLayout(
    kept.map((axis) => shape[axis]),
    kept.map((axis) => strides[axis]),
    offset,
  )
}

const isScalar = (x: Tensor): boolean => x.layout.strides.every((stride, axis) => stride === 0 || x.shape[axis] === 1)

/** The nodes with elementwise ones as loops; `canRender` says which kernels can be part of one. */
export function fuse(graph: Graph, canRender: (kernel: Kernel, type: LoopType) => boolean, limits = wasmLimits): Item[] {
  const order: (Group | Item)[] = []
  const kernels = new Map<string, Kernel>()
  /** Where in `order` a value is complete. */
  const done = new Map<Value, number>()
  const finish = (out: Tensor, at: number): void => {
    done.set(valueOf(out), at)
    done.set(rootOf(valueOf(out)), Math.max(at, done.get(rootOf(valueOf(out))) ?? -1))
  }
  const writers = countWriters(graph.nodes)

  for (const node of graph.nodes) {
    const found = elementwiseOf(node)
    const loop = found && node.outputs[0].size > 0 && canRender(found.kernel, found.type) ? found : undefined
    if (!loop) {
      order.push(node)
    } else {
      const { shape } = squeezed(node.outputs[0])
      const { size } = node.outputs[0]
      const all = [...node.inputs, ...node.outputs]
      const flat = all.every((x) => x.layout.contiguous || isScalar(x))
      const fresh = node.outputs.every((out) => isWhole(out) && writers.get(valueOf(out)) === 1)
      const group = fresh ? findGroup(order, done, node, loop.type, shape, flat, size) : undefined
      if (group !== undefined) {
        ;(order[group] as Group).take(node, shape, flat)
        for (const out of node.outputs) finish(out, group)
        continue
      }
      const made = new Group(loop.type, shape, flat, limits, node.turns)
      made.take(node, shape, flat)
      // What writes a part of a value stays alone.
      if (!fresh) order.push(close(made, kernels, () => true))
      else order.push(made)
    }
    for (const out of node.outputs) finish(out, order.length - 1)
  }

  const wanted = new Set<Value>([...graph.outputs, ...graph.assigned.map(({ value }) => value)].map(valueOf))
  const readers = new Map<Value, Set<Group | Item>>()
  for (const item of order) {
    const inputs = item instanceof Group ? item.members.flatMap((member) => member.inputs) : item.inputs
    for (const value of inputs.map((x) => rootOf(valueOf(x)))) readers.set(value, (readers.get(value) ?? new Set()).add(item))
  }
  return order.map((item) => {
    if (!(item instanceof Group)) return item
    return close(
      item,
      kernels,
      (value) =>
        wanted.has(value) || value.origin.kind === 'slice' || [...(readers.get(value) ?? [])].some((reader) => reader !== item),
    )
  })
}

/** The position of the last group that a node can be part of: all that it reads is complete before, or made there at the same index. */
function findGroup(
  order: readonly (Group | Item)[],
  done: ReadonlyMap<Value, number>,
  node: Node,
  type: LoopType,
  shape: readonly number[],
  flat: boolean,
  size: number,
): number | undefined {
  const needed = Math.max(-1, ...node.inputs.map((x) => done.get(valueOf(x)) ?? -1))
  for (let i = order.length - 1; i >= Math.max(0, needed); i--) {
    const group = order[i]
    if (!(group instanceof Group) || group.turns !== node.turns || !group.fits(type, shape, flat, size)) continue
    if (!group.holds(node)) continue
    const inStep = node.inputs.every((x) => {
      const made = group.made.get(valueOf(x))
      // A number made in a loop of one turn is there, too; what was rounded to an integer or to bytes only as it was stored.
      return !made || (isWhole(x) && x.size === size && (made.dtype === 'bool' || made.dtype === type))
    })
    if (inStep) return i
  }
  return undefined
}

/**
 * The loop of a group; `stored` says which of the values that it makes are read elsewhere. Loops that compute the same (updates of weights
 * do) share one of the kernels, and with it what backends know of it.
 */
function close(group: Group, kernels: Map<string, Kernel>, stored: (value: Value) => boolean): Loop {
  const args: { readonly name: string; readonly x: Tensor }[] = []
  const arg = (x: Tensor): string => {
    const layout = layoutIn(group, x)
    const known = args.find(
      (other) => other.x.buffer === x.buffer && other.x.dtype === x.dtype && sameLayout(other.x.layout, layout),
    )
    if (known) return known.name
    args.push({ name: `a${args.length}`, x: new Tensor(x.buffer, layout, x.dtype) })
    return args.at(-1)!.name
  }
  const results: { readonly name: string; readonly formula: Formula }[] = []
  const outputs: { result: number; x: Tensor }[] = []
  const names = new Map<Value, string>()
  for (const node of group.members) {
    const { kernel: computes } = elementwiseOf(node)!
    const values: Record<string, Formula> = {}
    computes.args.forEach((id, i) => {
      const x = node.inputs[i]
      values[id] = name(names.get(valueOf(x)) ?? arg(x))
    })
    const first = results.length
    for (const result of computes.results) {
      const id = `r${results.length}`
      results.push({ name: id, formula: substitute(result.formula, values) })
      values[result.name] = name(id)
    }
    node.outputs.forEach((out, i) => {
      const value = valueOf(out)
      names.set(value, results[first + i].name)
      if (stored(value)) outputs.push({ result: first + i, x: new Tensor(out.buffer, layoutIn(group, out), out.dtype) })
    })
  }
  const made = kernelOf(
    args.map((one) => one.name),
    results,
  )
  const all = kernels.get(made.key) ?? made
  kernels.set(made.key, all)
  return {
    kind: 'loop',
    type: group.type,
    shape: group.shape,
    flat: group.flat,
    kernel: all,
    inputs: args.map((one) => one.x),
    outputs,
    turns: group.turns,
  }
}

/** The layout of an operand over the shape of its group. */
function layoutIn(group: Group, x: Tensor): Layout {
  if (isScalar(x)) return makeLayout(group.shape, group.shape.map(() => 0), x.layout.offset) // prettier-ignore
  if (x.layout.contiguous) return contiguousLayout(group.shape, x.layout.offset)
  return squeezed(x)
}

const sameLayout = (a: Layout, b: Layout): boolean =>
  a.offset === b.offset && a.strides.every((stride, i) => stride === b.strides[i])
