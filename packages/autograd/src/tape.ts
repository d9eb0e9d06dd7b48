import {
  apply,
  formatShape,
  GradientError,
  internals,
  isFloat,
  listen,
  onesLike,
  optionsOf,
  ShapeError,
  Tensor,
  unheard,
  Variable,
  without,
  zerosLike,
  type Op,
  type Part,
} from '@typegrad/tensor'

interface Entry {
  readonly op: Op
  readonly inputs: readonly Tensor[]
  readonly attributes: unknown
  readonly output: Tensor
}

let underway: Entry | undefined

/** The op whose gradient is taken at the moment, and its result: for those who listen to a backward pass. */
export const gradientUnderway = (): { readonly op: Op; readonly output: Tensor } | undefined => underway

/**
 * Remembers the ops that run while it records, as far as they depend on a watched tensor or a trainable variable, and
 * goes through them backwards. It knows nothing of any op: rules stand beside the ops.
 */
export class Tape {
  readonly #entries: Entry[] = []
  readonly #tracked = new Set<Tensor>()
  readonly #variables = new Set<Variable>()
  readonly #watchVariables: boolean

  /** With `watchVariables` (the default) every trainable variable that an op reads is watched. */
  constructor(options?: { watchVariables?: boolean }) {
    this.#watchVariables = optionsOf('Tape', options, { watchVariables: true }).watchVariables
  }

  /** Takes gradients of a tensor, or of a variable that is not trainable, from here on. */
  watch(x: Tensor): void {
    if (!isFloat(x.dtype))
      throw new GradientError(`watch: dtype is ${x.dtype}, only float32 and float64 have gradients`, { dtype: x.dtype })
    if (x instanceof Variable) this.#variables.add(x)
    else this.#tracked.add(x)
  }

  #listener = <A>(op: Op<A>, inputs: readonly Tensor[], attributes: A, output: Tensor): void => {
    if ((!op.gradient && !op.gradients) || !isFloat(output.dtype) || !this.#tracksAny(inputs)) return
    this.#tracked.add(output)
    this.#entries.push({ op: op, inputs, attributes, output })
  }

  #tracksAny(inputs: readonly Tensor[]): boolean {
    for (let i = 0; i < inputs.length; i++) if (this.#tracks(inputs[i])) return true
    return false
  }

  #tracks(x: Tensor): boolean {
    if (this.#tracked.has(x)) return true
    const { variable } = x
    if (!variable || !isFloat(x.dtype)) return false
    return (this.#watchVariables && variable.trainable) || this.#variables.has(variable)
  }

  /** Runs `f` and records it; may be called again to record more. */
  run<T>(f: () => T): T {
    return listen(this.#listener, f)
  }

  /** True if `y` depends on something watched. */
  depends(y: Tensor): boolean {
    return this.#tracks(y.value)
  }

  /**
   * The gradients of `Σ y · seed` with respect to `xs`, `undefined` where y does not depend on an x. Tapes around this
   * one hear the backward pass, so it can be differentiated again.
   */
  backward(y: Tensor, seed: Tensor, xs: readonly Tensor[]): (Tensor | undefined)[] {
    return this.backwardAll([{ y, seed }], xs)
  }

  /** The same for the sum over several y. */
  backwardAll(ys: readonly { readonly y: Tensor; readonly seed: Tensor }[], xs: readonly Tensor[]): (Tensor | undefined)[] {
    return without(this.#listener, () => {
      const targets = new Map<Tensor, Tensor | undefined>(xs.map((x) => [x, undefined]))
      const gradients = new Gradients()
      for (const { y, seed } of ys) gradients.receive(y.value, seed)
      for (let i = this.#entries.length - 1; i >= 0; i--) {
        const { op, inputs, attributes, output } = this.#entries[i]
        const dy = gradients.of(output)
        if (dy === undefined) continue
        // A tensor that is asked for keeps its gradient; all others are let go as soon as they have been passed on.
        if (!targets.has(output)) gradients.forget(output)
        underway = this.#entries[i]
        const gradientOf = op.gradients?.(dy, inputs, output, attributes)
        for (let k = 0; k < inputs.length; k++) {
          if (!this.#tracks(inputs[k])) continue
          if (op.joinGradients) {
            gradients.receivePart(inputs[k], op, { dy, attributes })
            continue
          }
          const dx = gradientOf ? gradientOf(k) : op.gradient!(k, dy, inputs, output, attributes)
          if (dx) gradients.receive(inputs[k], dx)
        }
      }
      underway = undefined
      // A variable that was assigned while the tape recorded was read under several values: it gets the sum.
      for (const x of gradients.tensors()) {
        const target = targets.has(x) ? x : x.variable
        if (!target || !targets.has(target)) continue
        const dx = gradients.of(x)!
        const before = targets.get(target)
        targets.set(target, before ? before.add(dx) : dx)
      }
      return xs.map((x) => targets.get(x))
    })
  }
}

/** The gradients that tensors have received so far; parts of a tensor wait until its gradient is asked for. */
class Gradients {
  readonly #sums = new Map<Tensor, Tensor>()
  readonly #parts = new Map<Tensor, Map<Op, Part<unknown>[]>>()

  receive(x: Tensor, dx: Tensor): void {
    const before = this.#sums.get(x)
    this.#sums.set(x, before ? before.add(dx) : dx)
  }

  receivePart(x: Tensor, op: Op, part: Part<unknown>): void {
    const ops = this.#parts.get(x) ?? new Map<Op, Part<unknown>[]>()
    this.#parts.set(x, ops)
    const parts = ops.get(op)
    if (parts) parts.push(part)
    else ops.set(op, [part])
  }

  of(x: Tensor): Tensor | undefined {
    const ops = this.#parts.size > 0 ? this.#parts.get(x) : undefined
    if (ops) {
      this.#parts.delete(x)
      for (const [op, parts] of ops) this.receive(x, op.joinGradients!(parts, x))
    }
    return this.#sums.get(x)
  }

  forget(x: Tensor): void {
    this.#sums.delete(x)
  }

  tensors(): Set<Tensor> {
    return new Set([...this.#sums.keys(), ...this.#parts.keys()])
  }
}

/** The seed of a backward pass from a scalar. */
export function scalarSeed(y: Tensor, op: string): Tensor {
  if (!(y instanceof Tensor)) throw new GradientError(`${op}: the function must return a tensor, got ${typeof y}`)
  if (y.size !== 1)
    throw new ShapeError(`${op} needs a scalar, got shape ${formatShape(y.shape)}: reduce it with sum() or mean()`, {
      shape: y.shape,
    })
  if (!isFloat(y.dtype))
    throw new GradientError(`${op}: the value is ${y.dtype}, only float32 and float64 have gradients`, { dtype: y.dtype })
  return unheard(() => onesLike(y))
}

/** `dx`, or zeros of x's shape. */
export const orZeros = (dx: Tensor | undefined, x: Tensor): Tensor => dx ?? zerosLike(x)

const identity: Op<undefined> = {
  name: 'identity',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: ([x]) => internals.sameTensor(x),
  gradient: (_, dy) => dy,
  batch: ([x]) => alias(x),
}

/**
 * A tensor of its own with x's elements: what a function that is differentiated gets as its argument, so that the
 * argument is told apart from the tensor that was passed. Tapes further out hear that one comes from the other.
 */
export const alias = (x: Tensor): Tensor => apply(identity, [x], undefined)
