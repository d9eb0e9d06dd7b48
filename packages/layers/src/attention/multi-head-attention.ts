import { einsum, formatShape, ShapeError, ValueError, type random, type Tensor } from '@typegrad/tensor'
import { dropped, type FirstLayerOptions } from '../core.ts'
import type { ConstraintLike } from '../constraints.ts'
import type { InitializerLike } from '../initializers.ts'
import type { RegularizerLike } from '../regularizers.ts'
import { required, type Defaults, type LayerConfig } from '../layer-config.ts'
import { Layer, positiveInteger, type CallOptions, type OneOrSeveral } from '../layer.ts'
import type { Mask } from '../masks.ts'
import { uniqueName } from '../names.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { EinsumDense } from './einsum-dense.ts'
import { maskedSoftmax, masksOf, multiHeadMask, type MultiHeadContext } from './masks.ts'

interface ProjectionOptions extends FirstLayerOptions {
  /** The share of attention weights that are dropped in training. @defaultValue `0` */
  readonly dropout?: number
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
  readonly seed?: number | null
}

const projectionDefaults = {
  dropout: 0,
  useBias: true,
  kernelInitializer: 'glorotUniform',
  biasInitializer: 'zeros',
  kernelRegularizer: null,
  biasRegularizer: null,
  activityRegularizer: null,
  kernelConstraint: null,
  biasConstraint: null,
  seed: null,
} as const

/** What attention with heads has in common: projections of query, key, value and result, masks and dropout. */
abstract class HeadAttention<O extends ProjectionOptions> extends Layer<O, OneOrSeveral, MultiHeadContext> {
  static override readonly fixed = { use_gate: false, sliding_window: null }
  static override readonly separateInputs = true
  queryDense!: EinsumDense
  keyDense!: EinsumDense
  valueDense!: EinsumDense
  outputDense!: EinsumDense
  readonly #generator: random.Generator | undefined

  constructor(options: O) {
    super(options)
    this.supportsMasking = true
    const { dropout, seed } = this.#settings
    if (!(dropout >= 0 && dropout <= 1))
      throw new ValueError(`${new.target.name}: dropout must lie in [0, 1], got ${dropout}`, { dropout })
    this.#generator = this.seeded(seed)
  }

  get #settings(): Required<ProjectionOptions> {
    return this.options as unknown as Required<ProjectionOptions>
  }

  /** A projection by an equation, built. */
  protected projection(
    name: string,
    equation: string,
    outputShape: SymbolicShape,
    biasAxes: string,
    inputShape: SymbolicShape,
  ): EinsumDense {
    const { useBias, kernelInitializer, biasInitializer, ...options } = this.#settings
    const dense = new EinsumDense({
      name,
      dtype: this.dtype,
      equation,
      outputShape,
      biasAxes: useBias ? biasAxes : null,
      kernelInitializer,
      biasInitializer,
      kernelRegularizer: options.kernelRegularizer,
      biasRegularizer: options.biasRegularizer,
      kernelConstraint: options.kernelConstraint,
      biasConstraint: options.biasConstraint,
      activityRegularizer: options.activityRegularizer ?? null,
    })
    dense.buildFor(inputShape)
    return dense
  }

  /** The shapes of query, value and key. */
  protected shapes(inputShapes: readonly SymbolicShape[]): [query: SymbolicShape, value: SymbolicShape, key: SymbolicShape] {
    if (!Array.isArray(inputShapes[0]) || inputShapes.length < 2 || inputShapes.length > 3) {
      throw new ShapeError(
        `${this.constructor.name}: called on ${Array.isArray(inputShapes[0]) ? inputShapes.length : 'one'} input, expected a list: [query, value] or [query, value, key]`,
      )
    }
    const [query, value, key = value] = inputShapes
    if (formatShape(value.slice(1, -1)) !== formatShape(key.slice(1, -1))) {
      throw new ShapeError(
        `${this.constructor.name}: value ${formatShape(value)} and key ${formatShape(key)}, all axes but the first and the last must agree`,
        { value, key },
      )
    }
    return [query, value, key]
  }

  /** Weights after dropout, in training. */
  protected drop(weights: Tensor, training: boolean): Tensor {
    const { dropout } = this.#settings
    return training && dropout > 0 ? dropped(weights, dropout, { generator: this.#generator }) : weights
  }

  override computeMask(_inputs: readonly Tensor[], mask: Mask | undefined): Mask | undefined {
    return masksOf(mask)[0]
  }

  override getBuildConfig(): LayerConfig | undefined {
    if (!this.builtShape) return undefined
    const [query, value, key] = this.builtShape as readonly SymbolicShape[]
    return { shapes_dict: { query_shape: query, value_shape: value, ...(key && { key_shape: key }) } }
  }
}

export interface MultiHeadAttentionOptions extends ProjectionOptions {
  readonly numHeads: number
  /** The length of a head's queries and keys. */
  readonly keyDim: number
  /** The length of a head's values. @defaultValue `keyDim` */
  readonly valueDim?: number | null
  /** The lengths of the result's last axes. @defaultValue the query's last axis */
  readonly outputShape?: number | readonly number[] | null
  /** The axes that attention goes over. @defaultValue all but the batch and the features */
  readonly attentionAxes?: number | readonly number[] | null
}

/**
 * Multi-head attention (Vaswani et al., 2017), called on `[query, value]` or `[query, value, key]`, each `[batch, steps, dim]`: for
 * every head `softmax(q · k / √keyDim) · v` of projections of its own, and a projection of all heads' results. Masks of the inputs
 * are heeded; a query step that may attend to nothing gets 0 from every head.
 */
export class MultiHeadAttention extends HeadAttention<MultiHeadAttentionOptions> {
  static override readonly defaults = {
    numHeads: required,
    keyDim: required,
    valueDim: null,
    outputShape: null,
    attentionAxes: null,
    ...projectionDefaults,
  } satisfies Defaults<MultiHeadAttentionOptions>
  #axes: readonly number[] = []
  #scoreEquation = ''
  #resultEquation = ''

  constructor(options: MultiHeadAttentionOptions) {
    const { keyDim, valueDim, outputShape, attentionAxes } = options
    super({
      ...options,
      valueDim: valueDim ?? keyDim,
      outputShape: typeof outputShape === 'number' ? [outputShape] : (outputShape ?? null),
      attentionAxes: typeof attentionAxes === 'number' ? [attentionAxes] : (attentionAxes ?? null),
    })
    for (const option of ['numHeads', 'keyDim', 'valueDim'] as const)
      positiveInteger(this.options[option], 'MultiHeadAttention', option)
  }

  override build(inputShapes: readonly SymbolicShape[]): void {
    const { numHeads, keyDim, attentionAxes } = this.options
    const valueDim = this.options.valueDim!
    const [query, value, key] = this.shapes(inputShapes)
    const heads = (name: string, shape: SymbolicShape, length: number): EinsumDense => {
      const free = alphabet(shape.length - 1)
      const [features, head, dim] = alphabet(3, shape.length - 1)
      const equation = `${free}${features},${features}${head}${dim}->${free}${head}${dim}`
      return this.projection(name, equation, [...shape.slice(1, -1).map(() => null), numHeads, length], head + dim, shape)
    }
    this.queryDense = heads('query', query, keyDim)
    this.keyDense = heads('key', key, keyDim)
    this.valueDense = heads('value', value, valueDim)

    // Of a projected tensor: batch, further axes, heads, features.
    const rank = query.length + 1
    const all = Array.from({ length: Math.max(0, rank - 3) }, (_, i) => i + 1)
    this.#axes = (attentionAxes as readonly number[] | null)?.map((axis) => (axis < 0 ? axis + rank - 1 : axis)) ?? all
    this.#equations(rank)

    const output = this.#outputLengths(query)
    const free = alphabet(query.length - 1)
    const [head, dim] = alphabet(2, query.length - 1)
    const result = alphabet(output.length, query.length + 1)
    const lengths = [...query.slice(1, -1).map(() => null), ...output]
    const equation = `${free}${head}${dim},${head}${dim}${result}->${free}${result}`
    this.outputDense = this.projection('attention_output', equation, lengths, result, [...query.slice(0, -1), numHeads, valueDim])
  }

  /** How queries and keys are multiplied, and weights and values. */
  #equations(rank: number): void {
    const queries = alphabet(rank).split('')
    const attended = alphabet(this.#axes.length, rank)
    const values = queries.map((letter, axis) => (this.#axes.includes(axis) ? attended[this.#axes.indexOf(axis)] : letter))
    const batch = queries.filter((_, axis) => !this.#axes.includes(axis) && axis !== rank - 1)
    const scores = [...batch, ...this.#axes.map((axis) => queries[axis])].join('') + attended
    this.#scoreEquation = `${queries.join('')},${values.join('')}->${scores}`
    this.#resultEquation = `${scores},${values.join('')}->${queries.join('')}`
  }

  #outputLengths(query: SymbolicShape): readonly number[] {
    const { outputShape } = this.options
    return (outputShape as readonly number[] | null) ?? [query.at(-1)!]
  }

  call(inputs: readonly Tensor[], context: MultiHeadContext): OneOrSeveral {
    const [query, value, key = value] = inputs
    const q = this.queryDense.apply(query).mul(1 / Math.sqrt(this.options.keyDim))
    const k = this.keyDense.apply(key)
    const v = this.valueDense.apply(value)
    const scores = einsum(this.#scoreEquation, q, k)
    const mask = multiHeadMask(inputs, this.#axes, context)
    const weights = maskedSoftmax(scores, mask, this.#axes.length)
    const y = this.outputDense.apply(einsum(this.#resultEquation, this.drop(weights, context.training), v))
    return (context.returnAttentionScores ? [y, weights] : y) as OneOrSeveral
  }

  override computeOutputShape(
    inputShapes: readonly SymbolicShape[],
    { returnAttentionScores }: CallOptions<MultiHeadContext> = {},
  ): SymbolicShape | SymbolicShape[] {
    const [query, value] = this.shapes(inputShapes)
    const shape = [...query.slice(0, -1), ...this.#outputLengths(query)]
    if (!returnAttentionScores) return shape
    const attended = this.#axes
    const others = query.slice(0, -1).filter((_, axis) => !attended.includes(axis))
    return [
      shape,
      [...others, this.options.numHeads, ...attended.map((axis) => query[axis]), ...attended.map((axis) => value[axis])],
    ]
  }

  override getConfig(): LayerConfig {
    return { ...super.getConfig(), ...(this.built && { attention_axes: this.#axes }) }
  }
}

/** So many letters of the alphabet, after the first few. */
const alphabet = (count: number, from = 0): string => 'abcdefghijklmnopqrstuvwxyz'.slice(from, from + count)

export interface GroupQueryAttentionOptions extends ProjectionOptions {
  /** The length of a head. */
  readonly headDim: number
  readonly numQueryHeads: number
  /** The number of heads of keys and values, a divisor of `numQueryHeads`; each serves a group of query heads. */
  readonly numKeyValueHeads: number
}

/** Multi-head attention in which groups of query heads share a head of keys and values (Ainslie et al., 2023). */
export class GroupQueryAttention extends HeadAttention<GroupQueryAttentionOptions> {
  static override readonly defaults = {
    headDim: required,
    numQueryHeads: required,
    numKeyValueHeads: required,
    ...projectionDefaults,
  } satisfies Defaults<GroupQueryAttentionOptions>

  constructor(options: GroupQueryAttentionOptions) {
    super({ ...options, name: options.name ?? uniqueName('grouped_query_attention') })
    const { numQueryHeads, numKeyValueHeads } = this.options
    for (const option of ['headDim', 'numQueryHeads', 'numKeyValueHeads'] as const)
      positiveInteger(this.options[option], 'GroupQueryAttention', option)
    if (numQueryHeads % numKeyValueHeads !== 0) {
      throw new ValueError(
        `GroupQueryAttention: numQueryHeads ${numQueryHeads} must be a multiple of numKeyValueHeads ${numKeyValueHeads}`,
        { numQueryHeads, numKeyValueHeads },
      )
    }
  }

  override build(inputShapes: readonly SymbolicShape[]): void {
    const { headDim, numQueryHeads, numKeyValueHeads } = this.options
    const [query, value, key] = this.shapes(inputShapes)
    this.queryDense = this.projection('query', 'bqm,muh->bquh', [null, numQueryHeads, headDim], 'uh', query)
    this.keyDense = this.projection('key', 'bkm,mvh->bkvh', [null, numKeyValueHeads, headDim], 'vh', key)
    this.valueDense = this.projection('value', 'bkm,mvh->bkvh', [null, numKeyValueHeads, headDim], 'vh', value)
    const heads = [query[0], query[1], numQueryHeads, headDim]
    this.outputDense = this.projection('attention_output', 'bquh,uhm->bqm', [null, query.at(-1)!], 'm', heads)
  }

  call(inputs: readonly Tensor[], context: MultiHeadContext): OneOrSeveral {
    const { headDim, numQueryHeads, numKeyValueHeads } = this.options
    const [query, value, key = value] = inputs
    const [batch, queries] = query.shape
    const group = numQueryHeads / numKeyValueHeads
    // Query head u is number u % group of those that share key and value head ⌊u / group⌋.
    const q = this.queryDense
      .apply(query)
      .mul(1 / Math.sqrt(headDim))
      .reshape([batch, queries, numKeyValueHeads, group, headDim])
    const k = this.keyDense.apply(key)
    const v = this.valueDense.apply(value)
    const grouped = einsum('bqvgh,bkvh->bvgqk', q, k)
    const scores = grouped.reshape([batch, numQueryHeads, queries, value.shape[1]])
    const weights = maskedSoftmax(scores, multiHeadMask(inputs, [1], context))
    const kept = this.drop(weights, context.training).reshape(grouped.shape)
    const heads = einsum('bvgqk,bkvh->bqvgh', kept, v).reshape([batch, queries, numQueryHeads, headDim])
    const y = this.outputDense.apply(heads)
    return (context.returnAttentionScores ? [y, weights] : y) as OneOrSeveral
  }

  override computeOutputShape(
    inputShapes: readonly SymbolicShape[],
    { returnAttentionScores }: CallOptions<MultiHeadContext> = {},
  ): SymbolicShape | SymbolicShape[] {
    const [query, value] = this.shapes(inputShapes)
    return returnAttentionScores ? [query, [query[0], this.options.numQueryHeads, query[1], value[1]]] : query
  }
}
