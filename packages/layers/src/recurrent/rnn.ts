import { recurrence, type Turn } from '@typegrad/autograd'
import {
  formatShape,
  hostChoice,
  hostEffect,
  ShapeError,
  stack,
  toTensor,
  tracing,
  ValueError,
  Variable,
  zeros,
  type Shape,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import { required, type Defaults, type LayerConfig } from '../layer-config.ts'
import { Layer, type CallContext, type CallOptions, type OneOrSeveral } from '../layer.ts'
import type { Mask } from '../masks.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { SequenceCell, type Pass, type RNNCell, type StatesLike } from './cell.ts'
import { StackedRNNCells } from './stacked.ts'

export interface SequenceOptions extends FirstLayerOptions {
  /** Gives the outputs of all steps `[batch, steps, …]`, not the last one's only. @defaultValue `false` */
  readonly returnSequences?: boolean
  /** Gives `[output, …last states]`. @defaultValue `false` */
  readonly returnState?: boolean
  /** Goes from the last step to the first, and gives the outputs in that order. @defaultValue `false` */
  readonly goBackwards?: boolean
  /** Begins where the last call ended, sample by sample, until {@link RNN.resetStates}. @defaultValue `false` */
  readonly stateful?: boolean
  /** Accepted for Keras' sake: compiled, the steps are a loop wherever they can be. @defaultValue `false` */
  readonly unroll?: boolean
  /** The output of a step that the mask leaves out is 0, not that of the step before. @defaultValue `false` */
  readonly zeroOutputForMask?: boolean
}

export const sequenceDefaults = {
  returnSequences: false,
  returnState: false,
  goBackwards: false,
  stateful: false,
  unroll: false,
  zeroOutputForMask: false,
} as const

export interface RNNOptions extends SequenceOptions {
  /** What is done at each step; a list is stacked. */
  readonly cell: RNNCell<any> | readonly RNNCell<any>[]
}

export interface RNNContext extends CallContext {
  /** The states before the first step; zeros if they are left out. */
  readonly initialState?: StatesLike | null
}

/**
 * A cell applied to every step of `[batch, steps, …]`, each time with the states that the step before left. Steps that the mask
 * leaves out keep the states and repeat the output.
 */
export class RNN<O extends SequenceOptions = RNNOptions> extends Layer<O, OneOrSeveral, RNNContext> {
  static override readonly defaults: Readonly<Record<string, unknown>> = {
    ...sequenceDefaults,
    cell: required,
  } satisfies Defaults<RNNOptions>
  readonly cell: RNNCell<any>
  /** Whether steps that the mask leaves out give 0. */
  zeroOutputForMask: boolean
  #states: Variable[] | undefined
  /** Whether the states were reset, so that they may take another batch size. */
  #fresh = true
  /** How often the variables of the states were replaced: programs know the ones that there were. */
  #replaced = 0

  constructor(options: NoInfer<O>, cell?: RNNCell<any>) {
    super(options)
    this.supportsMasking = true
    const given = cell ?? (options as unknown as RNNOptions).cell
    this.cell = Array.isArray(given) ? new StackedRNNCells({ cells: given as readonly RNNCell<any>[] }) : (given as RNNCell<any>)
    if (typeof this.cell?.begin !== 'function')
      throw new ValueError(`${new.target.name}: cell must be an RNNCell or a list of them`)
    this.zeroOutputForMask = (this.options as SequenceOptions).zeroOutputForMask!
  }

  get #sequence(): Required<SequenceOptions> {
    return this.options as unknown as Required<SequenceOptions>
  }

  override build(inputShape: SymbolicShape): void {
    this.cell.buildFor(this.#stepShape(inputShape))
  }

  #stepShape(inputShape: SymbolicShape): SymbolicShape {
    if (inputShape.length < 3) {
      throw new ShapeError(`${this.constructor.name}: input ${formatShape(inputShape)}, expected [batch, steps, …features]`, {
        shape: inputShape,
      })
    }
    return [inputShape[0], ...inputShape.slice(2)]
  }

  call(x: Tensor, context: RNNContext): OneOrSeveral {
    const { returnSequences, returnState, goBackwards, stateful } = this.#sequence
    const { cell } = this
    const [batch, length] = x.shape
    const stepShape = this.#stepShape(x.shape)
    let states: readonly Tensor[] = this.#firstStates(context.initialState, batch, stepShape)
    const pass = cell.begin({ training: context.training })
    const { project, step } = pass
    // With the steps first, each step's slice is one piece of memory.
    const projected = length > 0 ? project(x.transpose([1, 0, ...x.shape.slice(2).map((_, i) => i + 2)])) : x
    const valid = this.#validAt(context.mask, batch, length)
    if (length > 0) pass.prepare?.(states)
    const zero = zeros([batch, ...(cell.outputShape(stepShape) as Shape)], { dtype: this.dtype })
    const outputs: Tensor[] = []
    let last = zero
    if (tracing() && length > 1) {
      // A cell that draws at its first step must not have done so in a loop that came to nothing.
      const looped = this.#loop(
        projected,
        pass.prepare ? pass : cell.begin({ training: context.training }),
        states,
        zero,
        context,
      )
      if (looped) {
        if (stateful) this.#keep(looped.slice(1))
        return (returnState ? looped : looped[0]) as OneOrSeveral
      }
    }
    const steps = length > 0 ? unstack(projected) : []
    for (let i = 0; i < length; i++) {
      const at = goBackwards ? length - 1 - i : i
      const [output, ...next] = step(steps[at], states)
      const counts = valid?.(at)
      last = counts ? select(counts, output, this.zeroOutputForMask ? zero : last) : output
      states = counts ? next.map((state, k) => select(counts, state, states[k])) : next
      if (returnSequences) outputs.push(last)
    }
    if (stateful) this.#keep(states)
    const y = returnSequences ? this.#together(outputs, zero) : last
    return (returnState ? [y, ...states] : y) as OneOrSeveral
  }

  /** All steps as one loop of a compiled function, if that can be: what the call gives, then the last states. */
  #loop(x: Tensor, { step }: Pass, states: readonly Tensor[], zero: Tensor, context: RNNContext): readonly Tensor[] | undefined {
    const { goBackwards, returnSequences } = this.#sequence
    const count = states.length
    const mask = context.mask as Tensor | undefined
    // The cells of this package give their first state; else, and where a mask makes a difference, the output is one more.
    const givesState = this.cell instanceof SequenceCell && !(this.cell instanceof StackedRNNCells)
    const isState = givesState && !(mask && (this.zeroOutputForMask || context.initialState))
    const turn: Turn = ([z, counts], before) => {
      const [output, ...next] = step(z, before.slice(0, count))
      const kept = counts ? next.map((state, k) => select(counts, state, before[k])) : next
      if (isState) return kept
      return [...kept, counts ? select(counts, output, this.zeroOutputForMask ? zero : before[count]) : output]
    }
    const [batch, length] = [zero.shape[0], x.shape[0]]
    // The steps first, as those of x are.
    const masks = mask ? [mask.rank === 1 ? mask.broadcastTo([length, batch]) : mask.transpose()] : []
    const all = recurrence(turn, [x, ...masks], isState ? states : [...states, zero], { backwards: goBackwards })
    if (!all) return undefined
    const outputs = all[isState ? 0 : count]
    const last = (stack: Tensor): Tensor => stack.slice(goBackwards ? 0 : -1)
    const inOrder = (): Tensor => (goBackwards ? outputs.slice([0, length]).flip(0) : outputs.slice([1]))
    return [returnSequences ? inOrder().moveaxis(0, 1) : last(outputs), ...all.slice(0, count).map(last)]
  }

  /** The outputs as `[batch, steps, …]`. */
  #together(outputs: readonly Tensor[], zero: Tensor): Tensor {
    if (outputs.length === 0) return zeros([zero.shape[0], 0, ...zero.shape.slice(1)], { dtype: this.dtype })
    return stack(outputs).moveaxis(0, 1)
  }

  /** For a step, which samples the mask lets count; a mask of the samples is that of all their steps. */
  #validAt(mask: Mask | undefined, batch: number, length: number): ((step: number) => Tensor) | undefined {
    if (mask === undefined) return undefined
    const one = mask as Tensor
    if (one.rank === 0 || one.shape[0] !== batch || (one.rank > 1 && one.shape[1] !== length)) {
      throw new ShapeError(`${this.constructor.name}: mask ${formatShape(one.shape)}, expected [${batch}, ${length}]`, {
        mask: one.shape,
      })
    }
    return one.rank === 1 ? () => one : (step) => one.slice(null, step)
  }

  #firstStates(given: StatesLike | null | undefined, batch: number, stepShape: SymbolicShape): readonly Tensor[] {
    const shapes = this.cell.stateShapes(stepShape).map((shape) => [batch, ...(shape as Shape)])
    if (given !== undefined && given !== null) return this.#checked(given, shapes)
    if (!this.#sequence.stateful) return this.cell.initialState(batch, stepShape)
    if (this.#states?.[0].shape[0] !== batch) {
      if (!this.#fresh) {
        throw new ShapeError(
          `${this.constructor.name}: a batch of ${batch} samples, the states are of ${this.#states![0].shape[0]}; resetStates() lets another batch size begin`,
        )
      }
      this.#replace(this.cell.initialState(batch, stepShape))
    }
    hostChoice(() => this.#replaced)
    return this.#states!.map((state) => state.value)
  }

  #checked(given: StatesLike, shapes: readonly Shape[]): Tensor[] {
    // One state may be given without a list.
    const list = (shapes.length === 1 && !isTensorList(given) ? [given] : given) as readonly TensorLike[]
    const states = list.map((state) => this.cast(toTensor(state)))
    if (states.length !== shapes.length || states.some((state, i) => formatShape(state.shape) !== formatShape(shapes[i]))) {
      const got = states.map((state) => formatShape(state.shape)).join(', ')
      throw new ShapeError(
        `${this.constructor.name}: initialState has shapes ${got}, expected ${shapes.map((shape) => formatShape(shape)).join(', ')}`,
      )
    }
    return states
  }

  #replace(states: readonly Tensor[]): void {
    this.#states = states.map((state, i) => new Variable(state, { name: `state_${i}`, trainable: false }))
    this.#replaced++
  }

  #keep(states: readonly Tensor[]): void {
    states.forEach((state, i) => this.#states?.[i].assign(state.stopGradient()))
    hostEffect(() => {
      this.#fresh = false
    })
  }

  /** The states that the next call of a stateful layer begins with. */
  get states(): Tensor[] | undefined {
    return this.#states?.map((state) => state.value)
  }

  /** Lets a stateful layer begin anew: with zeros, or with the given states. */
  override resetStates(states?: StatesLike): void {
    if (states !== undefined) {
      const shapes = (Array.isArray(states) && isTensorList(states) ? states : [states]).map((state) =>
        toTensor(state as TensorLike),
      )
      this.#replace(shapes.map((state) => this.cast(state)))
    } else this.#states?.forEach((state) => state.assign(state.zerosLike()))
    this.#fresh = true
  }

  override computeMask(_x: Tensor, mask: Mask | undefined): Mask | undefined {
    return this.#sequence.returnSequences ? mask : undefined
  }

  override computeOutputShape(inputShape: SymbolicShape, _context?: CallOptions<RNNContext>): SymbolicShape | SymbolicShape[] {
    const { returnSequences, returnState } = this.#sequence
    const stepShape = this.#stepShape(inputShape)
    const [batch, length] = inputShape
    const output = this.cell.outputShape(stepShape)
    const shape = returnSequences ? [batch, length, ...output] : [batch, ...output]
    return returnState ? [shape, ...this.cell.stateShapes(stepShape).map((state) => [batch, ...state])] : shape
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), zero_output_for_mask: this.zeroOutputForMask }
  }
}

/** Whether a value is a list of states, not a state as nested arrays. */
const isTensorList = (value: unknown): boolean =>
  Array.isArray(value) && typeof value[0] !== 'number' && !(Array.isArray(value[0]) && typeof value[0][0] === 'number')

/** `a` for the samples that count, `b` for the others. */
const select = (counts: Tensor, a: Tensor, b: Tensor): Tensor =>
  counts.reshape([...counts.shape, ...Array.from({ length: Math.max(0, a.rank - counts.rank) }, () => 1)]).where(a, b)

/**
 * The slices of x along its first axis. It is halved, and halved again: the gradient of a slice is as large as what it is cut
 * from, so that n slices of the whole would take time n², these take n · log n.
 */
function unstack(x: Tensor): Tensor[] {
  const n = x.shape[0]
  if (n === 1) return [x.squeeze(0)]
  const half = Math.ceil(n / 2)
  return x.split([half, n - half]).flatMap(unstack)
}
