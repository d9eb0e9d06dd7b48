/** The turns of a recurrence as one loop of a compiled function, forwards and backwards. */
import {
  apply,
  currentListeners,
  isFloat,
  listen,
  sizeOf,
  TraceError,
  traceLoop,
  tracePut,
  traceStack,
  unheard,
  zeros,
  zerosLike,
  type LoopBody,
  type Op,
  type Shape,
  type Tensor,
} from '@typegrad/tensor'
import { Tape } from './tape.ts'

/** One turn: what each of `xs` has for it and the states before it give the states after it. */
export type Turn = (xs: readonly Tensor[], states: readonly Tensor[]) => readonly Tensor[]

/**
 * `states = turn(xs[i], states)` for all i along the first axis of `xs`, from the last one on where `backwards`: the turn is
 * recorded once, and its gradient once, whatever their number, and a product's weight gets its gradient of all turns in one
 * product. For each state all its values, `[turns + 1, …]`: at i is what turn i begins with (`backwards`: ends with).
 *
 * `undefined` where nothing is compiled, for gradients of gradients, and for turns that draw numbers or do what loops cannot: then the
 * turns are to be written out.
 */
export function recurrence(
  turn: Turn,
  xs: readonly Tensor[],
  initial: readonly Tensor[],
  { backwards = false }: { readonly backwards?: boolean } = {},
): Tensor[] | undefined {
  const count = xs[0].shape[0]
  const [{ dtype }] = initial
  const all = [...xs, ...initial].map((x) => x.value)
  if (count === 0 || all.some((x) => x.interceptor || x.size === 0) || initial.some((state) => state.dtype !== dtype))
    return undefined
  if (currentListeners().length > 1) return undefined
  const pack = new Pack(
    initial.map(({ shape }) => shape),
    count,
    backwards,
  )
  const made = unheard(() => forwards(turn, all, xs.length, pack))
  if (!made) return undefined
  const states = apply(recurrenceOp(made, pack), [...all, ...made.captured], undefined)
  return pack.stacks(states)
}

/** Where the states of all turns lie in one flat tensor, one state after the other. */
class Pack {
  readonly shapes: readonly Shape[]
  readonly count: number
  readonly backwards: boolean
  readonly size: number

  constructor(shapes: readonly Shape[], count: number, backwards: boolean) {
    this.shapes = shapes
    this.count = count
    this.backwards = backwards
    this.size = shapes.reduce((sum, shape) => sum + (count + 1) * sizeOf(shape), 0)
  }

  stacks(flat: Tensor): Tensor[] {
    let at = 0
    return this.shapes.map((shape) => {
      const from = at
      at += (this.count + 1) * sizeOf(shape)
      return flat.slice([from, at]).reshape([this.count + 1, ...shape])
    })
  }

  /** How far from i the states before and after turn i are. */
  get before(): number {
    return this.backwards ? 1 : 0
  }

  get after(): number {
    return 1 - this.before
  }

  /** The states before the first turn, and those after the last one. */
  first(stack: Tensor): Tensor {
    return stack.slice(this.backwards ? this.count : 0)
  }

  last(stack: Tensor): Tensor {
    return stack.slice(this.backwards ? 0 : this.count)
  }
}

interface Made {
  readonly tape: Tape
  /** All states, flat. */
  readonly states: Tensor
  /** What turns read that was there before. */
  readonly captured: readonly Tensor[]
  /** The tensors of the turn. */
  readonly xs: readonly Tensor[]
  readonly before: readonly Tensor[]
  readonly after: readonly Tensor[]
}

function forwards(turn: Turn, all: readonly Tensor[], count: number, pack: Pack): Made | undefined {
  const [xs, initial] = [all.slice(0, count).map(inOrder), all.slice(count)]
  const body = (loop: LoopBody, stacks: readonly Tensor[]): Omit<Made, 'states'> => {
    const tape = new Tape({ watchVariables: false })
    const [now, before] = [xs.map((x) => loop.read(x)), stacks.map((stack) => loop.read(stack, pack.before))]
    for (const x of [...now, ...before]) if (isFloat(x.dtype)) tape.watch(x)
    const known = new WeakSet<Tensor>([...now, ...before])
    const captured = new Set<Tensor>()
    const note = (_: unknown, inputs: readonly Tensor[], __: unknown, output: Tensor): void => {
      for (const x of inputs) {
        if (known.has(x) || captured.has(x) || !isFloat(x.dtype)) continue
        captured.add(x)
        tape.watch(x)
      }
      known.add(output)
    }
    const after = listen(note, () => tape.run(() => turn(now, before))).map((state) => state.value)
    after.forEach((state, k) => loop.write(state, stacks[k], pack.after))
    return { tape, captured: [...captured], xs: now, before, after }
  }
  let states!: Tensor
  // Nothing is put where no loop can be: the stack is made by the first turn that is recorded.
  const made = traceLoop(pack.count, pack.backwards, (loop) => {
    states = traceStack(initial[0].dtype, pack.size)
    const stacks = pack.stacks(states)
    loop.before(() => initial.forEach((state, k) => tracePut(state, pack.first(stacks[k]))))
    return body(loop, stacks)
  })
  return made && { ...made, states }
}

/** A tensor whose elements lie in row-major order. */
const inOrder = (x: Tensor): Tensor => (x.layout.contiguous ? x : x.add(zeros([], { dtype: x.dtype })))

function recurrenceOp(made: Made, pack: Pack): Op<undefined> {
  const { tape, states, captured, xs, before, after } = made
  const backward = (dy: Tensor): readonly Tensor[] => {
    const given = pack.stacks(inOrder(dy))
    const floats = xs.filter((x) => isFloat(x.dtype))
    let carry!: Tensor
    let dxs: readonly Tensor[] = []
    const sums = traceLoop(pack.count, !pack.backwards, (loop) => {
      carry = traceStack(states.dtype, pack.size)
      const stacks = pack.stacks(carry)
      loop.before(() => stacks.forEach((stack, k) => tracePut(pack.last(given[k]), pack.last(stack))))
      dxs = floats.map((x) => traceStack(x.dtype, pack.count * x.size).reshape([pack.count, ...x.shape]))
      const ys = after.map((y, k) => ({ y, seed: loop.read(stacks[k], pack.after) }))
      const grads = tape
        .backwardAll(ys, [...floats, ...before, ...captured])
        .map((dx, i) => dx ?? zerosLike([...floats, ...before, ...captured][i]))
      const [dx, dBefore] = [grads.slice(0, floats.length), grads.slice(floats.length, floats.length + before.length)]
      dx.forEach((one, k) => loop.write(one, dxs[k]))
      dBefore.forEach((one, k) => loop.write(one.add(loop.read(given[k], pack.before)), stacks[k], pack.before))
      return grads.slice(floats.length + before.length).map((one) => loop.sum(one))
    })
    if (!sums) throw new TraceError('recurrence: the gradient of a turn does what the loop of a program cannot')
    const dFloats = [...dxs]
    const all = xs.map((x) => (isFloat(x.dtype) ? dFloats.shift()! : x))
    return [...all, ...pack.stacks(carry).map((stack) => pack.first(stack)), ...sums]
  }
  return {
    name: 'recurrence',
    infer: () => ({ shape: states.shape, dtype: states.dtype }),
    run: () => states,
    gradients(dy, inputs) {
      const grads = unheard(() => backward(dy))
      return (i) => (isFloat(inputs[i].dtype) ? grads[i].reshape([...inputs[i].shape]) : undefined)
    },
  }
}
