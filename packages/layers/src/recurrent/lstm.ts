import { concat, type Variable } from '@typegrad/tensor'
import { resolveActivation, type ActivationLike } from '../activations.ts'
import { lastAxis } from '../core.ts'
import { resolveInitializer } from '../initializers.ts'
import { type Defaults } from '../layer-config.ts'
import { positiveInteger, type CallContext, type LayerOptions, type WeightOptions } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { CellDropout, SequenceCell, unitDefaults, type CellWeightOptions, type Pass, type UnitOptions } from './cell.ts'
import { RNN, sequenceDefaults, type SequenceOptions } from './rnn.ts'
import { cellOptions } from './simple-rnn.ts'

export interface LSTMGateOptions {
  /** The activation of the gates. @defaultValue `'sigmoid'` */
  readonly recurrentActivation?: ActivationLike | null
  /** The bias of the forget gate begins with 1. @defaultValue `true` */
  readonly unitForgetBias?: boolean
}

export interface LSTMCellOptions extends LayerOptions, UnitOptions, LSTMGateOptions, CellWeightOptions {}

const lstmDefaults = { ...unitDefaults, recurrentActivation: 'sigmoid', unitForgetBias: true } as const

/** One step of {@link LSTM}. */
export class LSTMCell extends SequenceCell<LSTMCellOptions> {
  static override readonly defaults = lstmDefaults satisfies Defaults<LSTMCellOptions>
  kernel!: Variable
  recurrentKernel!: Variable
  bias?: Variable
  readonly stateSize: readonly [h: number, c: number]
  readonly #dropout: CellDropout

  constructor(options: LSTMCellOptions) {
    super(options)
    positiveInteger(options?.units, new.target.name, 'units')
    const { units } = this.options
    this.stateSize = [units, units]
    this.#dropout = new CellDropout(this.options, this.seeded(this.options.seed))
  }

  override build(inputShape: SymbolicShape): void {
    const { units, useBias, unitForgetBias } = this.options
    this.kernel = this.addWeight([lastAxis(inputShape, this.constructor.name), 4 * units], this.weightOptions('kernel'))
    this.recurrentKernel = this.addWeight([units, 4 * units], this.weightOptions('recurrent'))
    const bias = this.weightOptions('bias')
    if (useBias) this.bias = this.addWeight([4 * units], unitForgetBias ? forgetBias(units, bias) : bias)
  }

  begin(context: CallContext): Pass {
    const activation = resolveActivation(this.options.activation)
    const gate = resolveActivation(this.options.recurrentActivation)
    const drop = this.#dropout.begin(context)
    const { kernel, recurrentKernel, bias } = this
    return {
      prepare: drop.prepare,
      project(x) {
        const z = drop.input(x).matmul(kernel)
        return bias ? z.add(bias) : z
      },
      step(z, [h, c]) {
        const [i, f, g, o] = z.add(drop.state(h).matmul(recurrentKernel)).split(4, -1)
        const carry = gate(f)
          .mul(c)
          .add(gate(i).mul(activation(g)))
        const next = gate(o).mul(activation(carry))
        return [next, next, carry]
      },
    }
  }
}

/** The bias of gates i, f, c, o in which f begins with 1. */
export const forgetBias = (units: number, { initializer = 'zeros', ...options }: WeightOptions): WeightOptions => {
  const others = resolveInitializer(initializer)
  return {
    ...options,
    initializer: () => concat([others.call([units]), resolveInitializer('ones').call([units]), others.call([2 * units])]),
  }
}

export interface LSTMOptions extends SequenceOptions, UnitOptions, LSTMGateOptions, CellWeightOptions {}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997): of the gates `i, f, c, o = x · kernel + h · recurrentKernel + bias`
 * come the carry `c = σ(f) · c + σ(i) · activation(c̃)` and the state `h = σ(o) · activation(c)`.
 */
export class LSTM extends RNN<LSTMOptions> {
  static override readonly defaults = {
    ...sequenceDefaults,
    ...lstmDefaults,
    activityRegularizer: null,
  } satisfies Defaults<LSTMOptions>

  constructor(options: LSTMOptions) {
    super(options, new LSTMCell(cellOptions(LSTMCell.defaults, options, 'lstm_cell')))
  }
}
