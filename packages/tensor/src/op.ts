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
   * For an op that takes a part of its one input: the input's gradient, given those of all parts that were taken of it. So parts
   * that were cut one by one are joined at once.
   */
  joinGradients?(parts: readonly Part<Attributes>[], input: Tensor): Tensor
}

/** The gradient of a part, and which part it is. */
export interface Part<Attributes> {
  readonly dy: Tensor
  readonly attributes: Attributes
}

/** Told of every outermost op after it ran. */
export type Listener = <A>(op: Op<A>, inputs: readonly Tensor[], attributes: A, output: Tensor) => void

let listeners: readonly Listener[] = []

/** Runs an op on its inputs and tells the listeners; ops that run inside of it are part of it and are not told. */
export function apply<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  const values = inputs.some(isVariable) ? inputs.map((input) => input.value) : inputs
  const spec = op.infer(values, attributes)
  if (listeners.length === 0) return op.run(values, attributes, spec)
  const told = listeners
  listeners = []
  let output: Tensor
  try {
    output = op.run(values, attributes, spec)
  } finally {
    listeners = told
  }
  for (const listener of told) listener(op, values, attributes, output)
  return output
}

const isVariable = (input: Tensor): boolean => input.value !== input

/** Runs `f` with one more listener, and takes it away again however `f` ends. */
export function listen<T>(listener: Listener, f: () => T): T {
  return withListeners([...listeners, listener], f)
}

/** Runs `f` unheard. */
export const unheard = <T>(f: () => T): T => withListeners([], f)

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
