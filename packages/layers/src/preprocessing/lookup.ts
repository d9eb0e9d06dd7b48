/** Values as their positions in a vocabulary, which is given or learned. */
import { optionsOf, Tensor, tensor, ValueError, type DType, type Shape, type TensorLike } from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import type { LayerConfig } from '../layer-config.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { encode, encodedShape, encodeNumbers, option, type EncodingMode } from './encode.ts'
import { saltOf } from './hashing.ts'
import { bin } from './hash.ts'
import { flattenNumbers, integers, StringLayer } from './string-layer.ts'
import type { Flat, Strings } from './strings.ts'
import { documents, frequentTerms } from './vocabulary.ts'

/** What becomes of positions: themselves, vectors, or counts times the inverse document frequency. */
export type LookupMode = 'int' | EncodingMode | 'tfIdf' | 'tf_idf'

export interface LookupOptions<T extends string | number> extends FirstLayerOptions {
  /** The largest size of a learned vocabulary, with the mask and what is out of it. @defaultValue `null`, none */
  readonly maxTokens?: number | null
  /** How many positions values out of the vocabulary share; with 0 they are errors. @defaultValue `1` */
  readonly numOovIndices?: number
  /** A value that stands for none: position 0 with `'int'`, not counted otherwise. @defaultValue `null`, none */
  readonly maskToken?: T | null
  /** What a position out of the vocabulary is called. @defaultValue `'[UNK]'` or `-1` */
  readonly oovToken?: T | null
  /** In place of `adapt`: the terms in order; the mask and `oovToken` may come first. */
  readonly vocabulary?: readonly T[] | null
  /** The weight of each term of `vocabulary`, for `'tfIdf'`. */
  readonly idfWeights?: readonly number[] | null
  /** Whether to give the terms at positions. @defaultValue `false` */
  readonly invert?: boolean
  /** @defaultValue `'int'` */
  readonly outputMode?: LookupMode
  /** Whether vectors have length `maxTokens`, however small the vocabulary is. @defaultValue `false` */
  readonly padToMaxTokens?: boolean
  /** Which of several positions an integer out of the vocabulary has: its remainder, or its hash. @defaultValue `'floormod'` */
  readonly oovMethod?: 'floormod' | 'farmhash'
  /** A key, one integer or two, for SipHash64 in place of FarmHash64. @defaultValue `null` */
  readonly salt?: number | readonly number[] | null
}

const modes = ['int', 'oneHot', 'multiHot', 'count', 'tfIdf'] as const
type Mode = (typeof modes)[number]

/**
 * Positions in a vocabulary: first the mask (with `'int'`), then `numOovIndices` for values that are not in it, then the
 * terms, the most frequent first.
 */
export abstract class Lookup<T extends string | number, O extends LookupOptions<T>> extends StringLayer<O> {
  static override readonly fixed: Readonly<Record<string, unknown>> = { sparse: false }
  readonly #mode: Mode
  readonly #salt: readonly number[] | null
  #terms: readonly T[] | undefined
  #positions = new Map<T, number>()
  /** The vocabulary as it was given, for the config. */
  #given: { readonly vocabulary: readonly T[]; readonly idfWeights: readonly number[] | null } | undefined
  /** The weight of every position. */
  #weights: readonly number[] | undefined

  constructor(options: O) {
    super(options)
    const kind = this.constructor.name
    const { maxTokens, numOovIndices, vocabulary, idfWeights, invert, outputMode, padToMaxTokens, oovMethod, salt } = this.given
    this.#mode = option(kind, 'outputMode', outputMode, modes)
    this.#salt = saltOf(kind, salt)
    option(kind, 'oovMethod', oovMethod, ['floormod', 'farmhash'])
    const check = (valid: boolean, message: string): void => {
      if (!valid) throw new ValueError(`${kind}: ${message}`)
    }
    check(
      maxTokens === null || (Number.isInteger(maxTokens) && maxTokens > 1),
      `maxTokens must be an integer > 1, got ${maxTokens}`,
    )
    check(Number.isInteger(numOovIndices) && numOovIndices >= 0, `numOovIndices must be an integer ≥ 0, got ${numOovIndices}`)
    check(!padToMaxTokens || maxTokens !== null, 'padToMaxTokens needs maxTokens')
    check(!invert || this.#mode === 'int', `invert gives terms, outputMode must be 'int', not '${this.#mode}'`)
    check(idfWeights === null || this.#mode === 'tfIdf', `idfWeights are for outputMode 'tfIdf', not '${this.#mode}'`)
    check(
      vocabulary === null || idfWeights !== null || this.#mode !== 'tfIdf',
      "outputMode 'tfIdf' with a vocabulary needs idfWeights",
    )
    if (vocabulary !== null) this.setVocabulary(vocabulary, idfWeights)
  }

  /** The options, typed by T. */
  private get given(): Required<Omit<LookupOptions<T>, keyof FirstLayerOptions>> {
    return this.options as unknown as Required<Omit<LookupOptions<T>, keyof FirstLayerOptions>>
  }

  /** The values of an array. */
  protected abstract flatten(inputs: Strings | TensorLike): Flat<T>

  /** An array of terms. */
  protected abstract terms(flat: Flat<T>): unknown

  /** The positions before the terms: that of the mask, and those of values out of the vocabulary. */
  #specials(): readonly (T | null)[] {
    const { maskToken, oovToken, numOovIndices } = this.given
    const mask = maskToken !== null && this.#mode === 'int' ? [maskToken] : []
    return [...mask, ...Array.from({ length: numOovIndices }, () => oovToken)]
  }

  /** The terms by position; without the mask and what is out of the vocabulary if `includeSpecialTokens` is false. */
  getVocabulary(options?: { readonly includeSpecialTokens?: boolean }): T[] {
    const { includeSpecialTokens } = optionsOf('getVocabulary', options, { includeSpecialTokens: true })
    return [...(includeSpecialTokens ? (this.#specials() as readonly T[]) : []), ...(this.#terms ?? [])]
  }

  /** The number of positions. */
  vocabularySize(): number {
    return this.#specials().length + (this.#terms?.length ?? 0)
  }

  /** Replaces the vocabulary; the mask and `oovToken` may come first, as {@link getVocabulary} gives them. */
  setVocabulary(vocabulary: readonly T[], idfWeights: readonly number[] | null = null): void {
    const kind = this.constructor.name
    const { maxTokens, maskToken, oovToken, invert } = this.given
    const specials = this.#specials()
    const whole = specials.length > 0 && specials.every((term, i) => term === vocabulary[i])
    const terms = whole ? vocabulary.slice(specials.length) : vocabulary
    if (vocabulary.length === 0) throw new ValueError(`${kind}: the vocabulary is empty`)
    if (new Set(terms).size < terms.length) {
      const repeated = terms.find((term, i) => terms.indexOf(term) !== i)
      throw new ValueError(`${kind}: the vocabulary holds ${JSON.stringify(repeated)} twice`, { repeated })
    }
    const misplaced = [maskToken, invert ? oovToken : null].find((term) => term !== null && terms.includes(term))
    if (misplaced !== undefined && misplaced !== null)
      throw new ValueError(
        `${kind}: the vocabulary holds the reserved ${JSON.stringify(misplaced)}: leave it out, or begin with ${JSON.stringify(specials)}`,
      )
    if (maxTokens !== null && specials.length + terms.length > maxTokens)
      throw new ValueError(`${kind}: a vocabulary of ${specials.length + terms.length} positions, maxTokens is ${maxTokens}`)
    if (this.#mode === 'tfIdf') {
      if (idfWeights?.length !== vocabulary.length)
        throw new ValueError(`${kind}: ${idfWeights?.length ?? 'no'} idfWeights for a vocabulary of ${vocabulary.length}`)
      this.#weights = whole ? idfWeights : this.#weighted(idfWeights)
    } else if (idfWeights) throw new ValueError(`${kind}: idfWeights are for outputMode 'tfIdf', not '${this.#mode}'`)
    this.#keep(terms)
    this.#given = { vocabulary, idfWeights }
  }

  /** @internal The weight of each position with `'tfIdf'`, as Keras keeps them in files. */
  get positionWeights(): Float32Array | undefined {
    const weights = this.#weights
    return weights && Float32Array.from({ length: this.#depth() ?? 0 }, (_, i) => weights[i] ?? 0)
  }

  #keep(terms: readonly T[]): void {
    const first = this.#specials().length
    this.#terms = terms
    this.#positions = new Map(terms.map((term, i) => [term, first + i]))
    this.changed()
  }

  /** The weights of all positions: what is out of the vocabulary has the mean. */
  #weighted(weights: readonly number[]): readonly number[] {
    const mean = weights.reduce((a, b) => a + b, 0) / weights.length
    return [...this.#specials().map(() => mean), ...weights]
  }

  /** Learns the vocabulary: the most frequent values of an array, or of an iterable's arrays. Each row is a document. */
  adapt(data: Strings | TensorLike | Iterable<Strings | TensorLike>): void {
    const batches =
      !Array.isArray(data) &&
      typeof data === 'object' &&
      !(data instanceof Tensor) &&
      !ArrayBuffer.isView(data) &&
      Symbol.iterator in data
    if (!batches) return this.learn(documents(this.flatten(data as Strings | TensorLike), false))
    this.learn(Array.from(data as Iterable<Strings | TensorLike>, (batch) => documents(this.flatten(batch), true)).flat())
  }

  /** @internal Learns the vocabulary of documents. */
  learn(all: readonly (readonly T[])[]): void {
    const { vocabulary, maxTokens, maskToken, oovToken } = this.given
    const kind = this.constructor.name
    if (vocabulary !== null) throw new ValueError(`${kind}: a vocabulary was given, there is nothing to adapt`)
    const { terms, documentCounts } = frequentTerms(all, [maskToken, oovToken])
    if (maxTokens !== null) terms.length = Math.min(terms.length, Math.max(0, maxTokens - this.#specials().length))
    if (this.#mode === 'tfIdf')
      this.#weights = this.#weighted(terms.map((term) => Math.log(1 + all.length / (1 + documentCounts.get(term)!))))
    this.#keep(terms)
  }

  /** @internal The positions of values; -1 for the mask where it has none. */
  positions(values: readonly T[]): number[] {
    const { maskToken, numOovIndices, oovMethod } = this.given
    const mask = maskToken !== null && this.#mode === 'int' ? 1 : 0
    const outside = (value: T): number => {
      if (numOovIndices === 0)
        throw new ValueError(
          `${this.constructor.name}: ${JSON.stringify(value)} is not in the vocabulary, and numOovIndices is 0`,
          { value },
        )
      if (numOovIndices === 1) return 0
      if (typeof value === 'number' && oovMethod === 'floormod') return ((value % numOovIndices) + numOovIndices) % numOovIndices
      return bin(String(value), numOovIndices, this.#salt)
    }
    return values.map((value) => {
      if (maskToken !== null && value === maskToken) return mask - 1
      return this.#positions.get(value) ?? mask + outside(value)
    })
  }

  /** @internal Positions as the output mode has them. */
  encoded(positions: readonly number[], shape: Shape): Tensor {
    if (this.#mode === 'int') return integers(positions, shape)
    const depth = this.#depth()
    if (!this.#terms || depth === null)
      throw new ValueError(`${this.constructor.name}: give a vocabulary, or call adapt with data first`)
    return this.#weigh(encodeNumbers(positions, shape, this.#mode === 'tfIdf' ? 'count' : this.#mode, depth))
  }

  /** {@link encoded} for positions in a tensor, by ops. */
  protected encodedByOps(positions: Tensor): Tensor {
    if (this.#mode === 'int') return positions
    return this.#weigh(encode(positions, this.#mode === 'tfIdf' ? 'count' : this.#mode, this.#depth()!))
  }

  #weigh(y: Tensor): Tensor {
    if (this.#mode !== 'tfIdf') return y
    return y.mul(tensor(Float32Array.from({ length: y.shape.at(-1)! }, (_, i) => this.#weights![i] ?? 0)))
  }

  #depth(): number | null {
    if (this.given.padToMaxTokens) return this.given.maxTokens
    return this.#terms ? this.vocabularySize() : this.expectedSize
  }

  protected compute(inputs: Strings | Tensor): any {
    const { invert, oovToken } = this.given
    if (!invert) {
      const { values, shape } = this.flatten(inputs)
      return this.encoded(this.positions(values), shape)
    }
    const { values, shape } = flattenNumbers(inputs as Tensor)
    const all = this.getVocabulary()
    return this.terms({ values: values.map((at) => all[at] ?? oovToken), shape })
  }

  override computeOutputDType(): DType {
    return this.#mode === 'int' ? 'int32' : 'float32'
  }

  override computeOutputShape(inputShape: SymbolicShape): SymbolicShape {
    return encodedShape(inputShape, this.#mode === 'tfIdf' ? 'count' : this.#mode, this.#depth())
  }

  /** With the learned vocabulary, so that a layer made from it need not be adapted. */
  override getConfig(): LayerConfig {
    const { maskToken, oovToken } = this.given
    return {
      ...super.getConfig(),
      mask_token: maskToken,
      oov_token: oovToken,
      vocabulary: this.#given?.vocabulary ?? this.#terms ?? null,
      idf_weights: this.#given ? this.#given.idfWeights : (this.#weights?.slice(this.#specials().length) ?? null),
      vocabulary_size: this.#terms ? this.vocabularySize() : null,
    }
  }
}

/** Defaults of all lookups. */
export const common = {
  maxTokens: null,
  numOovIndices: 1,
  maskToken: null,
  vocabulary: null,
  idfWeights: null,
  invert: false,
  outputMode: 'int',
  padToMaxTokens: false,
  oovMethod: 'floormod',
  salt: null,
} as const
