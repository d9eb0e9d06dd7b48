/** What is recorded of a function: nodes, some of them in loops, on values without numbers. */
import { scalar } from '../convert.ts'
import { isFloat, type DType } from '../dtype.ts'
import { TraceError } from '../errors.ts'
import { kernel } from '../formula/kernel.ts'
import { contiguousLayout, makeLayout } from '../layout.ts'
import type { Buffer } from '../memory.ts'
import { Tensor } from '../tensor.ts'
import type { LoopBody } from './host.ts'
import {
  Value,
  valueOf,
  type Choice,
  type Details,
  type Inspection,
  type Node,
  type NodeKind,
  type Origin,
  type Turns,
} from './graph.ts'
import { hoist } from './hoist.ts'

/** Kinds of nodes whose operands may move from turn to turn. */
const moving: ReadonlySet<NodeKind> = new Set(['elementwise', 'copy', 'matmul'])

/** Whether a node can be part of a loop: it is written into the loop's code, and does the same in every turn. */
const canTurn = ({ kind, outputs }: Node): boolean =>
  (moving.has(kind) || kind === 'reduce' || kind === 'softmax') &&
  outputs.every(({ dtype }) => isFloat(dtype) || dtype === 'bool')

const plus = kernel(['a', 'b'], { y: 'a + b' })

/** Values, the nodes that make them, and the loops that nodes are in. */
export class Recording {
  readonly nodes: Node[] = []
  readonly host: (() => void)[] = []
  readonly numbers: Value[] = []
  readonly choices: Choice[] = []
  readonly inspections: Inspection[] = []
  readonly #constants = new Map<string, Tensor>()
  readonly #spans = new Map<Buffer, Map<string, Value>>()
  /** Where the values of a loop are kept for those that read them after it. */
  readonly #kept = new Map<Value, Tensor>()
  readonly #slices = new Map<string, Value>()
  readonly #hasLoops: boolean
  #turns: Turns | undefined
  #count = 0

  constructor(hasLoops: boolean) {
    this.#hasLoops = hasLoops
  }

  value(dtype: DType, size: number, origin: Origin): Value {
    const isTurns = origin.kind === 'computed' || origin.kind === 'slice'
    return new Value(this.#count++, dtype, size, origin, isTurns ? this.#turns : undefined)
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
    const read = inputs.map((x) => this.#reached(this.known(x), kind))
    this.nodes.push({ kind, inputs: read, outputs, details, turns: this.#turns } as unknown as Node)
  }

  /** A tensor as nodes of the loop at hand read it: of another loop's value, what was kept of the same turn. */
  #reached(x: Tensor, kind: NodeKind): Tensor {
    const value = valueOf(x)
    const turns = this.#turns
    if (value.turns === turns || value.turns === undefined) {
      if (value.origin.kind !== 'slice' || moving.has(kind)) return x
      const copy = this.tensor([value.size], x.dtype, { kind: 'computed' })
      this.add('copy', [new Tensor(value, copy.layout, x.dtype)], [copy], undefined)
      return new Tensor(copy.buffer, x.layout, x.dtype)
    }
    if (!turns) throw new TraceError(`compile: a tensor of a loop's turn is read after the loop by ${kind}`)
    const { stack, start, step } = this.#placesOf(value)
    return new Tensor(this.#slice(stack, start, step), x.layout, x.dtype)
  }

  /** Where a value of a loop lies, turn by turn; it is kept if it was not. */
  #placesOf(value: Value): { readonly stack: Value; readonly start: number; readonly step: number } {
    if (value.origin.kind === 'slice') return value.origin
    let kept = this.#kept.get(value)
    if (!kept) {
      const turns = value.turns!
      this.#kept.set(value, (kept = this.stack(value.dtype, turns.count * value.size)))
      const whole = contiguousLayout([value.size])
      const target = this.#inside(turns, () => this.#slice(valueOf(kept!), 0, value.size))
      const last = this.nodes.findLastIndex((node) => node.turns === turns)
      const inputs = [new Tensor(value, whole, value.dtype)]
      const outputs = [new Tensor(target, whole, value.dtype)]
      this.nodes.splice(last + 1, 0, { kind: 'copy', inputs, outputs, details: undefined, turns })
    }
    return { stack: valueOf(kept), start: 0, step: value.size }
  }

  #inside<T>(turns: Turns | undefined, f: () => T): T {
    const before = this.#turns
    this.#turns = turns
    try {
      return f()
    } finally {
      this.#turns = before
    }
  }

  #outside = <T>(f: () => T): T => this.#inside(undefined, f)

  #slice(stack: Value, start: number, step: number, size = step): Value {
    const key = `${stack.id} ${start} ${step} ${size} ${this.#loops.indexOf(this.#turns!)}`
    let slice = this.#slices.get(key)
    if (!slice) this.#slices.set(key, (slice = this.value(stack.dtype, size, { kind: 'slice', stack, start, step })))
    stack.stack ??= 'read'
    return slice
  }

  readonly #loops: Turns[] = []

  stack(dtype: DType, size: number): Tensor {
    const stack = this.#outside(() => this.tensor([size], dtype, { kind: 'computed' }))
    valueOf(stack).stack = 'written'
    return stack
  }

  put(x: Tensor, place: Tensor): void {
    this.add('copy', [x], [place], undefined)
  }

  loop<T>(count: number, backwards: boolean, body: (turn: LoopBody) => T): T | undefined {
    if (!this.#hasLoops || this.#turns) return undefined
    const turns: Turns = { count, backwards }
    this.#loops.push(turns)
    const lists = [this.host, this.numbers, this.choices, this.inspections]
    const marks = lists.map(({ length }) => length)
    const at = (stack: Tensor, ahead: number): Tensor => {
      const known = this.known(stack)
      const layout = contiguousLayout(known.shape.slice(1))
      const start = known.layout.offset + ahead * layout.size
      return new Tensor(this.#slice(valueOf(known), start, layout.size), layout, known.dtype)
    }
    const early: Node[] = []
    const sums: { readonly x: Tensor; readonly sum: Tensor }[] = []
    const result = this.#inside(turns, () =>
      body({
        read: (stack, ahead = 0) => at(stack, ahead),
        write: (x, stack, ahead = 0) => this.put(x, at(stack, ahead)),
        before: (f) => {
          const start = this.nodes.length
          this.#outside(f)
          early.push(...this.nodes.splice(start))
        },
        sum: (x) => {
          const sum = this.#outside(() => this.tensor(x.shape, x.dtype, { kind: 'computed' }))
          sums.push({ x, sum })
          return sum
        },
      }),
    )
    this.#putBefore(turns, early)
    this.nodes.push(...sums.flatMap(({ x, sum }) => this.#sum(x, sum, turns) ?? []))
    const own = this.nodes.filter((node) => node.turns === turns)
    if (own.every(canTurn)) return result
    const others = this.nodes.filter((node) => node.turns !== turns)
    this.nodes.splice(0, this.nodes.length, ...others)
    lists.forEach((list, i) => list.splice(marks[i]))
    return undefined
  }

  #putBefore(turns: Turns, nodes: readonly Node[]): void {
    const first = this.nodes.findIndex((node) => node.turns === turns)
    this.nodes.splice(first < 0 ? this.nodes.length : first, 0, ...nodes)
  }

  /** The sum of x over all turns: as a node for after the loop where that will do, else what each turn gives is added up. */
  #sum(x: Tensor, sum: Tensor, turns: Turns): Node | undefined {
    const hoisted = hoist(x, sum, turns, this.nodes, (value) => this.#placesOf(value))
    if (hoisted) return hoisted
    const stack = valueOf(sum)
    stack.stack = 'written'
    const zero = this.known(scalar(0, x.dtype))
    const zeros = new Tensor(zero.buffer, makeLayout(sum.shape, sum.shape.map(() => 0), 0), x.dtype) // prettier-ignore
    this.#putBefore(turns, [{ kind: 'copy', inputs: [zeros], outputs: [sum], details: undefined }])
    this.#inside(turns, () => {
      const layout = contiguousLayout(x.shape)
      const place = (ahead: number): Tensor => new Tensor(this.#slice(stack, ahead, 0, stack.size), layout, x.dtype)
      this.add('elementwise', [place(0), x], [place(0)], { kernel: plus, compute: x.dtype })
    })
    return undefined
  }
}
