/** Records a function as kernels on values that are not known yet: a backend whose kernels only write down that they are called. */
import type { Backend } from '../backends/backend.ts'
import { withBackend } from '../backends/backend.ts'
import type { DType } from '../dtype.ts'
import { contiguousLayout, type Layout } from '../layout.ts'
import { allocate, type Buffer } from '../memory.ts'
import type { Variable } from '../tensor.ts'
import { Tensor, traceDevice, watchVariables } from '../tensor.ts'
import { hearHost, type Draw, type HostListener } from './host.ts'
import { isWhole, type Value, valueOf, type Details, type Graph } from './graph.ts'
import { Recording } from './recording.ts'

export * from './graph.ts'

class Trace extends Recording implements HostListener {
  readonly #variables = new Map<Variable, { readonly buffer: Buffer; readonly layout: Layout; readonly value: Value }>()

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
  hasLoops = false,
): Traced<T> {
  const heard = new Trace(hasLoops)
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
