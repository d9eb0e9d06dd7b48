import type { Variable } from '@typegrad/tensor'
import { resolveActivation } from '../activations.ts'
import { lastAxis } from '../core.ts'
import { type Defaults } from '../layer-config.ts'
import { positiveInteger, type CallContext, type LayerOptions } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { CellDropout, SequenceCell, unitDefaults, type CellWeightOptions, type Pass, type UnitOptions } from './cell.ts'
import { RNN, sequenceDefaults, type SequenceOptions } from './rnn.ts'

export interface SimpleRNNCellOptions extends LayerOptions, UnitOptions, CellWeightOptions {}

/** One step of {@link SimpleRNN}: `h = activation(x · kernel + h · recurrentKernel + bias)`. */
export class SimpleRNNCell extends SequenceCell<SimpleRNNCellOptions> {
  static override readonly defaults = unitDefaults satisfies Defaults<SimpleRNNCellOptions>
  kernel!: Variable
  recurrentKernel!: Variable
  bias?: Variable
  readonly stateSize: number
  readonly #dropout: CellDropout

  constructor(options: SimpleRNNCellOptions) {
    super(options)
    positiveInteger(options?.units, new.target.name, 'units')
    this.stateSize = this.options.units
    this.#dropout = new CellDropout(this.options, this.seeded(this.options.seed))
  }

  override build(inputShape: SymbolicShape): void {
    const { units, useBias } = this.options
    this.kernel = this.addWeight([lastAxis(inputShape, this.constructor.name), units], this.weightOptions('kernel'))
    this.recurrentKernel = this.addWeight([units, units], this.weightOptions('recurrent'))
    if (useBias) this.bias = this.addWeight([units], this.weightOptions('bias'))
  }

  begin(context: CallContext): Pass {
    const activation = resolveActivation(this.options.activation)
    const drop = this.#dropout.begin(context)
    const { kernel, recurrentKernel, bias } = this
    return {
      prepare: drop.prepare,
      project(x) {
        const z = drop.input(x).matmul(kernel)
        return bias ? z.add(bias) : z
      },
      step(z, [h]) {
        const next = activation(z.add(drop.state(h).matmul(recurrentKernel)))
        return [next, next]
      },
    }
  }
}

export interface SimpleRNNOptions extends SequenceOptions, UnitOptions, CellWeightOptions {}

/** `h = activation(x · kernel + h · recurrentKernel + bias)` for every step. */
export class SimpleRNN extends RNN<SimpleRNNOptions> {
  static override readonly defaults = {
    ...sequenceDefaults,
    ...unitDefaults,
    activityRegularizer: null,
  } satisfies Defaults<SimpleRNNOptions>
  static override readonly unwritten = ['seed']

  constructor(options: SimpleRNNOptions) {
    super(options, new SimpleRNNCell(cellOptions(SimpleRNNCell.defaults, options, 'simple_rnn_cell')))
  }
}

/** The options of a layer that are its cell's. */
export function cellOptions<O extends LayerOptions>(defaults: object, options: O, name: string): O {
  const own = Object.entries(options ?? {}).filter(
    ([key]) => Object.hasOwn(defaults, key) || key === 'dtype' || key === 'trainable',
  )
  return { ...(Object.fromEntries(own) as unknown as O), name }
}
