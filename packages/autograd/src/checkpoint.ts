import {
  apply,
  GradientError,
  internals,
  isFloat,
  listen,
  sameShape,
  toTensor,
  unheard,
  type Listener,
  type Op,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'
import { alias, orZeros, Tape } from './tape.ts'

/**
 * `checkpoint(f)` is f without the memory of its intermediate results: the backward pass computes them again, from the arguments
 * and whatever else f reads (variables too, which may not be assigned in between), with the same random numbers.
 */
export function checkpoint(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => Tensor {
  return (...args) => {
    const inputs = args.map((arg) => toTensor(arg).value)
    const own = inputs.map((x) => unheard(() => alias(x)))
    const { reads, result, replay } = watched(() => f(...own), own)
    // In a batch of examples there is no tensor of them all to keep: nothing is gained, and f is run as it is.
    if ([...inputs, ...reads, result].some((x) => x.interceptor)) return replay(() => f(...inputs))
    const all = [...inputs, ...reads]
    return apply(recomputed(f, inputs.length, result, replay), all, undefined)
  }
}

/** Runs `f` unheard, and notes what it reads that was there before, but for `own`. */
function watched(f: () => Tensor, own: readonly Tensor[]) {
  const known = new WeakSet<Tensor>(own)
  const reads = new Set<Tensor>()
  const note: Listener = (_, inputs, __, output) => {
    for (const x of inputs) if (isFloat(x.dtype) && !known.has(x)) reads.add(x)
    known.add(output)
  }
  const { result, replay } = internals.recordDraws(() => unheard(() => listen(note, f)))
  return { reads: [...reads], result: result.value, replay }
}

/** An op whose result is known, and whose gradients run f again. */
function recomputed(
  f: (...args: Tensor[]) => Tensor,
  count: number,
  result: Tensor,
  replay: <R>(again: () => R) => R,
): Op<undefined> {
  const backward = (dy: Tensor, all: readonly Tensor[]): readonly Tensor[] => {
    for (const x of all) {
      if (x.variable && x.variable.value !== x)
        throw new GradientError(
          `checkpoint: variable '${x.variable.name}' was assigned between the forward and the backward pass`,
        )
    }
    const tape = new Tape({ watchVariables: false })
    const own = all.slice(0, count).map(alias)
    const sources = [...own, ...all.slice(count)]
    for (const x of sources) if (isFloat(x.dtype)) tape.watch(x)
    const y = replay(() => tape.run(() => f(...own)))
    if (!sameShape(y.shape, dy.shape))
      throw new GradientError('checkpoint: the function gave another shape when it ran again', { before: dy.shape, now: y.shape })
    return tape.backward(y, dy, sources).map((dx, i) => orZeros(dx, sources[i]))
  }
  return {
    name: f.name || 'checkpoint',
    infer: () => ({ shape: result.shape, dtype: result.dtype }),
    run: () => internals.sameTensor(result),
    gradients(dy, all) {
      const grads = backward(dy, all)
      return (i) => (isFloat(all[i].dtype) ? grads[i] : undefined)
    },
  }
}
