/** Strings and integers put into bins by their hashes. */
import { sizeOf, ValueError, type DType, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import { required, type Defaults, type LayerConfig } from '../layer-config.ts'
import { positiveInteger, type Symbolic } from '../layer.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { encodedShape, encodeNumbers, option, type EncodingMode } from './encode.ts'
import { bin, fingerprint, joinFingerprints } from './hash.ts'
import { SymbolicTensor } from '../symbolic.ts'
import { flattenNumbers, integers, StringLayer } from './string-layer.ts'
import { flattenStrings, isStrings, type Flat, type Strings } from './strings.ts'

export interface HashingOptions extends FirstLayerOptions {
  /** The number of bins, with that of `maskValue`. */
  readonly numBins: number
  /** A value with a bin of its own, number 0. @defaultValue `null`, none */
  readonly maskValue?: string | number | null
  /** A key, one integer or two, for SipHash64 in place of FarmHash64. @defaultValue `null` */
  readonly salt?: number | readonly number[] | null
  /** The number of the bin, or a vector that says so: see {@link CategoryEncoding}. @defaultValue `'int'` */
  readonly outputMode?: 'int' | EncodingMode
}

const valuesOf = (inputs: Strings | TensorLike, layer: string): Flat<string | number> =>
  isStrings(inputs) ? flattenStrings(inputs, layer) : flattenNumbers(inputs)

/** The two integers of a salt. */
export const saltOf = (layer: string, salt: number | readonly number[] | null): readonly number[] | null => {
  const key = typeof salt === 'number' ? [salt, salt] : salt
  if (key !== null && !(key.length === 2 && key.every((n) => Number.isSafeInteger(n) && n >= 0)))
    throw new ValueError(`${layer}: salt must be an integer ≥ 0 or two, got ${JSON.stringify(salt)}`, { salt })
  return key
}

/** The dtype of bins in Keras, which takes no other there. */
const int64 = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'int64' }, registered_name: null }

/** The bin `hash mod numBins` of each string or integer, the hash being that of its text: FarmHash64, or SipHash64 with a salt. */
export class Hashing extends StringLayer<HashingOptions> {
  static override readonly defaults = {
    numBins: required,
    maskValue: null,
    salt: null,
    outputMode: 'int',
  } satisfies Defaults<HashingOptions>
  static override readonly fixed = { sparse: false }
  readonly #mode: 'int' | 'oneHot' | 'multiHot' | 'count'
  readonly #salt: readonly number[] | null

  constructor(options: HashingOptions) {
    super(options)
    positiveInteger(this.options.numBins, 'Hashing', 'numBins')
    this.#salt = saltOf('Hashing', this.options.salt)
    this.#mode = option('Hashing', 'outputMode', this.options.outputMode, ['int', 'oneHot', 'multiHot', 'count'])
  }

  protected compute(inputs: Strings | Tensor): Tensor {
    const { numBins, maskValue } = this.options
    const { values, shape } = valuesOf(inputs, 'Hashing')
    // Of one bin nothing can be kept for the mask.
    const kept = maskValue !== null && numBins > 1 ? 1 : 0
    const bins = values.map((value) =>
      kept && value === maskValue
        ? 0
        : kept + bin(typeof value === 'string' ? value : String(Math.trunc(value)), numBins - kept, this.#salt),
    )
    return this.#mode === 'int' ? integers(bins, shape) : encodeNumbers(bins, shape, this.#mode, numBins)
  }

  override computeOutputDType(): DType {
    return this.#mode === 'int' ? 'int32' : 'float32'
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return encodedShape(inputShape, this.#mode, this.options.numBins)
  }

  override getConfig(): LayerConfig {
    return {
      ...super.getConfig(),
      mask_value: this.options.maskValue,
      salt: this.#salt,
      ...(this.#mode === 'int' && { dtype: int64 }),
    }
  }
}

export interface HashedCrossingOptions extends FirstLayerOptions {
  /** The number of bins. */
  readonly numBins: number
  /** The number of the bin, or a vector that says so. @defaultValue `'int'` */
  readonly outputMode?: 'int' | 'oneHot' | 'one_hot'
}

/** The bin of each combination of several features, by the joined hashes of strings and the integers themselves. */
export class HashedCrossing extends StringLayer<HashedCrossingOptions> {
  static override readonly defaults = { numBins: required, outputMode: 'int' } satisfies Defaults<HashedCrossingOptions>
  static override readonly fixed = { sparse: false }
  readonly #mode: 'int' | 'oneHot'

  constructor(options: HashedCrossingOptions) {
    super(options)
    positiveInteger(this.options.numBins, 'HashedCrossing', 'numBins')
    this.#mode = option('HashedCrossing', 'outputMode', this.options.outputMode, ['int', 'oneHot'])
  }

  /** The result for a list of features, each an array of strings or of integers, `[batch]` or `[batch, 1]`. */
  override apply(features: readonly (Strings | TensorLike)[]): Tensor
  override apply(features: readonly SymbolicTensor[]): Symbolic<Tensor>
  override apply(features: any): any
  override apply(features: any): any {
    if (Array.isArray(features) && features[0] instanceof SymbolicTensor) return super.apply(features as SymbolicTensor[])
    return this.compute(features as readonly (Strings | TensorLike)[])
  }

  protected compute(features: any): Tensor {
    const { numBins } = this.options
    if (!Array.isArray(features) || features.length < 2)
      throw new ValueError('HashedCrossing: expected a list of at least two features')
    const flat = features.map((feature: Strings | TensorLike) => valuesOf(feature, 'HashedCrossing'))
    const [{ shape }] = flat
    if (flat.some((one) => one.values.length !== sizeOf(shape)) || shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) {
      const given = flat.map((one) => `[${one.shape.join(', ')}]`).join(' and ')
      throw new ValueError(`HashedCrossing: features ${given}, expected one shape, [batch] or [batch, 1]`)
    }
    const bins = flat[0].values.map((_, i) => {
      const joined = flat.map(({ values }) => fingerprint(values[i])).reduce(joinFingerprints, 0xdecafcaffen)
      return Number(joined % BigInt(numBins))
    })
    return this.#mode === 'int' ? integers(bins, shape) : encodeNumbers(bins, shape, 'oneHot', numBins)
  }

  override computeOutputDType(): DType {
    return this.#mode === 'int' ? 'int32' : 'float32'
  }

  override computeOutputShape(shapes: readonly SymbolicShape[]): SymbolicShape {
    return encodedShape(shapes[0], this.#mode, this.options.numBins)
  }

  override getConfig(): LayerConfig {
    const { trainable: _, ...config } = super.getConfig()
    return { ...config, dtype: this.#mode === 'int' ? 'int64' : this.dtype }
  }
}
