/** Dense, Activation, Dropout and the input of a model. */
import { random, ShapeError, ValueError, formatShape, type DType, type Tensor, type Variable } from '@typegrad/tensor'
import { activate, resolveActivation, type ActivationLike } from './activations.ts'
import type { InitializerLike } from './initializers.ts'
import { Layer, positiveInteger, type CallContext, type LayerOptions } from './layer.ts'
import { SymbolicTensor, type SymbolicShape } from './symbolic.ts'

export interface InputOptions {
  /** The shape of one sample; `null` stands for any length. */
  readonly shape: SymbolicShape
  readonly dtype?: DType
  readonly name?: string
}

/** Where a sample enters a model. */
export class InputLayer extends Layer<InputOptions & LayerOptions> {
  constructor(options: InputOptions & LayerOptions) {
    super(options)
    if (!Array.isArray(options?.shape))
      throw new ValueError(`Input: shape must be a list such as [13], got ${JSON.stringify(options?.shape)}`)
    this.builtShape = [null, ...options.shape]
  }

  call(x: Tensor): Tensor {
    return x
  }
}

/** The symbolic input of a functional model: `Input({ shape: [13] })` stands for batches of shape `[n, 13]`. */
export function Input(options: InputOptions): SymbolicTensor {
  const layer = new InputLayer(options)
  const tensor = new SymbolicTensor([null, ...options.shape], options.dtype)
  tensor.node = { layer, inputs: [], list: false, outputs: [tensor] }
  return tensor
}

/** Options that a first layer may have in place of an Input. */
export interface FirstLayerOptions extends LayerOptions {
  /** The shape of one sample. */
  readonly inputShape?: SymbolicShape
  /** The same for samples that are vectors. */
  readonly inputDim?: number
}

export interface DenseOptions extends FirstLayerOptions {
  /** The number of outputs. */
  readonly units: number
  readonly activation?: ActivationLike | null
  /** @defaultValue `true` */
  readonly useBias?: boolean
  /** @defaultValue `'glorotUniform'` */
  readonly kernelInitializer?: InitializerLike
  /** @defaultValue `'zeros'` */
  readonly biasInitializer?: InitializerLike
}

/** `activation(x · kernel + bias)` along the last axis. */
export class Dense extends Layer<DenseOptions> {
  kernel!: Variable
  bias?: Variable

  constructor(options: DenseOptions) {
    super(options)
    positiveInteger(options?.units, 'Dense', 'units')
    resolveActivation(options.activation)
  }

  override build(inputShape: SymbolicShape): void {
    const { units, useBias = true, kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = this.options
    this.kernel = this.addWeight([lastAxis(inputShape, 'Dense'), units], { initializer: kernelInitializer })
    if (useBias) this.bias = this.addWeight([units], { initializer: biasInitializer })
  }

  call(x: Tensor): Tensor {
    const y = x.matmul(this.kernel)
    return activate(this.bias ? y.add(this.bias) : y, this.options.activation)
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return [...inputShape.slice(0, -1), this.options.units]
  }
}

/** The length of the last axis, which must be known. */
export function lastAxis(shape: SymbolicShape, layer: string): number {
  const last = shape.at(-1)
  if (shape.length < 2 || typeof last !== 'number') {
    throw new ShapeError(
      `${layer}: input ${formatShape(shape)}, expected a batch of samples whose last axis has a known length`,
      { shape },
    )
  }
  return last
}

/** `activation(x)`. */
export class Activation extends Layer<FirstLayerOptions & { readonly activation: ActivationLike }> {
  constructor(options: FirstLayerOptions & { readonly activation: ActivationLike }) {
    super(options)
    resolveActivation(options.activation)
  }

  call(x: Tensor): Tensor {
    return activate(x, this.options.activation)
  }
}

export interface DropoutOptions extends FirstLayerOptions {
  /** The share of elements that are dropped. */
  readonly rate: number
  /** Axes of length 1 share their fate. */
  readonly noiseShape?: SymbolicShape
  readonly seed?: number
}

/** In training sets each element to 0 with probability `rate` and divides the others by `1 - rate`; else does nothing. */
export class Dropout extends Layer<DropoutOptions> {
  readonly #generator?: random.Generator

  constructor(options: DropoutOptions) {
    super(options)
    const { rate, seed } = options ?? {}
    if (!(rate >= 0 && rate <= 1)) throw new ValueError(`Dropout: rate must lie in [0, 1], got ${rate}`, { rate })
    if (seed !== undefined) this.#generator = new random.Generator(seed)
  }

  call(x: Tensor, { training }: CallContext): Tensor {
    const { rate, noiseShape } = this.options
    if (!training || rate === 0) return x
    if (rate === 1) return x.mul(0)
    const shape = noiseShape ? noiseShape.map((length, i) => length ?? x.shape[i]) : x.shape
    const noise = (this.#generator ?? random.globalGenerator()).uniform(shape)
    return noise.greaterEqual(rate).where(x.mul(1 / (1 - rate)), 0)
  }
}
