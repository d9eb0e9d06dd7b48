import type { Tensor, Variable } from '@typegrad/tensor'
import { resolveActivation, type ActivationLike } from '../activations.ts'
import { lastAxis } from '../core.ts'
import { type Defaults } from '../layer-config.ts'
import { positiveInteger, type CallContext, type LayerOptions } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { CellDropout, SequenceCell, unitDefaults, type CellWeightOptions, type Pass, type UnitOptions } from './cell.ts'
import { RNN, sequenceDefaults, type SequenceOptions } from './rnn.ts'
import { cellOptions } from './simple-rnn.ts'

export interface GRUGateOptions {
  /** The activation of the gates. @defaultValue `'sigmoid'` */
  readonly recurrentActivation?: ActivationLike | null
  /** Applies the reset gate after the product with the recurrent kernel, which then has a bias of its own. @defaultValue `true` */
  readonly resetAfter?: boolean
}

export interface GRUCellOptions extends LayerOptions, UnitOptions, GRUGateOptions, CellWeightOptions {}

const gruDefaults = { ...unitDefaults, recurrentActivation: 'sigmoid', resetAfter: true } as const

/** One step of {@link GRU}. */
export class GRUCell extends SequenceCell<GRUCellOptions> {
  static override readonly defaults = gruDefaults satisfies Defaults<GRUCellOptions>
  kernel!: Variable
  recurrentKernel!: Variable
  /** `[3 · units]`, or with `resetAfter` `[2, 3 · units]`: the bias of the input, then that of the state. */
  bias?: Variable
  readonly stateSize: number
  readonly #dropout: CellDropout

  constructor(options: GRUCellOptions) {
    super(options)
    positiveInteger(options?.units, new.target.name, 'units')
    const { units } = this.options
    this.stateSize = units
    this.#dropout = new CellDropout(this.options, this.seeded(this.options.seed))
  }

  override build(inputShape: SymbolicShape): void {
    const { units, useBias, resetAfter } = this.options
    this.kernel = this.addWeight([lastAxis(inputShape, this.constructor.name), 3 * units], this.weightOptions('kernel'))
    this.recurrentKernel = this.addWeight([units, 3 * units], this.weightOptions('recurrent'))
    if (useBias) this.bias = this.addWeight(resetAfter ? [2, 3 * units] : [3 * units], this.weightOptions('bias'))
  }

  begin(context: CallContext): Pass {
    const { units, resetAfter } = this.options
    const activation = resolveActivation(this.options.activation)
    const gate = resolveActivation(this.options.recurrentActivation)
    const drop = this.#dropout.begin(context)
    const { kernel, recurrentKernel, bias } = this
    const [inputBias, stateBias] = bias && resetAfter ? [bias.slice(0), bias.slice(1)] : [bias, undefined]
    // One product for all gates, or one for z and r and another for the candidate, which sees the reset state.
    const [gateKernel, candidateKernel] = resetAfter
      ? [recurrentKernel, undefined]
      : recurrentKernel.split([2 * units, units], -1)
    const candidate = (z: Tensor, h: Tensor, reset: Tensor, product: Tensor | undefined): Tensor =>
      activation(z.add(product ? reset.mul(product) : reset.mul(h).matmul(candidateKernel!)))
    return {
      prepare: drop.prepare,
      project(x) {
        const z = drop.input(x).matmul(kernel)
        return inputBias ? z.add(inputBias) : z
      },
      step(x, [h]) {
        const seen = drop.state(h)
        const product = seen.matmul(gateKernel)
        const inner = stateBias ? product.add(stateBias) : product
        const [xGates, xCandidate] = x.split([2 * units, units], -1)
        const [hGates, hCandidate] = resetAfter ? inner.split([2 * units, units], -1) : [inner]
        const [z, r] = gate(xGates.add(hGates)).split(2, -1)
        const proposed = candidate(xCandidate, seen, r, hCandidate)
        // z · h + (1 - z) · proposed
        const next = proposed.add(z.mul(h.sub(proposed)))
        return [next, next]
      },
    }
  }
}

export interface GRUOptions extends SequenceOptions, UnitOptions, GRUGateOptions, CellWeightOptions {}

/**
 * Gated recurrent unit (Cho et al., 2014): with the gates `z, r = σ(x · kernel + h · recurrentKernel + bias)` and a proposed state
 * h̃, which sees h through r, `h = z · h + (1 - z) · h̃`.
 */
export class GRU extends RNN<GRUOptions> {
  static override readonly defaults = {
    ...sequenceDefaults,
    ...gruDefaults,
    activityRegularizer: null,
  } satisfies Defaults<GRUOptions>

  constructor(options: GRUOptions) {
    super(options, new GRUCell(cellOptions(GRUCell.defaults, options, 'gru_cell')))
  }
}
