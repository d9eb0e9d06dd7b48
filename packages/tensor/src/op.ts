/**
 * The one interception point: every op ends in {@link apply}. Autograd and the compiler listen here, and know
 * nothing of any op; an op knows nothing of them.
 */
import type { DType } from './dtype.ts'
import type { Shape } from './shape.ts'
import type { Tensor } from './tensor.ts'

/** What is known of a tensor before it is computed. */
export interface Spec {
  readonly shape: Shape
  readonly dtype: DType
}

/** A function of tensors that can be recorded. `Attributes` are its arguments that are not tensors. */
export interface Op<Attributes = unknown> {
  readonly name: string
  /** Shape and dtype of the result; throws a typed error for inputs that do not fit. */
  infer(inputs: readonly Tensor[], attributes: Attributes): Spec
  /** Computes the result with kernels of a backend, or as a view of an input. */
  run(inputs: readonly Tensor[], attributes: Attributes, spec: Spec): Tensor
  /**
   * The gradient of input `i`, given the gradient `dy` of the output, itself made of differentiable ops.
   * `undefined` (or no rule) means that nothing flows there.
   */
  gradient?(i: number, dy: Tensor, inputs: readonly Tensor[], output: Tensor, attributes: Attributes): Tensor | undefined
  /**
   * In place of `gradient` where the gradients of the inputs have much in common: what the returned function keeps serves all inputs of
   * this backward pass, and no other one, which other tapes may record.
   */
  gradients?(dy: Tensor, inputs: readonly Tensor[], output: Tensor, attributes: Attributes): (i: number) => Tensor | undefined
  /**
   * For an op that takes a part of its one input: the input's gradient, given those of all parts that were taken of it. So parts
   * that were cut one by one are joined at once.
   */
  joinGradients?(parts: readonly Part<Attributes>[], input: Tensor): Tensor
  /**
   * The results for a batch of examples at once: of inputs that have, where `batched` says so, the batch as their first axis; the
   * result has it too. Without it the examples are computed one by one.
   */
  batch?(inputs: readonly Tensor[], attributes: Attributes, batching: Batching, batched: readonly boolean[]): Tensor
}

/** The op for a whole batch of inputs, whose examples it is defined for: see {@link Op.batch}. */
export interface Batching {
  readonly size: number
  /** The inputs with the batch as their first axis: those that are not `batched` are stretched to it. */
  readonly spread: (inputs: readonly Tensor[], batched: readonly boolean[]) => Tensor[]
  /** A tensor with the batch as its first axis, as the examples see it; and back. */
  readonly wrap: (x: Tensor) => Tensor
  readonly unwrap: (x: Tensor) => Tensor
  /** Runs `f`, which computes with examples, again: listeners of this moment are those around it. */
  readonly enter: <T>(f: () => T) => T
}

/** Takes over every op that has a tensor of its among the inputs. */
export interface Interceptor {
  /** Grows inwards: the innermost takes an op first. */
  readonly depth: number
  /** The listeners around it hear the ops that it makes of those that it takes over, and not these. */
  readonly outer: readonly Listener[]
  run<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor
  /** What really holds the elements of such a tensor. */
  whole(x: Tensor): Tensor
}

/** The gradient of a part, and which part it is. */
export interface Part<Attributes> {
  readonly dy: Tensor
  readonly attributes: Attributes
}

/** Told of every outermost op after it ran. */
export type Listener = <A>(op: Op<A>, inputs: readonly Tensor[], attributes: A, output: Tensor) => void

const none: readonly Listener[] = []
let listeners = none

/** Runs an op on its inputs and tells the listeners; ops that run inside of it are part of it and are not told. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  const values = valuesOf(inputs)
  for (let i = 0; i < values.length; i++) if (values[i].interceptor) return intercepted(op, values, attributes)
  const spec = op.infer(values, attributes)
  if (listeners.length === 0) return op.run(values, attributes, spec)
  const told = listeners
  listeners = none
  let output: Tensor
  try {
    output = op.run(values, attributes, spec)
  } finally {
    listeners = told
  }
  for (let i = 0; i < told.length; i++) told[i](op, values, attributes, output)
  return output
}

/** The inputs, the value of each variable in its place. */
function valuesOf(inputs: readonly Tensor[]): readonly Tensor[] {
  let values: Tensor[] | undefined
  for (let i = 0; i < inputs.length; i++) {
    const { value } = inputs[i]
    if (value !== inputs[i]) (values ??= inputs.slice())[i] = value
  }
  return values ?? inputs
}

/** Hands an op to the innermost interceptor: listeners inside of it hear the op, those around it what it is made into. */
function intercepted<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  let chosen: Interceptor | undefined
  for (const { interceptor } of inputs) if (interceptor && !(chosen && chosen.depth >= interceptor.depth)) chosen = interceptor
  const told = listeners
  const around = told.filter((listener) => chosen!.outer.includes(listener))
  const output = withListeners(around, () => chosen!.run(op, inputs, attributes))
  for (const listener of told) if (!around.includes(listener)) listener(op, inputs, attributes, output)
  return output
}

/** The listeners at this moment. */
export const currentListeners = (): readonly Listener[] => listeners

/** Runs `f` with one more listener, and takes it away again however `f` ends. */
export function listen<T>(listener: Listener, f: () => T): T {
  return withListeners([...listeners, listener], f)
}

/** Whether anybody listens. */
export const isHeard = (): boolean => listeners.length > 0

/** Runs `f` unheard. */
export const unheard = <T>(f: () => T): T => withListeners(none, f)

/** Runs `f` heard by all listeners but this one: the backward pass of a tape that lies inside another. */
export const without = <T>(listener: Listener, f: () => T): T =>
  withListeners(
    listeners.filter((l) => l !== listener),
    f,
  )

function withListeners<T>(next: readonly Listener[], f: () => T): T {
  const before = listeners
  listeners = next
  try {
    return f()
  } finally {
    listeners = before
  }
}
