import { ShapeError, ValueError, type random, type Tensor, type Variable } from '@typegrad/tensor'
import { dropped, type FirstLayerOptions } from '../core.ts'
import type { Defaults } from '../layer-config.ts'
import { Layer, type CallOptions, type OneOrSeveral } from '../layer.ts'
import type { Mask } from '../masks.ts'
import type { SymbolicShape } from '../symbolic.ts'
import { allOf, causalMask, maskedSoftmax, masksOf, type AttentionContext } from './masks.ts'

export interface AdditiveAttentionOptions extends FirstLayerOptions {
  /** A learned factor of the scores. @defaultValue `false`; `true` for AdditiveAttention */
  readonly useScale?: boolean
  /** The share of weights that are dropped in training. @defaultValue `0` */
  readonly dropout?: number
  readonly seed?: number | null
}

export interface AttentionOptions extends AdditiveAttentionOptions {
  /** `'dot'`: `q · k`; `'concat'`: `w · Σ tanh(q + k)` with a learned w. @defaultValue `'dot'` */
  readonly scoreMode?: 'dot' | 'concat'
}

/**
 * Attention of each query step to all value steps, called on `[query, value]` or `[query, value, key]`, each `[batch, steps, dim]`:
 * `softmax(score(query, key)) · value` (Luong et al., 2015). A value step that its mask leaves out has no weight, a query step that
 * its mask leaves out gives 0.
 */
export class Attention<O extends AdditiveAttentionOptions = AttentionOptions> extends Layer<O, OneOrSeveral, AttentionContext> {
  static override readonly defaults: Readonly<Record<string, unknown>> = {
    useScale: false,
    scoreMode: 'dot',
    dropout: 0,
    seed: null,
  } satisfies Defaults<AttentionOptions>
  scale?: Variable
  concatScoreWeight?: Variable
  readonly #generator: random.Generator | undefined

  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    this.supportsMasking = true
    const { scoreMode = 'dot', dropout, seed } = this.settings
    if (!['dot', 'concat'].includes(scoreMode)) {
      throw new ValueError(`${new.target.name}: scoreMode must be 'dot' or 'concat', got ${JSON.stringify(scoreMode)}`, {
        scoreMode,
      })
    }
    if (!(dropout >= 0 && dropout <= 1))
      throw new ValueError(`${new.target.name}: dropout must lie in [0, 1], got ${dropout}`, { dropout })
    this.#generator = this.seeded(seed)
  }

  protected get settings(): Required<AdditiveAttentionOptions> & Pick<AttentionOptions, 'scoreMode'> {
    return this.options as unknown as Required<AttentionOptions>
  }

  override build(shapes: readonly SymbolicShape[]): void {
    this.#check(shapes)
    if (this.settings.useScale) this.scale = this.addWeight([], { initializer: 'ones' })
    if (this.settings.scoreMode === 'concat') this.concatScoreWeight = this.addWeight([], { initializer: 'ones' })
  }

  #check(shapes: readonly SymbolicShape[]): void {
    if (!Array.isArray(shapes[0]) || shapes.length < 2 || shapes.length > 3)
      throw new ShapeError(
        `${this.constructor.name}: called on one input, expected a list: [query, value] or [query, value, key]`,
      )
  }

  /** `[batch, queries, values]`. */
  protected scores(query: Tensor, key: Tensor): Tensor {
    if (this.settings.scoreMode === 'dot') {
      const scores = query.matmul(key.swapaxes(-1, -2))
      return this.scale ? scores.mul(this.scale) : scores
    }
    const sum = query.expandDims(-2).add(key.expandDims(-3))
    return (this.scale ? sum.mul(this.scale) : sum).tanh().sum(-1).mul(this.concatScoreWeight!)
  }

  call(inputs: readonly Tensor[], { training, mask, returnAttentionScores, useCausalMask }: AttentionContext): OneOrSeveral {
    const [query, value, key = value] = inputs
    const [queryMask, valueMask] = masksOf(mask)
    const { dropout } = this.settings
    const scores = this.scores(query, key)
    const allowed = allOf(
      valueMask?.expandDims(-2),
      useCausalMask ? causalMask(scores.shape.at(-2)!, scores.shape.at(-1)!) : undefined,
    )
    const weights = maskedSoftmax(scores, allowed)
    const kept = training && dropout > 0 ? dropped(weights, dropout, { generator: this.#generator }) : weights
    const sum = kept.matmul(value)
    const y = queryMask ? queryMask.expandDims(-1).where(sum, 0) : sum
    return (returnAttentionScores ? [y, kept] : y) as OneOrSeveral
  }

  override computeMask(_inputs: readonly Tensor[], mask: Mask | undefined): Mask | undefined {
    return masksOf(mask)[0]
  }

  override computeOutputShape(
    [query, value]: readonly SymbolicShape[],
    { returnAttentionScores }: CallOptions<AttentionContext> = {},
  ): SymbolicShape | SymbolicShape[] {
    const shape = [...query.slice(0, -1), value.at(-1) ?? null]
    return returnAttentionScores ? [shape, [...query.slice(0, -1), value.at(-2) ?? null]] : shape
  }
}

/** Attention with the score `Σ scale · tanh(query + key)` (Bahdanau et al., 2015). */
export class AdditiveAttention extends Attention<AdditiveAttentionOptions> {
  static override readonly defaults = { useScale: true, dropout: 0, seed: null } satisfies Defaults<AdditiveAttentionOptions>

  override build(shapes: readonly SymbolicShape[]): void {
    const length = shapes[0].at(-1)
    if (typeof length !== 'number') throw new ShapeError('AdditiveAttention: the last axis of the query has no known length')
    if (this.settings.useScale) this.scale = this.addWeight([length])
  }

  protected override scores(query: Tensor, key: Tensor): Tensor {
    const sum = query.expandDims(-2).add(key.expandDims(-3)).tanh()
    return (this.scale ? sum.mul(this.scale) : sum).sum(-1)
  }
}
