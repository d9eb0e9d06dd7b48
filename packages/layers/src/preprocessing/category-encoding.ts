/** Numbers of categories as vectors. */
import { toTensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import { required, type Defaults } from '../layer-config.ts'
import { Layer, positiveInteger, type CallContext } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { assertCategories, encode, encodedShape, option, type EncodingMode } from './encode.ts'

export interface CategoryEncodingOptions extends FirstLayerOptions {
  /** The number of categories: inputs are integers from 0 to one less. */
  readonly numTokens: number
  /**
   * `'oneHot'`: a vector in place of each number. `'multiHot'`: of the numbers along the last axis one vector, with 1 at each.
   * `'count'`: how often each occurs. @defaultValue `'multiHot'`
   */
  readonly outputMode?: EncodingMode
}

export interface CategoryEncodingContext extends CallContext {
  /** How much each number counts, of the input's shape; for `'count'`. */
  readonly countWeights?: TensorLike | undefined
}

/** Vectors of length `numTokens` that hold 1 at the number of a category, or how often it occurs. */
export class CategoryEncoding extends Layer<CategoryEncodingOptions, Tensor, CategoryEncodingContext> {
  static override readonly defaults = { numTokens: required, outputMode: 'multiHot' } satisfies Defaults<CategoryEncodingOptions>
  override readonly samplewise = true
  readonly #mode: 'oneHot' | 'multiHot' | 'count'

  constructor(options: CategoryEncodingOptions) {
    super(options)
    positiveInteger(this.options.numTokens, 'CategoryEncoding', 'numTokens')
    this.#mode = option('CategoryEncoding', 'outputMode', this.options.outputMode, ['oneHot', 'multiHot', 'count'])
  }

  call(x: Tensor, { countWeights }: CategoryEncodingContext): Tensor {
    const { numTokens } = this.options
    if (countWeights !== undefined && this.#mode !== 'count')
      throw new ValueError(`CategoryEncoding: countWeights are for outputMode 'count', not '${this.#mode}'`)
    assertCategories('CategoryEncoding', x, numTokens)
    return encode(x, this.#mode, numTokens, countWeights === undefined ? undefined : toTensor(countWeights))
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return encodedShape(inputShape, this.#mode, this.options.numTokens)
  }
}
