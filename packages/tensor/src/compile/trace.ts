/** Records a function as kernels on values that are not known yet: a backend whose kernels only write down that they are called. */
import type { Backend, ConvAttributes, PoolAttributes, PoolKind, Reduction, ScanOptions } from '../backends/backend.ts'
import { withBackend } from '../backends/backend.ts'
import { bytesPerElement, type DType } from '../dtype.ts'
import type { Kernel } from '../formula/kernel.ts'
import { contiguousLayout, makeLayout, type Layout } from '../layout.ts'
import { allocate, type Buffer } from '../memory.ts'
import type { Variable } from '../tensor.ts'
import { Tensor, traceDevice, watchVariables } from '../tensor.ts'
import { hearHost, type Draw, type HostListener } from './host.ts'

/** Where the elements of a value come from. */
export type Origin =
  | { readonly kind: 'computed' }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'variable'; readonly variable: Variable }
  /** Elements that never change, of the host or of a device. */
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  /** Set by the host before every run. */
  | { readonly kind: 'number'; readonly cell: { value: number } }

/** A stretch of elements that a program reads or writes; tensors of the trace are views of values. */
export class Value implements Buffer {
  readonly device = traceDevice
  readonly id: number
  readonly dtype: DType
  readonly size: number
  readonly origin: Origin

  constructor(id: number, dtype: DType, size: number, origin: Origin) {
    this.id = id
    this.dtype = dtype
    this.size = size
    this.origin = origin
  }

  get bytes(): number {
    return this.size * bytesPerElement(this.dtype)
  }
}

/** The value that a tensor of a trace is a view of. */
export const valueOf = (x: Tensor): Value => x.buffer as Value

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
  }
}[NodeKind]

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

class Trace implements HostListener {
  readonly nodes: Node[] = []
  readonly host: (() => void)[] = []
  readonly numbers: Value[] = []
  readonly choices: Choice[] = []
  readonly inspections: Inspection[] = []
  readonly #variables = new Map<Variable, { readonly buffer: Buffer; readonly layout: Layout; readonly value: Value }>()
  readonly #constants = new Map<string, Tensor>()
  readonly #spans = new Map<Buffer, Map<string, Value>>()
  #count = 0

  value(dtype: DType, size: number, origin: Origin): Value {
    return new Value(this.#count++, dtype, size, origin)
  }

  /** A new value of a shape, all of it. */
  tensor(shape: readonly number[], dtype: DType, origin: Origin): Tensor {
    const layout = contiguousLayout(shape)
    return new Tensor(this.value(dtype, layout.size, origin), layout, dtype)
  }

  /** A tensor of the trace as it is; one of the host as a constant. */
  known(x: Tensor): Tensor {
    if (x.buffer instanceof Value) return x
    const { layout, dtype } = x
    if (layout.size === 1 && x.buffer.array) {
      const number = x.array[layout.offset]
      const key = `${dtype} ${Object.is(number, -0) ? '-0' : number}`
      let one = this.#constants.get(key)
      if (!one) this.#constants.set(key, (one = this.tensor([], dtype, { kind: 'constant', tensor: x })))
      return new Tensor(one.buffer, makeLayout(layout.shape, layout.strides.map(() => 0), 0), dtype) // prettier-ignore
    }
    // The stretch of the buffer that the view spans.
    let [low, high] = [layout.offset, layout.offset]
    if (layout.size > 0)
      layout.shape.forEach((length, i) => {
        const reach = (length - 1) * layout.strides[i]
        if (reach < 0) low += reach
        else high += reach
      })
    const spans = this.#spans.get(x.buffer) ?? new Map<string, Value>()
    this.#spans.set(x.buffer, spans)
    const key = `${low} ${high}`
    let value = spans.get(key)
    if (!value) {
      const tensor = new Tensor(x.buffer, contiguousLayout([high - low + 1], low), dtype)
      spans.set(key, (value = this.value(dtype, tensor.size, { kind: 'constant', tensor })))
    }
    return new Tensor(value, { ...layout, offset: layout.offset - low }, dtype)
  }

  add<K extends NodeKind>(kind: K, inputs: readonly Tensor[], outputs: readonly Tensor[], details: Details[K]): void {
    this.nodes.push({ kind, inputs: inputs.map((x) => this.known(x)), outputs, details } as unknown as Node)
  }

  number(f: () => number, dtype: DType): Tensor {
    const cell = { value: 0 }
    this.effect(() => (cell.value = f()))
    const x = this.tensor([], dtype, { kind: 'number', cell })
    this.numbers.push(x.buffer as Value)
    return x
  }

  effect(f: () => void): void {
    this.host.push(f)
  }

  choice<T extends number | boolean | string>(f: () => T): T {
    const was = f()
    this.choices.push({ f, was })
    return was
  }

  draw(next: () => Draw, out: Tensor): void {
    const details: Details['random'] = { draw: [0, 0, 0] }
    this.effect(() => (details.draw = next()))
    if (out.size > 0) this.add('random', [], [out], details)
  }

  inspect(x: Tensor, check: (x: Tensor) => void): void {
    let value = valueOf(this.known(x))
    let picks = false
    for (let source: Tensor | undefined = x; source;) {
      const made = this.nodes.find(({ outputs }) => outputs.some((out) => out.buffer === value))
      source = made?.kind === 'gather' || made?.kind === 'copy' ? made.inputs[0] : undefined
      if (source) [value, picks] = [valueOf(source), true]
    }
    const { kind } = value.origin
    if (kind === 'constant') {
      if (value.origin.tensor.buffer.array) check(value.origin.tensor)
    } else if (kind !== 'computed') this.inspections.push({ source: value, shape: picks ? [value.size] : x.shape, check })
  }

  /** Told of a variable: from here to the end of the trace it is a value. */
  meet(variable: Variable): void {
    if (this.#variables.has(variable)) return
    const { buffer, layout, shape, dtype } = variable
    const value = this.value(dtype, variable.size, { kind: 'variable', variable })
    this.#variables.set(variable, { buffer, layout, value })
    variable.store(value, contiguousLayout(shape))
  }

  /** The elements of a value that nothing writes; `undefined` for others. */
  zerosOf(x: Tensor): Tensor | undefined {
    const value = valueOf(x)
    if (value.origin.kind !== 'computed' || this.nodes.some(({ outputs }) => outputs.some((out) => out.buffer === value)))
      return undefined
    const { buffer, offset } = allocate(x.dtype, x.size)
    return new Tensor(buffer, contiguousLayout(x.shape, offset), x.dtype)
  }

  /** Gives the variables back what they had; those that were replaced are returned. */
  leave(): Graph['assigned'] {
    const assigned: { variable: Variable; value: Tensor }[] = []
    for (const [variable, { buffer, layout, value }] of this.#variables) {
      const now = this.known(new Tensor(variable.buffer, variable.layout, variable.dtype))
      if (now.buffer !== value || !isWhole(now)) assigned.push({ variable, value: now })
      variable.store(buffer, layout)
    }
    return assigned
  }

  /** The backend whose kernels are recorded. */
  readonly backend: Backend = {
    name: traceDevice,
    device: traceDevice,
    takesAll: true,
    allocate: (dtype, size) => ({ buffer: this.value(dtype, size, { kind: 'computed' }), offset: 0 }),
    elementwise: (kernel, inputs, outputs, compute) => this.add('elementwise', inputs, outputs, { kernel, compute }),
    copy: (x, out) => this.add('copy', [x], [out], undefined),
    reduce: (reduction, x, axes, out) => this.add('reduce', [x], [out], { reduction, axes }),
    argReduce: (kind, x, axis, out) => this.add('argReduce', [x], [out], { kind, axis }),
    matmul: (a, b, out) => this.add('matmul', [a, b], [out], undefined),
    sparseMatmul: ({ indptr, indices, values, rows }, b, transposed, out) =>
      this.add('sparseMatmul', [indptr, indices, values, rows, b], [out], { transposed }),
    softmax: (x, out, log) => this.add('softmax', [x], [out], { log }),
    gather: (x, indices, axis, out) => this.add('gather', [x, indices], [out], { axis }),
    scatterAdd: (updates, indices, axis, out) => this.add('scatterAdd', [updates, indices], [out], { axis }),
    scan: (kind, x, axis, options, out) => this.add('scan', [x], [out], { kind, axis, options }),
    argsort: (x, descending, out) => this.add('argsort', [x], [out], { descending }),
    conv: (x, kernel, attributes, out) => this.add('conv', [x, kernel], [out], attributes),
    convInput: (dy, kernel, attributes, out) => this.add('convInput', [dy, kernel], [out], attributes),
    convKernel: (x, dy, attributes, out) => this.add('convKernel', [x, dy], [out], attributes),
    pool: (kind, x, attributes, out) => this.add('pool', [x], [out], { kind, attributes }),
    poolGradient: (kind, x, dy, attributes, out) => this.add('poolGradient', [x, dy], [out], { kind, attributes }),
    poolPick: (values, x, attributes, out) => this.add('poolPick', [values, x], [out], attributes),
    host: (name, inputs, out, compute) => this.add('host', inputs, [out], { name, compute }),
    random: () => {
      throw new Error('random numbers are drawn through hostDraw')
    },
  }
}

/** A structure of tensors as the traced function returned it. */
export interface Traced<T> {
  readonly graph: Graph
  readonly result: T
}

/** Runs `f` on inputs of these shapes and dtypes without computing anything, and returns what it would do. */
export function trace<T>(
  inputs: readonly { readonly shape: readonly number[]; readonly dtype: DType }[],
  f: (inputs: readonly Tensor[]) => T,
  tensorsIn: (result: T) => readonly Tensor[],
): Traced<T> {
  const heard = new Trace()
  const given = inputs.map(({ shape, dtype }, index) => heard.tensor(shape, dtype, { kind: 'input', index }))
  let assigned: Graph['assigned'] = []
  let result!: T
  let outputs: readonly Tensor[] = []
  try {
    withBackend(heard.backend, () =>
      watchVariables({ meet: (variable) => heard.meet(variable), known: (value) => heard.zerosOf(value) }, () =>
        hearHost(heard, () => {
          result = f(given)
          outputs = tensorsIn(result).map((x) => heard.known(x.value))
        }),
      ),
    )
  } finally {
    assigned = heard.leave()
  }
  const { nodes, host, numbers, choices, inspections } = heard
  return { graph: { nodes, inputs: given.map(valueOf), outputs, assigned, host, numbers, choices, inspections }, result }
}
