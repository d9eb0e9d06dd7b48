/** Convolutions over one, two and three axes: plain, transposed, depthwise and separable. */
import {
  formatShape,
  outputLength,
  ShapeError,
  transposedAxis,
  ValueError,
  type AxisWindow,
  type PerAxis,
  type Tensor,
  type Variable,
} from '@typegrad/tensor'
import { activate, type ActivationLike } from './activations.ts'
import type { ConstraintLike } from './constraints.ts'
import type { InitializerLike } from './initializers.ts'
import { required, type Defaults } from './layer-config.ts'
import { positiveInteger, type CallContext } from './layer.ts'
import type { RegularizerLike } from './regularizers.ts'
import { assertName, SpatialLayer, type SpatialOptions } from './spatial.ts'
import type { SymbolicShape } from './symbolic.ts'

interface WindowOptions extends SpatialOptions {
  /** The lengths of the window. */
  readonly kernelSize: PerAxis
  /** How far the window moves. @defaultValue `1` */
  readonly strides?: PerAxis
  /**
   * `'valid'`: none; `'same'`: zeros around, so that the output is `⌈length / strides⌉` long, and of a transposed convolution
   * `length · strides`; `'causal'` (one axis, not transposed): zeros before. @defaultValue `'valid'`
   */
  readonly padding?: 'valid' | 'same' | 'causal'
  /** The distance of neighbours in the window. @defaultValue `1` */
  readonly dilationRate?: PerAxis
  readonly activation?: ActivationLike | null
  /** @defaultValue `true` */
  readonly useBias?: boolean
  /** @defaultValue `'zeros'` */
  readonly biasInitializer?: InitializerLike
  readonly biasRegularizer?: RegularizerLike | null
  readonly biasConstraint?: ConstraintLike | null
}

interface KernelOptions {
  /** The number of output channels. */
  readonly filters: number
  /** @defaultValue `'glorotUniform'` */
  readonly kernelInitializer?: InitializerLike
  readonly kernelRegularizer?: RegularizerLike | null
  readonly kernelConstraint?: ConstraintLike | null
}

interface DepthwiseKernelOptions {
  /** The number of filters for each input channel. @defaultValue `1` */
  readonly depthMultiplier?: number
  /** @defaultValue `'glorotUniform'` */
  readonly depthwiseInitializer?: InitializerLike
  readonly depthwiseRegularizer?: RegularizerLike | null
  readonly depthwiseConstraint?: ConstraintLike | null
}

export interface ConvOptions extends WindowOptions, KernelOptions {
  /** The channels fall into so many groups, each with filters of its own. @defaultValue `1` */
  readonly groups?: number
}

export interface ConvTransposeOptions extends WindowOptions, KernelOptions {
  readonly padding?: 'valid' | 'same'
  /**
   * Elements added at the end, fewer than `strides`. Without it the output is `length · strides` long for `'same'`, and for
   * `'valid'` as long as the windows reach.
   */
  readonly outputPadding?: PerAxis | null
}

export interface DepthwiseConvOptions extends WindowOptions, DepthwiseKernelOptions {}

export interface SeparableConvOptions extends WindowOptions, DepthwiseKernelOptions {
  /** The number of output channels. */
  readonly filters: number
  /** @defaultValue `'glorotUniform'` */
  readonly pointwiseInitializer?: InitializerLike
  readonly pointwiseRegularizer?: RegularizerLike | null
  readonly pointwiseConstraint?: ConstraintLike | null
}

/** Defaults in the order of Keras' config. */
const windowDefaults = {
  kernelSize: required,
  strides: 1,
  padding: 'valid',
  dataFormat: 'channelsLast',
  dilationRate: 1,
} as const

/** A window that moves over the input, then a bias and an activation. */
abstract class WindowLayer<O extends WindowOptions> extends SpatialLayer<O> {
  static override readonly sizes: Readonly<Record<string, number>> = { kernelSize: 1, strides: 1, dilationRate: 1 }

  // Declared, not defined: the property of the kernel is to come first.
  declare bias?: Variable
  protected readonly window: readonly number[]
  protected readonly moves: {
    readonly strides: readonly number[]
    readonly dilationRate: readonly number[]
    readonly padding: 'valid' | 'same' | 'causal'
  }

  constructor(options: O) {
    super(options)
    const { kernelSize, strides, dilationRate, padding } = this.options as Required<WindowOptions>
    this.window = kernelSize as readonly number[]
    this.moves = { strides: strides as readonly number[], dilationRate: dilationRate as readonly number[], padding }
    assertName(this.kind, 'padding', padding, this.paddings)
  }

  protected get paddings(): readonly string[] {
    return this.rank === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same']
  }

  protected axisWindow(axis: number): AxisWindow {
    const { strides, dilationRate, padding } = this.moves
    return { size: this.window[axis], stride: strides[axis], dilation: dilationRate[axis], padding }
  }

  protected outputLength(length: number, axis: number): number {
    return outputLength(length, axis, this.axisWindow(axis), this.kind)
  }

  protected addBias(filters: number): void {
    if (this.options.useBias) this.bias = this.addWeight([filters], this.weightOptions('bias'))
  }

  protected abstract convolve(x: Tensor): Tensor

  protected compute(x: Tensor): Tensor {
    const y = this.convolve(x)
    return this.bias ? y.add(this.bias) : y
  }

  override call(x: Tensor, context: CallContext): Tensor {
    return activate(super.call(x, context), this.options.activation)
  }
}

/** `activation(conv(x, kernel) + bias)`, with a kernel `[…window, channels / groups, filters]`. */
abstract class Convolution extends WindowLayer<ConvOptions> {
  static override readonly defaults: Defaults<ConvOptions> = {
    filters: required,
    ...windowDefaults,
    groups: 1,
    activation: null,
    useBias: true,
    kernelInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    kernelRegularizer: null,
    biasRegularizer: null,
    activityRegularizer: null,
    kernelConstraint: null,
    biasConstraint: null,
  }

  kernel!: Variable

  constructor(options: ConvOptions) {
    super(options)
    const { filters, groups } = this.options
    positiveInteger(filters, this.kind, 'filters')
    positiveInteger(groups, this.kind, 'groups')
    if (filters % groups !== 0) {
      throw new ValueError(`${this.kind}: ${filters} filters do not divide into ${groups} groups`, { filters, groups })
    }
  }

  override build(inputShape: SymbolicShape): void {
    const { filters, groups } = this.options
    const channels = this.knownChannels(inputShape)
    if (channels % groups !== 0) {
      throw new ShapeError(
        `${this.kind}: input ${formatShape(inputShape)}, ${channels} channels do not divide into ${groups} groups`,
        { shape: inputShape, groups },
      )
    }
    this.computeOutputShape(inputShape)
    this.kernel = this.addWeight([...this.window, channels / groups, filters], this.weightOptions('kernel'))
    this.addBias(filters)
  }

  protected convolve(x: Tensor): Tensor {
    return x.conv(this.kernel, { ...this.moves, groups: this.options.groups })
  }

  protected override outputChannels(): number {
    return this.options.filters
  }
}

/** Convolution over `[batch, steps, channels]`: `activation(Σ x[…window, i] · kernel[…window, i, j] + bias[j])`. */
export class Conv1D extends Convolution {
  static override readonly rank = 1
}

/** Convolution over `[batch, height, width, channels]`: `activation(Σ x[…window, i] · kernel[…window, i, j] + bias[j])`. */
export class Conv2D extends Convolution {
  static override readonly rank = 2
}

/** Convolution over `[batch, depth, height, width, channels]`. */
export class Conv3D extends Convolution {
  static override readonly rank = 3
}

/** The transpose of a convolution, which spreads every element over a window; the kernel is `[…window, filters, channels]`. */
abstract class TransposedConvolution extends WindowLayer<ConvTransposeOptions> {
  static override readonly sizes = { ...WindowLayer.sizes, outputPadding: 0 }
  static override readonly defaults: Defaults<ConvTransposeOptions> = {
    filters: required,
    kernelSize: required,
    strides: 1,
    padding: 'valid',
    outputPadding: null,
    dataFormat: 'channelsLast',
    dilationRate: 1,
    activation: null,
    useBias: true,
    kernelInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    kernelRegularizer: null,
    biasRegularizer: null,
    activityRegularizer: null,
    kernelConstraint: null,
    biasConstraint: null,
  }

  kernel!: Variable

  constructor(options: ConvTransposeOptions) {
    super(options)
    positiveInteger(options.filters, this.kind, 'filters')
    const { strides } = this.moves
    const added = this.outputPadding
    if (added?.some((n, axis) => n >= strides[axis])) {
      throw new ValueError(
        `${this.kind}: outputPadding ${formatShape(added)} must be less than strides ${formatShape(strides)}`,
        {
          outputPadding: added,
          strides,
        },
      )
    }
  }

  protected override get paddings(): readonly string[] {
    return ['valid', 'same']
  }

  protected get outputPadding(): readonly number[] | null {
    return this.options.outputPadding as readonly number[] | null
  }

  override build(inputShape: SymbolicShape): void {
    const { filters } = this.options
    this.kernel = this.addWeight([...this.window, filters, this.knownChannels(inputShape)], this.weightOptions('kernel'))
    this.addBias(filters)
  }

  protected convolve(x: Tensor): Tensor {
    const { outputPadding } = this
    return x.convTranspose(this.kernel, { ...this.moves, ...(outputPadding && { outputPadding }) })
  }

  protected override outputLength(length: number, axis: number): number {
    return transposedAxis(length, axis, this.axisWindow(axis), this.outputPadding?.[axis]).length
  }

  protected override outputChannels(): number {
    return this.options.filters
  }
}

/** Transposed convolution over `[batch, steps, channels]`. */
export class Conv1DTranspose extends TransposedConvolution {
  static override readonly rank = 1
}

/** Transposed convolution over `[batch, height, width, channels]`. */
export class Conv2DTranspose extends TransposedConvolution {
  static override readonly rank = 2
}

/** Transposed convolution over `[batch, depth, height, width, channels]`. */
export class Conv3DTranspose extends TransposedConvolution {
  static override readonly rank = 3
}

/** A convolution of each channel by itself; the kernel is `[…window, channels, depthMultiplier]`. */
abstract class DepthwiseConvolution extends WindowLayer<DepthwiseConvOptions> {
  static override readonly defaults: Defaults<DepthwiseConvOptions> = {
    depthMultiplier: 1,
    ...windowDefaults,
    activation: null,
    useBias: true,
    depthwiseInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    depthwiseRegularizer: null,
    biasRegularizer: null,
    activityRegularizer: null,
    depthwiseConstraint: null,
    biasConstraint: null,
  }

  kernel!: Variable

  constructor(options: DepthwiseConvOptions) {
    super(options)
    positiveInteger(this.options.depthMultiplier, this.kind, 'depthMultiplier')
  }

  override build(inputShape: SymbolicShape): void {
    const channels = this.knownChannels(inputShape)
    const { depthMultiplier } = this.options
    this.computeOutputShape(inputShape)
    this.kernel = this.addWeight([...this.window, channels, depthMultiplier], this.weightOptions('depthwise'))
    this.addBias(channels * depthMultiplier)
  }

  protected convolve(x: Tensor): Tensor {
    return x.depthwiseConv(this.kernel, this.moves)
  }

  protected override outputChannels(channels: number | null): number | null {
    return channels === null ? null : channels * this.options.depthMultiplier
  }
}

/** Depthwise convolution over `[batch, steps, channels]`. */
export class DepthwiseConv1D extends DepthwiseConvolution {
  static override readonly rank = 1
}

/** Depthwise convolution over `[batch, height, width, channels]`. */
export class DepthwiseConv2D extends DepthwiseConvolution {
  static override readonly rank = 2
}

/** A depthwise convolution, then one over all channels with a window of 1. */
abstract class SeparableConvolution extends WindowLayer<SeparableConvOptions> {
  static override readonly defaults: Defaults<SeparableConvOptions> = {
    depthMultiplier: 1,
    filters: required,
    ...windowDefaults,
    activation: null,
    useBias: true,
    depthwiseInitializer: 'glorotUniform',
    pointwiseInitializer: 'glorotUniform',
    biasInitializer: 'zeros',
    depthwiseRegularizer: null,
    pointwiseRegularizer: null,
    biasRegularizer: null,
    activityRegularizer: null,
    depthwiseConstraint: null,
    pointwiseConstraint: null,
    biasConstraint: null,
  }

  depthwiseKernel!: Variable
  pointwiseKernel!: Variable

  constructor(options: SeparableConvOptions) {
    super(options)
    positiveInteger(options.filters, this.kind, 'filters')
    positiveInteger(this.options.depthMultiplier, this.kind, 'depthMultiplier')
  }

  override build(inputShape: SymbolicShape): void {
    const channels = this.knownChannels(inputShape)
    const { filters, depthMultiplier } = this.options
    this.computeOutputShape(inputShape)
    this.depthwiseKernel = this.addWeight([...this.window, channels, depthMultiplier], this.weightOptions('depthwise'))
    this.pointwiseKernel = this.addWeight(
      [...this.window.map(() => 1), channels * depthMultiplier, filters],
      this.weightOptions('pointwise'),
    )
    this.addBias(filters)
  }

  protected convolve(x: Tensor): Tensor {
    return x.depthwiseConv(this.depthwiseKernel, this.moves).conv(this.pointwiseKernel)
  }

  protected override outputChannels(): number {
    return this.options.filters
  }
}

/** Separable convolution over `[batch, steps, channels]`. */
export class SeparableConv1D extends SeparableConvolution {
  static override readonly rank = 1
}

/** Separable convolution over `[batch, height, width, channels]`. */
export class SeparableConv2D extends SeparableConvolution {
  static override readonly rank = 2
}
