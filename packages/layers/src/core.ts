/** Dense, Activation, Dropout and the input of a model. */
import { assertOptions, random, ShapeError, ValueError, formatShape, type Tensor, type Variable } from '@typegrad/tensor'
import { activate, type ActivationLike } from './activations.ts'
import type { ConstraintLike } from './constraints.ts'
import type { InitializerLike } from './initializers.ts'
import type { RegularizerLike } from './regularizers.ts'
import { required, type Defaults, type LayerConfig } from './layer-config.ts'
import { Layer, positiveInteger, type CallContext, type LayerOptions } from './layer.ts'
import { installOperations } from './operation.ts'
import { linkNode, SymbolicTensor, type SymbolicDType, type SymbolicShape } from './symbolic.ts'

export interface InputOptions {
  /** The shape of one sample; `null` stands for any length. */
  readonly shape: SymbolicShape
  /** A fixed number of samples per batch, which stateful layers need. */
  readonly batchSize?: number | null
  /** `'string'` for texts, of which TextVectorization, StringLookup or Hashing make numbers. @defaultValue `'float32'` */
  readonly dtype?: SymbolicDType
  readonly name?: string
}

/** Where a sample enters a model. */
export class InputLayer extends Layer<Omit<InputOptions, 'dtype'> & LayerOptions> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  static override readonly defaults = { shape: required, batchSize: null } satisfies Defaults<
    Omit<InputOptions, 'dtype'> & LayerOptions
  >
  override readonly samplewise = true

  constructor(given: InputOptions & Omit<LayerOptions, 'dtype'>) {
    assertOptions('Input', given, ['shape', 'dtype', 'batchSize', 'name'])
    const { dtype = 'float32', ...options } = given
    super(dtype === 'string' ? options : { ...options, dtype })
    this.supportsMasking = true
    if (!Array.isArray(options.shape))
      throw new ValueError(`Input: shape must be a list such as [13], got ${JSON.stringify(options.shape)}`)
    const shape = [options.batchSize ?? null, ...options.shape]
    this.builtShape = shape
    installOperations()
    linkNode(this, [new SymbolicTensor(shape, dtype)])
  }

  call(x: Tensor): Tensor {
    return x
  }

  override getConfig(): LayerConfig {
    const { shape, dtype } = this.output
    return { batch_shape: shape, dtype, sparse: false, ragged: false, name: this.name, optional: false }
  }

  /** @internal The shape is in the config. */
  override getBuildConfig(): undefined {}

  static override fromConfig<T>(this: new (options: any) => T, config: LayerConfig): T {
    const { batch_shape: batchShape, shape, dtype, name } = config as Record<string, any>
    const [batchSize, ...sample] = batchShape ?? [null, ...shape]
    return new this({ shape: sample, batchSize, dtype, name })
  }
}

/** The symbolic input of a functional model: `Input({ shape: [13] })` stands for batches of shape `[n, 13]`. */
export function Input(options: InputOptions): SymbolicTensor {
  return new InputLayer(options).output
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
  readonly kernelRegularizer?: RegularizerLike | null
  readonly biasRegularizer?: RegularizerLike | null
  readonly kernelConstraint?: ConstraintLike | null
  readonly biasConstraint?: ConstraintLike | null
}

/** `activation(x · kernel + bias)` along the last axis. */
export class Dense extends Layer<DenseOptions> {
  static override readonly defaults = {
    units: required,
    activation: null,
    useBias: true,
    kernelInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    kernelRegularizer: null,
    biasRegularizer: null,
    kernelConstraint: null,
    biasConstraint: null,
  } satisfies Defaults<DenseOptions>
  static override readonly fixed = { quantization_config: null }
  override readonly samplewise = true
  kernel!: Variable
  bias?: Variable

  constructor(options: DenseOptions) {
    super(options)
    this.supportsMasking = true
    positiveInteger(options?.units, 'Dense', 'units')
  }

  override build(inputShape: SymbolicShape): void {
    const { units, useBias } = this.options
    this.kernel = this.addWeight([lastAxis(inputShape, 'Dense'), units], this.weightOptions('kernel'))
    if (useBias) this.bias = this.addWeight([units], this.weightOptions('bias'))
  }

  call(x: Tensor): Tensor {
    return activate(x.matmul(this.kernel, { bias: this.bias }), this.options.activation)
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

export interface ActivationOptions extends FirstLayerOptions {
  readonly activation: ActivationLike
}

/** `activation(x)`. */
export class Activation extends Layer<ActivationOptions> {
  static override readonly keepsShape = true
  static override readonly defaults = { activation: required } satisfies Defaults<ActivationOptions>
  override readonly samplewise = true

  constructor(options: ActivationOptions) {
    super(options)
    this.supportsMasking = true
  }

  call(x: Tensor): Tensor {
    return activate(x, this.options.activation)
  }
}

export interface DropoutOptions extends FirstLayerOptions {
  /** The share of elements that are dropped. */
  readonly rate: number
  /** Makes the draws the layer's own; without it they come from the global stream of `setSeed`. */
  readonly seed?: number | null
  /** Axes of length 1 share their fate. */
  readonly noiseShape?: SymbolicShape | null
}

/** In training sets each element to 0 with probability `rate` and divides the others by `1 - rate`; else does nothing. */
export class Dropout extends Layer<DropoutOptions> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  static override readonly defaults = { rate: required, seed: null, noiseShape: null } satisfies Defaults<DropoutOptions>
  readonly #generator: random.Generator | undefined

  constructor(options: DropoutOptions) {
    super(options)
    this.supportsMasking = true
    const { rate } = this.options
    if (!(rate >= 0 && rate <= 1)) throw new ValueError(`Dropout: rate must lie in [0, 1], got ${rate}`, { rate })
    this.#generator = this.seeded(this.options.seed)
  }

  call(x: Tensor, { training }: CallContext): Tensor {
    const { rate, noiseShape } = this.options
    if (!training || rate === 0) return x
    return dropped(x, rate, { generator: this.#generator, noiseShape })
  }
}

export interface DropOptions {
  readonly generator?: random.Generator | undefined
  readonly noiseShape?: SymbolicShape | null | undefined
}

/** x with each element set to 0 with probability `rate` and the others divided by `1 - rate`. */
export function dropped(x: Tensor, rate: number, { generator, noiseShape }: DropOptions = {}): Tensor {
  if (rate === 1) return x.mul(0)
  const shape = noiseShape ? noiseShape.map((length, i) => length ?? x.shape[i]) : x.shape
  const noise = (generator ?? random.globalGenerator()).uniform(shape)
  return noise.greaterEqual(rate).where(x.mul(1 / (1 - rate)), 0)
}
