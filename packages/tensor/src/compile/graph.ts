/** What a traced function does, as nodes that read and write values. */
import type { Backend, ConvAttributes, PoolAttributes, PoolKind, Reduction, ScanOptions } from '../backends/backend.ts'
import { bytesPerElement, type DType } from '../dtype.ts'
import type { Kernel } from '../formula/kernel.ts'
import type { Buffer } from '../memory.ts'
import type { Tensor, Variable } from '../tensor.ts'
import { traceDevice } from '../tensor.ts'
import type { Draw } from './host.ts'

/** Where the elements of a value come from. */
export type Origin =
  | { readonly kind: 'computed' }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'variable'; readonly variable: Variable }
  /** Elements that never change, of the host or of a device. */
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  /** Set by the host before every run. */
  | { readonly kind: 'number'; readonly cell: { value: number } }
  /** In turn i of a loop the elements of `stack` from `start + i · step` on. */
  | { readonly kind: 'slice'; readonly stack: Value; readonly start: number; readonly step: number }

/** A stretch of elements that a program reads or writes; tensors of the trace are views of values. */
export class Value implements Buffer {
  readonly device = traceDevice
  readonly id: number
  readonly dtype: DType
  readonly size: number
  readonly origin: Origin
  /** The loop that it is made in; it is another one in every turn. */
  readonly turns: Turns | undefined
  /** What slices are taken of; the turns of loops have written all of a `written` one. */
  stack: 'read' | 'written' | undefined

  constructor(id: number, dtype: DType, size: number, origin: Origin, turns?: Turns) {
    this.id = id
    this.dtype = dtype
    this.size = size
    this.origin = origin
    this.turns = turns
  }

  get bytes(): number {
    return this.size * bytesPerElement(this.dtype)
  }
}

/** A loop of a program: the nodes that have it run `count` times, in order, for i from 0 on or down to 0. */
export interface Turns {
  readonly count: number
  readonly backwards: boolean
}

/** What a slice is taken of; any other value itself. */
export const rootOf = (value: Value): Value => (value.origin.kind === 'slice' ? value.origin.stack : value)

/** The value that a tensor of a trace is a view of. */
export const valueOf = (x: Tensor): Value => x.buffer as Value

/** Equal for two views exactly when they are the same elements of the same value, in the same shape. */
export const viewKey = (x: Tensor): string =>
  `${valueOf(x).id} ${x.dtype} ${x.layout.offset} [${x.shape.join()}] [${x.layout.strides.join()}]`

/** Whether a view is all of its value, in order. */
export const isWhole = (x: Tensor): boolean => x.layout.contiguous && x.layout.offset === 0 && x.size === valueOf(x).size

/** What a kernel is called with besides tensors, by the name of the kernel. */
export interface Details {
  elementwise: { readonly kernel: Kernel; readonly compute: DType }
  copy: undefined
  reduce: { readonly reduction: Reduction; readonly axes: readonly number[] }
  argReduce: { readonly kind: 'max' | 'min'; readonly axis: number }
  matmul: undefined
  sparseMatmul: { readonly transposed: boolean }
  /** `x · b`, or `xᵀ · b`, of inputs `[x, b]` or, for rows picked of x, `[x, b, rows]`: what programs make of some products. */
  narrowMatmul: { readonly transposed: boolean }
  softmax: { readonly log: boolean }
  gather: { readonly axis: number }
  scatterAdd: { readonly axis: number }
  scan: { readonly kind: 'sum' | 'prod'; readonly axis: number; readonly options: ScanOptions }
  argsort: { readonly descending: boolean }
  conv: ConvAttributes
  convInput: ConvAttributes
  convKernel: ConvAttributes
  pool: { readonly kind: PoolKind; readonly attributes: PoolAttributes }
  poolGradient: { readonly kind: PoolKind; readonly attributes: PoolAttributes }
  poolPick: PoolAttributes
  random: { draw: Draw }
  host: { readonly name: string; readonly compute: (inputs: readonly Tensor[], out: Tensor) => void }
}

export type NodeKind = keyof Details

/** A call of a kernel. It may write part of a value; the rest is zeros, or what earlier nodes wrote. */
export type Node = {
  readonly [K in NodeKind]: {
    readonly kind: K
    readonly inputs: readonly Tensor[]
    readonly outputs: readonly Tensor[]
    readonly details: Details[K]
    readonly turns?: Turns | undefined
  }
}[NodeKind]

/** How many nodes write into each value, and into what slices are taken of. */
export function countWriters(nodes: readonly Node[]): Map<Value, number> {
  const counts = new Map<Value, number>()
  for (const { outputs } of nodes)
    for (let i = 0; i < outputs.length; i++) {
      const value = valueOf(outputs[i])
      const root = rootOf(value)
      counts.set(value, (counts.get(value) ?? 0) + 1)
      if (root !== value) counts.set(root, (counts.get(root) ?? 0) + 1)
    }
  return counts
}

/** Calls the kernel of a node on a backend. */
export function callNode(backend: Backend, node: Node, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  const [a, b] = inputs
  const [out] = outputs
  switch (node.kind) {
    case 'elementwise':
      return backend.elementwise(node.details.kernel, inputs, outputs, node.details.compute)
    case 'copy':
      return backend.copy(a, out)
    case 'reduce':
      return backend.reduce(node.details.reduction, a, node.details.axes, out)
    case 'argReduce':
      return backend.argReduce(node.details.kind, a, node.details.axis, out)
    case 'matmul':
      return backend.matmul(a, b, out)
    case 'sparseMatmul': {
      const [indptr, indices, values, rows, dense] = inputs
      return backend.sparseMatmul({ indptr, indices, values, rows }, dense, node.details.transposed, out)
    }
    case 'narrowMatmul':
      throw new Error('programs write narrow products themselves')
    case 'softmax':
      return backend.softmax(a, out, node.details.log)
    case 'gather':
    case 'scatterAdd':
      return backend[node.kind](a, b, node.details.axis, out)
    case 'scan':
      return backend.scan(node.details.kind, a, node.details.axis, node.details.options, out)
    case 'argsort':
      return backend.argsort(a, node.details.descending, out)
    case 'conv':
    case 'convInput':
    case 'convKernel':
      return backend[node.kind](a, b, node.details, out)
    case 'pool':
      return backend.pool(node.details.kind, a, node.details.attributes, out)
    case 'poolGradient':
      return backend.poolGradient(node.details.kind, a, b, node.details.attributes, out)
    case 'poolPick':
      return backend.poolPick(a, b, node.details, out)
    case 'host':
      return backend.host(node.details.name, inputs, out, node.details.compute)
    case 'random': {
      const [low, high, stream] = node.details.draw
      return backend.random([low, high], stream, out)
    }
  }
}

/** A value of the host that decided which ops were recorded. */
export interface Choice {
  readonly f: () => number | boolean | string
  readonly was: number | boolean | string
}

/** A check of the numbers that a value from outside has: a variable, or an input. */
export interface Inspection {
  readonly source: Value
  readonly shape: readonly number[]
  readonly check: (x: Tensor) => void
}

/** What a function did when it was traced. */
export interface Graph {
  readonly nodes: readonly Node[]
  readonly inputs: readonly Value[]
  /** The tensors that the function returned. */
  readonly outputs: readonly Tensor[]
  /** The variables that were replaced, and by what. */
  readonly assigned: readonly { readonly variable: Variable; readonly value: Tensor }[]
  /** What is done on the host before each run, in order. */
  readonly host: readonly (() => void)[]
  readonly numbers: readonly Value[]
  readonly choices: readonly Choice[]
  readonly inspections: readonly Inspection[]
}
