import {
  formatShape,
  outputLength,
  perAxis,
  ShapeError,
  type PerAxis,
  type Shape,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import { resolveActivation, type ActivationLike } from '../activations.ts'
import { required, type Defaults } from '../layer-config.ts'
import { positiveInteger, type CallContext, type LayerOptions } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { CellDropout, SequenceCell, weightDefaults, type CellWeightOptions, type Pass } from './cell.ts'
import { forgetBias, type LSTMGateOptions } from './lstm.ts'
import { RNN, sequenceDefaults, type SequenceOptions } from './rnn.ts'
import { cellOptions } from './simple-rnn.ts'

interface ConvLSTMWindowOptions {
  /** The number of channels of the result. */
  readonly filters: number
  /** The lengths of the window. */
  readonly kernelSize: PerAxis
  /** How far the window on the input moves. @defaultValue `1` */
  readonly strides?: PerAxis
  /** @defaultValue `'valid'` */
  readonly padding?: 'valid' | 'same'
  /** The distance of neighbours in the window on the input. @defaultValue `1` */
  readonly dilationRate?: PerAxis
  /** @defaultValue `'tanh'` */
  readonly activation?: ActivationLike | null
}

interface ConvLSTMCellOptions extends LayerOptions, ConvLSTMWindowOptions, LSTMGateOptions, CellWeightOptions {}

const windowDefaults = {
  filters: required,
  kernelSize: required,
  strides: 1,
  padding: 'valid',
  dilationRate: 1,
  activation: 'tanh',
  recurrentActivation: 'sigmoid',
  unitForgetBias: true,
  ...weightDefaults,
} as const

/** One step of a {@link ConvLSTM2D}: the step of an LSTM with convolutions in place of matrix products. */
class ConvLSTMCell extends SequenceCell<ConvLSTMCellOptions> {
  static override readonly defaults = windowDefaults satisfies Defaults<ConvLSTMCellOptions>
  kernel!: Variable
  recurrentKernel!: Variable
  bias?: Variable
  readonly #rank: number
  readonly #dropout: CellDropout
  #stepShape: SymbolicShape = []

  constructor(rank: number, options: ConvLSTMCellOptions) {
    const spread = (option: 'kernelSize' | 'strides' | 'dilationRate', least = 1): readonly number[] =>
      perAxis(options[option] ?? 1, rank, `ConvLSTM${rank}D`, option, least)
    super({ ...options, kernelSize: spread('kernelSize'), strides: spread('strides'), dilationRate: spread('dilationRate') })
    positiveInteger(options.filters, `ConvLSTM${rank}D`, 'filters')
    this.#rank = rank
    this.#dropout = new CellDropout(this.options, this.seeded(this.options.seed))
  }

  get stateSize(): readonly Shape[] {
    return this.stateShapes(this.#stepShape) as Shape[]
  }

  override stateShapes(stepShape: SymbolicShape): SymbolicShape[] {
    const { filters, padding } = this.options
    const { kernelSize, strides, dilationRate } = this.#window
    if (stepShape.length !== this.#rank + 2 || stepShape.slice(1).includes(null)) {
      throw new ShapeError(
        `ConvLSTM${this.#rank}D: steps ${formatShape(stepShape)}, expected [batch, …${this.#rank} spatial axes, channels] of known lengths`,
        { shape: stepShape },
      )
    }
    const spatial = (stepShape.slice(1, -1) as Shape).map((length, axis) =>
      outputLength(
        length,
        axis,
        { size: kernelSize[axis], stride: strides[axis], dilation: dilationRate[axis], padding },
        'ConvLSTM',
      ),
    )
    return [
      [...spatial, filters],
      [...spatial, filters],
    ]
  }

  get #window(): Record<'kernelSize' | 'strides' | 'dilationRate', readonly number[]> {
    const { kernelSize, strides, dilationRate } = this.options as Record<string, any>
    return { kernelSize, strides, dilationRate }
  }

  override build(stepShape: SymbolicShape): void {
    const { filters, useBias, unitForgetBias } = this.options
    this.#stepShape = stepShape
    this.stateShapes(stepShape)
    const bias = this.weightOptions('bias')
    const { kernelSize } = this.#window
    this.kernel = this.addWeight([...kernelSize, stepShape.at(-1)!, 4 * filters], this.weightOptions('kernel'))
    this.recurrentKernel = this.addWeight([...kernelSize, filters, 4 * filters], this.weightOptions('recurrent'))
    if (useBias) this.bias = this.addWeight([4 * filters], unitForgetBias ? forgetBias(filters, bias) : bias)
  }

  begin(context: CallContext): Pass {
    const activation = resolveActivation(this.options.activation)
    const gate = resolveActivation(this.options.recurrentActivation)
    const drop = this.#dropout.begin(context)
    const { kernel, recurrentKernel, bias } = this
    const { strides, dilationRate } = this.#window
    const { padding } = this.options
    return {
      prepare: drop.prepare,
      project(x: Tensor) {
        const [steps, batch, ...image] = x.shape
        const z = drop
          .input(x)
          .reshape([steps * batch, ...image])
          .conv(kernel, { strides, dilationRate, padding })
        return (bias ? z.add(bias) : z).reshape([steps, batch, ...z.shape.slice(1)])
      },
      step(z, [h, c]) {
        const [i, f, g, o] = z.add(drop.state(h).conv(recurrentKernel, { padding: 'same' })).split(4, -1)
        const carry = gate(f)
          .mul(c)
          .add(gate(i).mul(activation(g)))
        const next = gate(o).mul(activation(carry))
        return [next, next, carry]
      },
    }
  }
}

export interface ConvLSTMOptions extends SequenceOptions, ConvLSTMWindowOptions, LSTMGateOptions, CellWeightOptions {}

abstract class ConvLSTM extends RNN<ConvLSTMOptions> {
  static override readonly defaults = {
    ...sequenceDefaults,
    ...windowDefaults,
    activityRegularizer: null,
  } satisfies Defaults<ConvLSTMOptions>
  static override readonly fixed = { data_format: 'channels_last' }

  constructor(rank: number, options: ConvLSTMOptions) {
    const cell = new ConvLSTMCell(rank, cellOptions(windowDefaults, options, 'conv_lstm_cell'))
    const { kernelSize, strides, dilationRate } = cell.options
    super({ ...options, kernelSize, strides, dilationRate }, cell)
  }
}

/** An LSTM over sequences `[batch, steps, length, channels]` with convolutions in place of matrix products (Shi et al., 2015). */
export class ConvLSTM1D extends ConvLSTM {
  constructor(options: ConvLSTMOptions) {
    super(1, options)
  }
}

/** An LSTM over sequences of images `[batch, steps, height, width, channels]` with convolutions in place of matrix products. */
export class ConvLSTM2D extends ConvLSTM {
  constructor(options: ConvLSTMOptions) {
    super(2, options)
  }
}

/** An LSTM over sequences of volumes `[batch, steps, depth, height, width, channels]` with convolutions in place of matrix products. */
export class ConvLSTM3D extends ConvLSTM {
  constructor(options: ConvLSTMOptions) {
    super(3, options)
  }
}
