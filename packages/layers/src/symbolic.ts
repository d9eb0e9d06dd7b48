import {
  formatShape,
  Tensor,
  unheard,
  ValueError,
  zeros,
  type DType,
  type TensorLike,
  type TensorMethods,
} from '@typegrad/tensor'
import type { AnyLayer, CallContext } from './layer.ts'

/** A shape that is known up to the batch: `null` stands for any length. */
export type SymbolicShape = readonly (number | null)[]

/** What enters a graph may be strings, too. */
export type SymbolicDType = DType | 'string'

/** One call of a layer in a graph of layers. */
export interface Node {
  readonly layer: AnyLayer
  /** What the layer was called on, and after that the tensors in {@link context}. */
  readonly inputs: readonly SymbolicTensor[]
  /** How many of {@link inputs} the layer was called on. */
  readonly positional: number
  /** Whether the layer was called on a list. */
  readonly list: boolean
  /** The further arguments of the call: `initialState`, `useCausalMask` …; symbolic tensors may be among them. */
  readonly context: Readonly<Record<string, unknown>>
  readonly outputs: readonly SymbolicTensor[]
  /** Of two calls, the later one has the larger number. */
  readonly order: number
}

let calls = 0

/** @internal Records a call: its outputs know from now on where they come from, and the layer what it was called on. */
export function linkNode(
  layer: AnyLayer,
  outputs: readonly SymbolicTensor[],
  {
    inputs = [],
    list = false,
    context = {},
  }: { inputs?: readonly SymbolicTensor[]; list?: boolean; context?: Readonly<Record<string, unknown>> } = {},
): void {
  const all = [...inputs, ...symbolicIn(context)]
  const node: Node = { layer, inputs: all, positional: inputs.length, list, context, outputs, order: calls++ }
  for (const output of outputs) output.node = node
  layer.linked(node)
}

/** The ops of tensors whose results have a shape that does not depend on the numbers. */
type OpName = Exclude<
  { [K in keyof TensorMethods]: TensorMethods[K] extends (...args: any[]) => Tensor | Tensor[] ? K : never }[keyof TensorMethods],
  DataDependent
>

/** @internal These have as many results as the numbers say. */
export const dataDependent = ['booleanMask', 'nonzero'] as const
type DataDependent = (typeof dataDependent)[number]

/** Arguments of an op, of which tensors may be symbolic. */
type Arguments<A> = { [I in keyof A]: TensorLike extends A[I] ? A[I] | SymbolicTensor : A[I] }

type SymbolicOps = {
  [K in OpName]: TensorMethods[K] extends (...args: infer A) => infer R
    ? (...args: Arguments<A>) => R extends Tensor ? SymbolicTensor : SymbolicTensor[]
    : never
}

/** Ops on symbolic tensors add them to the graph: `x.add(y)`, `x.slice(null, -1)`; operation.ts installs them. */
export interface SymbolicTensor extends SymbolicOps {}

/**
 * What layers are called on to make a functional model: a shape, a dtype, and the call that it comes from. Calls with several outputs
 * give a list under the same type, so that a variable can hold what layers, models and functions of yours give in turn: destructure it,
 * `const [y, h, c] = new LSTM({ units: 8, returnState: true }).apply(x)`.
 */
export class SymbolicTensor {
  /** One of several outputs; a symbolic tensor by itself is cut by `slice` and `gather`. */
  readonly [output: number]: SymbolicTensor
  /** Tells it from a tensor, whose type would else do for it. */
  readonly symbolic = true
  readonly shape: SymbolicShape
  readonly dtype: SymbolicDType
  /** @internal */
  node?: Node

  constructor(shape: SymbolicShape, dtype: SymbolicDType = 'float32') {
    this.shape = shape
    this.dtype = dtype
  }

  /** The outputs of a call that has several; throws a ValueError for one symbolic tensor, which is no list. */
  [Symbol.iterator](): Iterator<SymbolicTensor> {
    throw new ValueError(`${String(this)}: one output, expected several: its parts are x.slice(…) and x.unstack()`)
  }

  toString(): string {
    return `SymbolicTensor ${formatShape(this.shape)} ${this.dtype}`
  }
}

/** @internal The symbolic tensors among the further arguments of a call. */
export const symbolicIn = (context: object): SymbolicTensor[] =>
  Object.values(context)
    .flat()
    .filter((value): value is SymbolicTensor => value instanceof SymbolicTensor)

/** @internal The further arguments of a call, with values for the symbolic tensors among them. */
export function withValues(context: object, value: (x: SymbolicTensor) => Tensor): Record<string, unknown> {
  const concrete = (x: unknown): unknown => (x instanceof SymbolicTensor ? value(x) : Array.isArray(x) ? x.map(concrete) : x)
  return Object.fromEntries(Object.entries(context).map(([key, x]) => [key, concrete(x)]))
}

/** Makes the call of a node on the values of its inputs. */
export function callNode(
  { layer, inputs, positional, list, context }: Node,
  value: (x: SymbolicTensor) => Tensor,
  { training }: CallContext,
): Tensor[] {
  const args = inputs.slice(0, positional).map(value)
  const result: Tensor | Tensor[] | Record<string, Tensor> = layer.apply(list ? args : args[0], {
    training,
    ...withValues(context, value),
  })
  return result instanceof Tensor ? [result] : Object.values(result)
}

/**
 * The shapes and dtypes of what `f` gives for inputs of these shapes, found by running it on zeros, twice: a length of the
 * result that follows an unknown one is unknown.
 */
export function inferred(
  inputs: readonly { readonly shape: SymbolicShape; readonly dtype: DType }[],
  f: (inputs: readonly Tensor[]) => Tensor | readonly Tensor[],
): { readonly shape: SymbolicShape; readonly dtype: DType }[] {
  const [two, three] = [2, 3].map((length) => {
    const results = unheard(() =>
      f(inputs.map(({ shape, dtype }) => zeros([], { dtype }).broadcastTo(shape.map((n) => n ?? length)))),
    )
    return (Array.isArray(results) ? results : [results]) as readonly Tensor[]
  })
  return two.map(({ shape, dtype }, i) => ({
    shape: shape.map((length, axis) => (three[i].shape[axis] === length ? length : null)),
    dtype,
  }))
}
