import type { Tensor, TensorLike, Variable } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { confusion, thresholdsOf, type Counts, type Thresholds } from './confusion.ts'
import { accumulate, Metric, read, readWeights, type MetricOptions } from './metric.ts'

export interface ThresholdsOptions extends MetricOptions {
  /** Predictions above it are positive; several thresholds give several figures. @defaultValue `0.5` */
  readonly thresholds?: number | readonly number[] | null
}

/** The weighted count of one of the four cases. */
abstract class Count extends Metric<ThresholdsOptions> {
  static override readonly defaults = { ...Metric.defaults, thresholds: null } satisfies Defaults<ThresholdsOptions>
  readonly #thresholds: Thresholds
  readonly #count: Variable
  protected abstract readonly kind: keyof Counts

  constructor(options: ThresholdsOptions = {}) {
    super(options)
    this.#thresholds = thresholdsOf(new.target.name, this.options.thresholds)
    this.#count = this.addVariable('accumulator', [this.#thresholds.values.length])
  }

  updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const pair = [read(yTrue), read(yPred)] as const
    const counts = confusion(this.name, pair, this.#thresholds, { sampleWeight: readWeights(sampleWeight) })
    accumulate(this.#count, counts[this.kind])
  }

  result(): Tensor {
    return single(this.#count.value)
  }
}

/** The only element of a vector of one, else the vector. */
export const single = (x: Tensor): Tensor => (x.size === 1 ? x.reshape([]) : x)

/** How many (or with weights: how much) of what is true was predicted. */
export class TruePositives extends Count {
  protected readonly kind = 'truePositives'
}

/** How many of what is false was predicted. */
export class FalsePositives extends Count {
  protected readonly kind = 'falsePositives'
}

/** How many of what is false was not predicted. */
export class TrueNegatives extends Count {
  protected readonly kind = 'trueNegatives'
}

/** How many of what is true was not predicted. */
export class FalseNegatives extends Count {
  protected readonly kind = 'falseNegatives'
}
