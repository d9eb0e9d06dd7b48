import { inspect, ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { ConstraintLike } from './constraints.ts'
import type { InitializerLike } from './initializers.ts'
import type { RegularizerLike } from './regularizers.ts'
import { required, type Defaults } from './layer-config.ts'
import { Layer, positiveInteger, type LayerOptions } from './layer.ts'
import type { Mask } from './masks.ts'
import type { SymbolicShape } from './symbolic.ts'

export interface EmbeddingOptions extends LayerOptions {
  /** The number of indices: they lie in [0, inputDim). */
  readonly inputDim: number
  /** The length of a vector. */
  readonly outputDim: number
  /** @defaultValue `'uniform'` in ±0.05 */
  readonly embeddingsInitializer?: InitializerLike
  readonly embeddingsRegularizer?: RegularizerLike | null
  readonly embeddingsConstraint?: ConstraintLike | null
  /** Index 0 stands for "no step here": the layers after this one skip it. @defaultValue `false` */
  readonly maskZero?: boolean
  /** The shape of one sample, if this is the first layer. */
  readonly inputShape?: SymbolicShape
}

/** A learned vector in place of each index: `[…] → […, outputDim]`. Throws an IndexError for an index outside [0, inputDim). */
export class Embedding extends Layer<EmbeddingOptions> {
  static override readonly defaults = {
    inputDim: required,
    outputDim: required,
    embeddingsInitializer: 'uniform',
    embeddingsRegularizer: null,
    activityRegularizer: null,
    embeddingsConstraint: null,
    maskZero: false,
  } satisfies Defaults<EmbeddingOptions> & { inputDim: unknown }
  static override readonly fixed = { quantization_config: null }
  override readonly samplewise = true
  embeddings!: Variable

  constructor(options: EmbeddingOptions) {
    super(options)
    const { inputDim, outputDim, maskZero } = this.options
    positiveInteger(inputDim, 'Embedding', 'inputDim')
    positiveInteger(outputDim, 'Embedding', 'outputDim')
    this.supportsMasking = maskZero
    this.autocast = false
  }

  override get sampleShape(): SymbolicShape | undefined {
    return this.options.inputShape
  }

  override build(): void {
    const { inputDim, outputDim } = this.options
    this.embeddings = this.addWeight([inputDim, outputDim], this.weightOptions('embeddings'))
  }

  call(x: Tensor): Tensor {
    const indices = x.cast('int32')
    // Negative indices would count from the end.
    inspect(indices, (all) => {
      const first = all.toTypedArray().find((index) => index < 0)
      if (first !== undefined)
        throw new ValueError(`Embedding: index ${first} is negative, expected [0, ${this.options.inputDim})`, { index: first })
    })
    return this.embeddings.take(indices)
  }

  override computeMask(x: Tensor): Mask | undefined {
    return this.options.maskZero ? x.notEqual(0) : undefined
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return [...inputShape, this.options.outputDim]
  }
}
