/** Layers around a layer: over all steps of a sequence, and over a sequence in both directions. */
import { formatShape, concat, ShapeError, stack, ValueError, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import { required, serializeLayer, type Defaults, type LayerConfig } from './layer-config.ts'
import { Layer, type AnyLayer, type CallContext, type OneOrSeveral } from './layer.ts'
import type { Mask } from './masks.ts'
import type { SymbolicShape } from './symbolic.ts'
import { RNN, type RNNContext, type SequenceOptions } from './recurrent/rnn.ts'

export interface TimeDistributedOptions extends FirstLayerOptions {
  /** What is applied to every step. */
  readonly layer: AnyLayer
}

/** A layer applied to every step of `[batch, steps, …]`, with the same weights. */
export class TimeDistributed extends Layer<TimeDistributedOptions> {
  static override readonly defaults = { layer: required } satisfies Defaults<TimeDistributedOptions>
  readonly layer: AnyLayer

  constructor(options: TimeDistributedOptions) {
    super(options)
    this.supportsMasking = true
    this.layer = layerOf('TimeDistributed', this.options.layer)
  }

  override build(inputShape: SymbolicShape): void {
    this.layer.buildFor(this.#stepShape(inputShape))
  }

  #stepShape(shape: SymbolicShape): SymbolicShape {
    if (shape.length < 3)
      throw new ShapeError(`TimeDistributed: input ${formatShape(shape)}, expected [batch, steps, …]`, { shape })
    return [shape[0], ...shape.slice(2)]
  }

  call(x: Tensor, { training, mask }: CallContext): Tensor {
    const [batch, steps] = x.shape
    const given = mask as Tensor | undefined
    if (given && (given.shape[0] !== batch || given.shape[1] !== steps)) {
      throw new ShapeError(`TimeDistributed: mask ${formatShape(given.shape)}, expected [${batch}, ${steps}, …]`, {
        mask: given.shape,
      })
    }
    if (this.layer.samplewise || steps === 0) {
      // Steps are samples to a layer that does not mix samples.
      const merged = x.reshape([batch * steps, ...x.shape.slice(2)])
      const masks = given?.reshape([batch * steps, ...given.shape.slice(2)])
      const y = this.layer.apply(merged, { training, mask: masks }) as Tensor
      return y.reshape([batch, steps, ...y.shape.slice(1)])
    }
    const results = Array.from(
      { length: steps },
      (_, i) => this.layer.apply(x.slice(null, i), { training, mask: given?.slice(null, i) }) as Tensor,
    )
    return stack(results, 1)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    const [batch, ...rest] = this.layer.computeOutputShape(this.#stepShape(inputShape)) as SymbolicShape
    return [batch, inputShape[1], ...rest]
  }
}

const mergeModes = ['concat', 'sum', 'ave', 'mul', null] as const

export interface BidirectionalOptions extends FirstLayerOptions {
  /** A recurrent layer; copies of it go forward and backward. */
  readonly layer: RNN<any>
  /** How the outputs of both come together; `null`: as a list. @defaultValue `'concat'` */
  readonly mergeMode?: (typeof mergeModes)[number]
  /** What goes backward. @defaultValue a copy of `layer` */
  readonly backwardLayer?: RNN<any> | null
}

/**
 * A recurrent layer over a sequence in both directions; the results of the backward one are given in the order of the input. Steps
 * that the mask leaves out give 0.
 */
export class Bidirectional extends Layer<BidirectionalOptions, OneOrSeveral, RNNContext> {
  static override readonly defaults = {
    layer: required,
    mergeMode: 'concat',
    backwardLayer: null,
  } satisfies Defaults<BidirectionalOptions>
  readonly forwardLayer: RNN<any>
  readonly backwardLayer: RNN<any>

  constructor(options: BidirectionalOptions) {
    super(options)
    this.supportsMasking = true
    const { layer, mergeMode, backwardLayer } = this.options
    if (!mergeModes.includes(mergeMode)) {
      throw new ValueError(
        `Bidirectional: mergeMode must be one of ${mergeModes.map((mode) => mode ?? 'null').join(', ')}, got ${JSON.stringify(mergeMode)}`,
        { mergeMode },
      )
    }
    for (const one of backwardLayer ? [layer, backwardLayer] : [layer]) {
      if (!(one instanceof RNN))
        throw new ValueError('Bidirectional: layer must be a recurrent layer, such as new LSTM({ units: 8 })')
    }
    this.forwardLayer = cloneLayer(layer, { name: `forward_${layer.name.replace(/^forward_/, '')}` })
    this.backwardLayer =
      backwardLayer ?? cloneLayer(layer, { name: `backward_${layer.name.replace(/^backward_/, '')}`, goBackwards: true })
    const [forward, backward] = [this.forwardLayer, this.backwardLayer].map((one): SequenceOptions => one.options)
    if (forward.goBackwards === backward.goBackwards)
      throw new ValueError(
        `Bidirectional: both layers have goBackwards: ${forward.goBackwards}, they must go in different directions`,
      )
    for (const option of ['stateful', 'returnSequences', 'returnState'] as const) {
      if (forward[option] !== backward[option])
        throw new ValueError(
          `Bidirectional: ${option} is ${forward[option]} forward and ${backward[option]} backward, expected the same`,
        )
    }
    for (const one of [this.forwardLayer, this.backwardLayer]) one.zeroOutputForMask = this.#sequence.returnSequences
  }

  get #sequence(): Required<SequenceOptions> {
    return this.forwardLayer.options as Required<SequenceOptions>
  }

  override build(inputShape: SymbolicShape): void {
    this.forwardLayer.buildFor(inputShape)
    this.backwardLayer.buildFor(inputShape)
  }

  call(x: Tensor, { training, mask, initialState }: RNNContext): OneOrSeveral {
    const { returnState, returnSequences } = this.#sequence
    const states = initialState as readonly Tensor[] | null | undefined
    const half = states ? states.length / 2 : 0
    const run = (layer: RNN<any>, from: number): Tensor[] => {
      const result: Tensor | Tensor[] = layer.apply(x, {
        training,
        mask: mask as Tensor | undefined,
        initialState: states?.slice(from, from + half),
      })
      return Array.isArray(result) ? result : [result]
    }
    const [y, ...forwardStates] = run(this.forwardLayer, 0)
    const [reversed, ...backwardStates] = run(this.backwardLayer, half)
    const merged = this.#merge(y, returnSequences ? reversed.flip(1) : reversed)
    if (!returnState) return (merged.length === 1 ? merged[0] : merged) as OneOrSeveral
    return [...merged, ...forwardStates, ...backwardStates] as unknown as OneOrSeveral
  }

  #merge(y: Tensor, z: Tensor): Tensor[] {
    switch (this.options.mergeMode) {
      case 'concat':
        return [concat([y, z], -1)]
      case 'sum':
        return [y.add(z)]
      case 'ave':
        return [y.add(z).div(2)]
      case 'mul':
        return [y.mul(z)]
      default:
        return [y, z]
    }
  }

  override computeMask(_x: Tensor, mask: Mask | undefined): Mask | undefined {
    if (!this.#sequence.returnSequences || mask === undefined) return undefined
    return this.options.mergeMode === null ? [mask as Tensor, mask as Tensor] : mask
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape | SymbolicShape[] {
    const { returnState } = this.#sequence
    const { mergeMode } = this.options
    const given = this.forwardLayer.computeOutputShape(inputShape)
    const [shape, ...states] = (returnState ? given : [given]) as SymbolicShape[]
    const last = shape.at(-1) ?? null
    const merged =
      mergeMode === null
        ? [shape, shape]
        : [mergeMode === 'concat' ? [...shape.slice(0, -1), last === null ? null : 2 * last] : shape]
    if (!returnState) return merged.length === 1 ? merged[0] : merged
    return [...merged, ...states, ...states]
  }

  override getConfig(): LayerConfig {
    const config = super.getConfig()
    return { ...config, layer: serializeLayer(this.forwardLayer), backward_layer: serializeLayer(this.backwardLayer) }
  }
}

/** An unbuilt copy of a layer, with some options changed; layers in its options (cells) are copied, too. */
export function cloneLayer<T extends AnyLayer>(layer: T, changes: object = {}): T {
  const copied = (value: unknown): unknown =>
    value instanceof Layer ? cloneLayer(value) : Array.isArray(value) ? value.map(copied) : value
  const options = Object.fromEntries(Object.entries(layer.options as object).map(([key, value]) => [key, copied(value)]))
  return new (layer.constructor as new (options: object) => T)({ ...options, ...changes })
}

function layerOf(name: string, layer: unknown): AnyLayer {
  if (!(layer instanceof Layer)) throw new ValueError(`${name}: layer must be a layer, such as new Dense({ units: 8 })`)
  return layer
}
