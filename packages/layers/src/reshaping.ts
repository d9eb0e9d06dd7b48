/** Layers that move elements, or do what a function does. */
import { formatShape, ShapeError, ValueError, type Shape, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from './core.ts'
import { required, type Defaults } from './layer-config.ts'
import { Layer, positiveInteger, type CallContext, type LayerOptions } from './layer.ts'
import type { Mask } from './masks.ts'
import type { SpatialOptions } from './spatial.ts'
import { inferred, type SymbolicShape } from './symbolic.ts'

const product = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** All axes of a sample as one; channels that come first are moved to the end before. */
export class Flatten extends Layer<SpatialOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = { dataFormat: 'channelsLast' } satisfies Defaults<SpatialOptions>
  override readonly samplewise = true

  constructor(options: SpatialOptions = {}) {
    super(options)
  }

  call(x: Tensor): Tensor {
    const channelsFirst = /first$/i.test(this.options.dataFormat ?? '') && x.rank > 2
    return (channelsFirst ? x.moveaxis(1, -1) : x).reshape([x.shape[0], product(x.shape.slice(1))])
  }

  override computeOutputShape([batch, ...sample]: SymbolicShape): SymbolicShape {
    return [batch, sample.includes(null) ? null : product(sample as Shape)]
  }
}

export interface ReshapeOptions extends FirstLayerOptions {
  /** The shape of a sample of the result; one length may be -1. */
  readonly targetShape: readonly number[]
}

/** Every sample under another shape, one length of which may be -1. */
export class Reshape extends Layer<ReshapeOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = { targetShape: required } satisfies Defaults<ReshapeOptions>
  override readonly samplewise = true

  constructor(options: ReshapeOptions) {
    super(options)
    const { targetShape } = this.options
    const valid = Array.isArray(targetShape) && targetShape.every((n) => Number.isInteger(n) && n >= -1)
    if (!valid || targetShape.indexOf(-1) !== targetShape.lastIndexOf(-1)) {
      throw new ValueError(
        `Reshape: targetShape must be a list of lengths, at most one of them -1, got ${JSON.stringify(targetShape)}`,
        {
          targetShape,
        },
      )
    }
  }

  call(x: Tensor): Tensor {
    return x.reshape(this.computeOutputShape(x.shape) as Shape)
  }

  override computeOutputShape([batch, ...sample]: SymbolicShape): SymbolicShape {
    const { targetShape } = this.options
    const known = product(targetShape.filter((length) => length !== -1))
    if (sample.includes(null)) return [batch, ...targetShape.map((length) => (length === -1 ? null : length))]
    const size = product(sample as Shape)
    const result = targetShape.map((length) => (length === -1 ? size / known : length))
    if (product(result) !== size || !result.every(Number.isInteger)) {
      throw new ShapeError(`Reshape: samples ${formatShape(sample)} do not fit targetShape ${formatShape(targetShape)}`, {
        sample,
        targetShape,
      })
    }
    return [batch, ...result]
  }
}

export interface PermuteOptions extends FirstLayerOptions {
  /** The axes of a sample in their new order, counted from 1. */
  readonly dims: readonly number[]
}

/** The axes of every sample in another order. */
export class Permute extends Layer<PermuteOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = { dims: required } satisfies Defaults<PermuteOptions>
  override readonly samplewise = true

  constructor(options: PermuteOptions) {
    super(options)
    const { dims } = this.options
    if (!Array.isArray(dims) || [...dims].sort((a, b) => a - b).some((axis, i) => axis !== i + 1))
      throw new ValueError(`Permute: dims must name the axes 1, 2, … once each, got ${JSON.stringify(dims)}`, { dims })
  }

  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape)
    return x.transpose([0, ...this.options.dims])
  }

  override computeOutputShape(shape: SymbolicShape): SymbolicShape {
    const { dims } = this.options
    if (shape.length !== dims.length + 1)
      throw new ShapeError(`Permute: dims ${formatShape(dims)} for input ${formatShape(shape)}`, { dims, shape })
    return [shape[0], ...dims.map((axis) => shape[axis])]
  }
}

export interface RepeatVectorOptions extends FirstLayerOptions {
  readonly n: number
}

/** `[batch, features]` as n equal steps, `[batch, n, features]`. */
export class RepeatVector extends Layer<RepeatVectorOptions> {
  static override readonly keepsIntegers = true
  static override readonly defaults = { n: required } satisfies Defaults<RepeatVectorOptions>
  override readonly samplewise = true

  constructor(options: RepeatVectorOptions) {
    super(options)
    positiveInteger(this.options.n, 'RepeatVector', 'n')
  }

  call(x: Tensor): Tensor {
    return x.expandDims(1).broadcastTo(this.computeOutputShape(x.shape) as Shape)
  }

  override computeOutputShape(shape: SymbolicShape): SymbolicShape {
    if (shape.length !== 2)
      throw new ShapeError(`RepeatVector: input ${formatShape(shape)}, expected [batch, features]`, { shape })
    return [shape[0], this.options.n, shape[1]]
  }
}

/** x itself. */
export class Identity extends Layer<FirstLayerOptions> {
  static override readonly keepsShape = true
  static override readonly keepsIntegers = true
  static override readonly defaults = {}
  override readonly samplewise = true

  constructor(options: FirstLayerOptions = {}) {
    super(options)
    this.supportsMasking = true
  }

  call(x: Tensor): Tensor {
    return x
  }
}

/** What a Lambda layer does with its input, or inputs. */
export type LambdaFunction = (inputs: any, context: CallContext) => Tensor

export interface LambdaOptions extends LayerOptions {
  readonly function: LambdaFunction
  /** The shape of a sample of the result, or a function of the input's shape. @defaultValue found by calling the function on zeros */
  readonly outputShape?: SymbolicShape | ((inputShape: any) => SymbolicShape) | null
  /** The mask of the result, or a function of inputs and mask. @defaultValue `null`, none */
  readonly mask?: Mask | ((inputs: any, mask: Mask | undefined) => Mask | undefined) | null
}

/** `function(inputs, { training, mask })`. It cannot be saved: code is not read from files. */
export class Lambda extends Layer<LambdaOptions> {
  static override readonly defaults = { function: required, outputShape: null, mask: null } satisfies Defaults<LambdaOptions>

  constructor(options: LambdaOptions) {
    super(options)
    if (typeof this.options.function !== 'function') throw new ValueError('Lambda: function must be a function')
    this.supportsMasking = this.options.mask !== null
  }

  call(inputs: Tensor | readonly Tensor[], context: CallContext): Tensor {
    return this.options.function(inputs, context)
  }

  override computeOutputShape(inputShape: SymbolicShape | readonly SymbolicShape[]): SymbolicShape {
    const { outputShape } = this.options
    if (typeof outputShape === 'function') return outputShape(inputShape)
    const list = Array.isArray(inputShape[0])
    const shapes = (list ? inputShape : [inputShape]) as readonly SymbolicShape[]
    if (outputShape) return [shapes[0][0], ...outputShape]
    const call = (inputs: readonly Tensor[]): Tensor => this.options.function(list ? inputs : inputs[0], { training: false })
    return inferred(
      shapes.map((shape) => ({ shape, dtype: 'float32' })),
      call,
    )[0].shape
  }

  override computeMask(inputs: unknown, given: Mask | undefined): Mask | undefined {
    const { mask } = this.options
    return typeof mask === 'function' ? mask(inputs, given) : (mask ?? undefined)
  }
}
