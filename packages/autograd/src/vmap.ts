import {
  apply,
  BackendError,
  currentListeners,
  formatShape,
  GradientError,
  internals,
  normalizeAxis,
  optionsOf,
  ShapeError,
  stack,
  Tensor,
  toTensor,
  type Batching,
  type Interceptor,
  type Op,
  type TensorLike,
} from '@typegrad/tensor'

let depth = 0

/** One call of vmap: makes each op on its tensors one op on whole batches, by the rule that stands beside the op. */
class Batch implements Interceptor, Batching {
  readonly size: number
  readonly depth = depth
  outer = currentListeners()
  readonly #wholes = new WeakMap<Tensor, Tensor>()

  constructor(size: number) {
    this.size = size
  }

  /** An example's view of a tensor with the batch as its first axis: a shape without elements. */
  readonly wrap = (whole: Tensor): Tensor => {
    const example = new Tensor(nowhere, internals.contiguousLayout(whole.shape.slice(1)), whole.dtype)
    example.interceptor = this
    this.#wholes.set(example, whole)
    return example
  }

  whole(x: Tensor): Tensor {
    const whole = this.#wholes.get(x)
    if (!whole) throw new GradientError('vmap: a tensor of an example was used after the call that it belongs to')
    return whole
  }

  readonly unwrap = (x: Tensor): Tensor => (x.interceptor === this ? this.whole(x) : x.broadcastTo([this.size, ...x.shape]))

  readonly enter = <T>(f: () => T): T => {
    const before = this.outer
    this.outer = currentListeners()
    try {
      return f()
    } finally {
      this.outer = before
    }
  }

  readonly spread = (inputs: readonly Tensor[], batched: readonly boolean[]): Tensor[] =>
    inputs.map((x, i) => (batched[i] ? x : x.broadcastTo([this.size, ...x.shape])))

  run<A>(op: Op<A>, inputs: readonly Tensor[], attributes: A): Tensor {
    const batched = inputs.map((x) => x.interceptor === this)
    const wholes = inputs.map((x, i) => (batched[i] ? this.whole(x) : x))
    if (!op.batch) return this.wrap(this.#oneByOne(op, wholes, attributes, batched))
    return this.wrap(op.batch(wholes, attributes, this, batched))
  }

  /** Every example by itself: slow, and right for every op. */
  #oneByOne<A>(op: Op<A>, wholes: readonly Tensor[], attributes: A, batched: readonly boolean[]): Tensor {
    if (this.size === 0) throw new BackendError(`vmap: ${op.name} has no rule for batches, and there is no example to compute`)
    const results = Array.from({ length: this.size }, (_, example) =>
      apply(
        op,
        wholes.map((x, i) => (batched[i] ? x.slice(example) : x)),
        attributes,
      ),
    )
    return stack(results)
  }
}

const nowhere = { device: 'vmap' }

/** The axis of an argument that the examples lie along; `null` for an argument that is the same for all. */
export type BatchAxis = number | null

export interface VmapOptions {
  /** For all arguments, or for each. @defaultValue `0` */
  readonly inAxes?: BatchAxis | readonly BatchAxis[]
  /** Where the examples lie in the results. @defaultValue `0` */
  readonly outAxes?: number
}

/**
 * `vmap(f)` is f for a batch of arguments, whose examples f is written for: they lie along an axis of each argument, and of each
 * result. Ops run once for the whole batch where they have a rule for it. Nests with itself and with grad, vjp, jvp and others.
 * Random numbers that f draws are the same for all examples.
 */
export function vmap<R extends Tensor | readonly Tensor[]>(
  f: (...args: Tensor[]) => R,
  options?: VmapOptions,
): (...args: TensorLike[]) => R {
  const { inAxes, outAxes } = optionsOf('vmap', options, { inAxes: 0, outAxes: 0 })
  return (...args) => {
    const tensors = args.map((arg) => toTensor(arg))
    const axes = tensors.map((x, i) => {
      const axis = inAxes === null || typeof inAxes === 'number' ? inAxes : (inAxes[i] ?? null)
      return axis === null ? null : normalizeAxis(axis, x.rank, 'vmap')
    })
    const sizes = new Set(tensors.flatMap((x, i) => (axes[i] === null ? [] : [x.shape[axes[i]]])))
    if (sizes.size !== 1) {
      const shapes = tensors.map(({ shape }) => formatShape(shape)).join(', ')
      throw new ShapeError(
        sizes.size === 0
          ? 'vmap: no argument has an axis of examples'
          : `vmap: arguments ${shapes} have ${[...sizes].join(' and ')} examples`,
        { sizes: [...sizes] },
      )
    }
    depth++
    try {
      const batch = new Batch([...sizes][0])
      const examples = tensors.map((x, i) => (axes[i] === null ? x : batch.wrap(x.moveaxis(axes[i], 0))))
      const result = f(...examples)
      const out = (y: Tensor): Tensor => {
        const whole = batch.unwrap(y.value)
        return outAxes === 0 ? whole : whole.moveaxis(0, outAxes)
      }
      return (result instanceof Tensor ? out(result) : result.map(out)) as R
    } finally {
      depth--
    }
  }
}
