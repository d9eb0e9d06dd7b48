/** Texts as the positions of their words in a vocabulary. */
import { ValueError, type DType, type Tensor } from '@typegrad/tensor'
import type { FirstLayerOptions } from '../core.ts'
import type { Defaults, LayerConfig } from '../layer-config.ts'
import type { Symbolic } from '../layer.ts'
import type { SymbolicShape, SymbolicTensor } from '../symbolic.ts'
import { option, type EncodingMode } from './encode.ts'
import type { LookupMode } from './lookup.ts'
import { StringLookup } from './string-lookup.ts'
import { StringLayer } from './string-layer.ts'
import { flattenStrings, type Strings } from './strings.ts'

type Standardize = 'lowerAndStripPunctuation' | 'lower' | 'stripPunctuation' | 'lower_and_strip_punctuation' | 'strip_punctuation'

export interface TextVectorizationOptions extends FirstLayerOptions {
  /** The largest size of a learned vocabulary, with padding and unknown words. @defaultValue `null`, none */
  readonly maxTokens?: number | null
  /**
   * What is done to a text first: `lower` lowers A–Z, `stripPunctuation` drops ASCII's punctuation. For other alphabets give a
   * function such as `(text) => text.toLowerCase()`. @defaultValue `'lowerAndStripPunctuation'`
   */
  readonly standardize?: Standardize | ((text: string) => string) | null
  /** How a text falls into words; `null`: it is one. @defaultValue `'whitespace'` */
  readonly split?: 'whitespace' | 'character' | ((text: string) => readonly string[]) | null
  /** Joins neighbouring words: up to so many, or these numbers of them. @defaultValue `null` */
  readonly ngrams?: number | readonly number[] | null
  /** @defaultValue `'int'` */
  readonly outputMode?: 'int' | EncodingMode | 'tfIdf' | 'tf_idf'
  /** With `'int'`: the length to which positions are cut or padded with 0. @defaultValue `null`, the longest of a batch */
  readonly outputSequenceLength?: number | null
  /** Whether vectors have length `maxTokens`, however small the vocabulary is. @defaultValue `false` */
  readonly padToMaxTokens?: boolean
  /** In place of `adapt`. */
  readonly vocabulary?: readonly string[] | null
  /** The weight of each word of `vocabulary`, for `'tfIdf'`. */
  readonly idfWeights?: readonly number[] | null
  /** Strings are Unicode here; accepted for configs of Keras. @defaultValue `'utf-8'` */
  readonly encoding?: string
}

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
const strip = (text: string): string => text.replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, '')

const standardizers = {
  lower,
  stripPunctuation: strip,
  lowerAndStripPunctuation: (text: string): string => strip(lower(text)),
} as const

const splitters = {
  whitespace: (text: string): string[] => text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== ''),
  character: (text: string): string[] => Array.from(text),
} as const

/** An option that names a function, or is one. */
function functionOf<F>(name: string, given: string | F | null, table: Readonly<Record<string, F>>): F | undefined {
  if (given === null) return undefined
  return typeof given === 'string' ? table[option('TextVectorization', name, given, Object.keys(table))] : given
}

/** Texts as the positions of their words in a vocabulary, 0 being padding and 1 an unknown word; or as vectors of counts. */
export class TextVectorization extends StringLayer<TextVectorizationOptions> {
  static override readonly defaults = {
    maxTokens: null,
    standardize: 'lowerAndStripPunctuation',
    split: 'whitespace',
    ngrams: null,
    outputMode: 'int',
    outputSequenceLength: null,
    padToMaxTokens: false,
    vocabulary: null,
    idfWeights: null,
    encoding: 'utf-8',
  } satisfies Defaults<TextVectorizationOptions>
  static override readonly fixed = { sparse: false, ragged: false }
  readonly #lookup: StringLookup
  readonly #standardize: ((text: string) => string) | undefined
  readonly #split: ((text: string) => readonly string[]) | undefined
  readonly #ngrams: readonly number[] | undefined

  constructor(options: TextVectorizationOptions = {}) {
    super(options)
    const { maxTokens, standardize, split, ngrams, outputMode, outputSequenceLength: length, ...rest } = this.options
    this.#standardize = functionOf<(text: string) => string>('standardize', standardize, standardizers)
    this.#split = functionOf<(text: string) => readonly string[]>('split', split, splitters)
    this.#ngrams = typeof ngrams === 'number' ? Array.from({ length: ngrams }, (_, i) => i + 1) : (ngrams ?? undefined)
    if (this.#ngrams && !(this.#ngrams.length > 0 && this.#ngrams.every((n) => Number.isInteger(n) && n > 0)))
      throw new ValueError(`TextVectorization: ngrams must be a positive integer or several, got ${JSON.stringify(ngrams)}`, {
        ngrams,
      })
    if (length !== null && !(Number.isInteger(length) && length > 0 && outputMode === 'int')) {
      throw new ValueError(
        `TextVectorization: outputSequenceLength must be a positive integer, and is for outputMode 'int', got ${length} and '${outputMode}'`,
        { outputSequenceLength: length },
      )
    }
    const { padToMaxTokens, vocabulary, idfWeights } = rest
    const mode: LookupMode = outputMode
    this.#lookup = new StringLookup({
      name: this.name,
      maxTokens,
      outputMode: mode,
      padToMaxTokens,
      vocabulary,
      idfWeights,
      maskToken: '',
    })
  }

  /** Learns the vocabulary: the most frequent words of texts, or of an iterable's texts. */
  adapt(data: Strings | Iterable<Strings>): void {
    const batches = typeof data === 'string' || Array.isArray(data) ? [data as Strings] : Array.from(data as Iterable<Strings>)
    this.#lookup.learn(batches.flatMap((batch) => this.#words(batch).rows))
  }

  /** The words by position; without padding and the unknown word if `includeSpecialTokens` is false. */
  getVocabulary(options?: { readonly includeSpecialTokens?: boolean }): string[] {
    return this.#lookup.getVocabulary(options)
  }

  /** @internal */
  get positionWeights(): Float32Array | undefined {
    return this.#lookup.positionWeights
  }

  /** The number of positions. */
  vocabularySize(): number {
    return this.#lookup.vocabularySize()
  }

  /** Replaces the vocabulary. */
  setVocabulary(vocabulary: readonly string[], idfWeights: readonly number[] | null = null): void {
    this.#lookup.setVocabulary(vocabulary, idfWeights)
  }

  /** The words of each text, and whether texts were arrays of one axis that were not split. */
  #words(texts: Strings): { rows: readonly (readonly string[])[]; flat: boolean } {
    const { values, shape } = flattenStrings(texts, 'TextVectorization')
    const standard = this.#standardize ? values.map(this.#standardize) : values
    const last = shape.length > 1 ? shape.at(-1)! : 1
    if (this.#split) {
      if (shape.length > 2 || last !== 1)
        throw new ValueError(`TextVectorization: texts [${shape.join(', ')}], expected [batch] or [batch, 1]`, { shape })
      return { rows: standard.map((text) => this.#joined(this.#split!(text))), flat: false }
    }
    const rows = Array.from({ length: standard.length / Math.max(1, last) }, (_, i) => standard.slice(i * last, (i + 1) * last))
    return { rows: rows.map((row) => this.#joined(row)), flat: shape.length < 2 }
  }

  /** The words, or in their place all runs of n neighbours, for each n. */
  #joined(words: readonly string[]): readonly string[] {
    return (
      this.#ngrams?.flatMap((n) =>
        Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(' ')),
      ) ?? words
    )
  }

  protected compute(texts: Strings | Tensor): Tensor {
    const { rows, flat } = this.#words(texts as Strings)
    const int = this.options.outputMode === 'int'
    const length = this.options.outputSequenceLength ?? rows.reduce((most, row) => Math.max(most, row.length), 0)
    // Padding is position 0, and no word to be counted.
    const padding = int ? 0 : -1
    const positions = rows.flatMap((row) => {
      const found = this.#lookup.positions(row.slice(0, length))
      return [...found, ...Array.from({ length: length - found.length }, () => padding)]
    })
    const shape = flat && int && this.options.outputSequenceLength === null ? [rows.length] : [rows.length, length]
    return this.#lookup.encoded(positions, shape)
  }

  /** The positions of the words of `[batch]` texts, `[batch, length]`; or their vectors. */
  override apply(texts: Strings): Tensor
  override apply(texts: SymbolicTensor): Symbolic<Tensor>
  override apply(texts: any): any
  override apply(texts: any): any {
    return super.apply(texts as Strings)
  }

  override computeOutputDType(): DType {
    return this.#lookup.computeOutputDType()
  }

  override computeOutputShape([batch]: SymbolicShape): SymbolicShape {
    this.#lookup.expectedSize = this.expectedSize
    if (this.options.outputMode === 'int') return [batch, this.options.outputSequenceLength]
    return this.#lookup.computeOutputShape([batch, null])
  }

  /** With the learned vocabulary, so that a layer made from it need not be adapted. */
  override getConfig(): LayerConfig {
    const { vocabulary, idf_weights: weights, vocabulary_size: size } = this.#lookup.getConfig()
    return { ...super.getConfig(), vocabulary, idf_weights: weights, vocabulary_size: size }
  }
}
