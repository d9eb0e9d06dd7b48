/** What recurrent cells have in common. */
import { ones, zeros, type DType, type random, type Shape, type Tensor, type TensorLike } from '@typegrad/tensor'
import { dropped, type DropOptions } from '../core.ts'
import type { ActivationLike } from '../activations.ts'
import type { ConstraintLike } from '../constraints.ts'
import type { InitializerLike } from '../initializers.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { required } from '../layer-config.ts'
import { Layer, type CallContext, type LayerOptions } from '../layer.ts'
import type { SymbolicShape, SymbolicTensor } from '../symbolic.ts'

/** States as a caller gives them: one, or a list. */
export type StatesLike = TensorLike | SymbolicTensor | readonly (TensorLike | SymbolicTensor)[]

export interface CellContext extends CallContext {
  /** The states before the step. */
  readonly states: readonly Tensor[]
}

/** A cell's way through one sequence: what it draws (dropout) holds for all steps. */
export interface Pass {
  /** The part that does not need the states, of all steps `[steps, batch, …]` at once. */
  readonly project: (x: Tensor) => Tensor
  /**
   * Draws what all steps share, given the states before the first one, and the shape of a step's input where `project` is given one step
   * at a time. What finds nothing drawn does so itself.
   */
  readonly prepare?: (states: readonly Tensor[], inputShape?: Shape) => void
  /** One step, on what `project` gave for it: the output, then the new states. */
  readonly step: (x: Tensor, states: readonly Tensor[]) => Tensor[]
}

/**
 * One step of a recurrent layer: `call(x, { states })` gives `[output, …new states]`. A cell of your own says its
 * `stateSize` (or several), and is wrapped in `new RNN({ cell })`.
 */
export abstract class RNNCell<O extends LayerOptions = LayerOptions> extends Layer<O, Tensor[], CellContext> {
  /** The length of the state, or the lengths (or shapes) of several, without the batch. */
  abstract readonly stateSize: number | readonly (number | Shape)[]

  /** The shapes of the states without the batch, for the shape of a step's input. */
  stateShapes(_stepShape: SymbolicShape): SymbolicShape[] {
    const { stateSize } = this
    return (typeof stateSize === 'number' ? [stateSize] : stateSize).map((size) => (typeof size === 'number' ? [size] : size))
  }

  /** The shape of the output without the batch; the first state's unless a cell says otherwise. */
  outputShape(stepShape: SymbolicShape): SymbolicShape {
    return this.stateShapes(stepShape)[0]
  }

  /** The states before the first step: zeros, unless a cell says otherwise. */
  initialState(batch: number, stepShape: SymbolicShape): Tensor[] {
    return this.stateShapes(stepShape).map((shape) => zeros([batch, ...(shape as Shape)], { dtype: this.dtype }))
  }

  /** Begins a sequence. */
  begin(context: CallContext): Pass {
    return { project: (x) => x, step: (x, states) => this.call(x, { ...context, states }) }
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape[] {
    return [this.outputShape(inputShape), ...this.stateShapes(inputShape)].map((shape) => [inputShape[0], ...shape])
  }
}

/** A cell of this package: it says how it goes through a sequence, and one step is a sequence of one. */
export abstract class SequenceCell<O extends LayerOptions> extends RNNCell<O> {
  abstract override begin(context: CallContext): Pass

  call(x: Tensor, context: CellContext): Tensor[] {
    const { project, step } = this.begin(context)
    return step(project(x.expandDims(0)).squeeze(0), context.states)
  }
}

export interface UnitOptions {
  /** The length of output and state. */
  readonly units: number
  /** @defaultValue `'tanh'` */
  readonly activation?: ActivationLike | null
}

/** The options of weights and dropout that all cells of this package have. */
export interface CellWeightOptions {
  /** @defaultValue `true` */
  readonly useBias?: boolean
  /** @defaultValue `'glorotUniform'` */
  readonly kernelInitializer?: InitializerLike
  /** @defaultValue `'orthogonal'` */
  readonly recurrentInitializer?: InitializerLike
  /** @defaultValue `'zeros'` */
  readonly biasInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike | null
  readonly recurrentRegularizer?: RegularizerLike | null
  readonly biasRegularizer?: RegularizerLike | null
  readonly kernelConstraint?: ConstraintLike | null
  readonly recurrentConstraint?: ConstraintLike | null
  readonly biasConstraint?: ConstraintLike | null
  /** The share of inputs that are dropped in training, the same ones at every step. @defaultValue `0` */
  readonly dropout?: number
  /** The share of the state that the step does not see in training, the same at every step. @defaultValue `0` */
  readonly recurrentDropout?: number
  readonly seed?: number | null
}

export const weightDefaults = {
  useBias: true,
  kernelInitializer: 'glorotUniform',
  recurrentInitializer: 'orthogonal',
  biasInitializer: 'zeros',
  kernelRegularizer: null,
  recurrentRegularizer: null,
  biasRegularizer: null,
  kernelConstraint: null,
  recurrentConstraint: null,
  biasConstraint: null,
  dropout: 0,
  recurrentDropout: 0,
  seed: null,
} as const

export const unitDefaults = { units: required, activation: 'tanh', ...weightDefaults } as const

/** The dropout of a cell: what is drawn for a sequence holds for all its steps. */
export class CellDropout {
  readonly #rates: { readonly input: number; readonly state: number }
  readonly #options: DropOptions

  constructor(
    { dropout, recurrentDropout }: Required<Pick<CellWeightOptions, 'dropout' | 'recurrentDropout'>>,
    generator: random.Generator | undefined,
  ) {
    const limited = (rate: number): number => Math.min(1, Math.max(0, rate))
    this.#rates = { input: limited(dropout), state: limited(recurrentDropout) }
    this.#options = { generator }
  }

  /** For one sequence: functions that drop from inputs `[steps, batch, …]`, and from a state. */
  begin({ training }: CallContext) {
    const [input, state] = [this.#rates.input, this.#rates.state].map((rate) => {
      const drops = training && rate > 0
      let noise: Tensor | undefined
      const noiseOf = (shape: Shape, dtype: DType): Tensor => (noise ??= dropped(ones(shape, { dtype }), rate, this.#options))
      return {
        draw: (shape: Shape, dtype: DType): void => void (drops && noiseOf(shape, dtype)),
        drop: (x: Tensor, shape: Shape): Tensor => (drops ? x.mul(noiseOf(shape, x.dtype)) : x),
      }
    })
    return {
      prepare: ([h]: readonly Tensor[], inputShape?: Shape): void => {
        if (inputShape) input.draw([1, ...inputShape], h.dtype)
        state.draw(h.shape, h.dtype)
      },
      input: (x: Tensor): Tensor => input.drop(x, [1, ...x.shape.slice(1)]),
      state: (h: Tensor): Tensor => state.drop(h, h.shape),
    }
  }
}
