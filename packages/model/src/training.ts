import type { LossLike, Metric, MetricLike } from '@typegrad/losses'
import { resolveOptimizer, type Optimizer, type OptimizerLike } from '@typegrad/optim'
import type { Tensor } from '@typegrad/tensor'
import { CompiledLoss, CompiledMetrics, type PerOutput } from './compiled.ts'
import { anonymous } from './network.ts'
import type { Batch } from './rows.ts'

export interface CompileOptions {
  /** @defaultValue `'rmsprop'` */
  readonly optimizer?: OptimizerLike
  /** A loss for the output, or one for each output, by position or by name. A model whose layers add losses, or with a step of its own, needs none. */
  readonly loss?: PerOutput<LossLike> | null
  /** How much the loss of each output counts. */
  readonly lossWeights?: PerOutput<number>
  /** Figures to watch. They ignore sample weights. */
  readonly metrics?: PerOutput<MetricLike | readonly MetricLike[]> | readonly MetricLike[]
  /** Figures to watch that count sample weights. */
  readonly weightedMetrics?: PerOutput<MetricLike | readonly MetricLike[]> | readonly MetricLike[]
  /**
   * Runs steps as compiled programs where the backend has them: the step runs once, is recorded, and from then on its ops are
   * done again; what it does beside them is not. @defaultValue `true`, but for a step (`trainStep` …) of your own
   */
  readonly jit?: boolean
  /**
   * The backend that `fit`, `evaluate` and `predict` compute on: `'gpu'` (import `@typegrad/gpu` for it), `'auto'` (the gpu where there
   * is one), `'wasm'` or `'cpu'`. It is started if need be, and nothing else is computed there. @defaultValue the current backend
   */
  readonly device?: string
}

/** What `compile` made of its options: how a model is trained. */
export class Training {
  readonly options: CompileOptions
  readonly optimizer: Optimizer
  readonly loss: CompiledLoss
  readonly #metrics: CompiledMetrics
  readonly #weightedMetrics: CompiledMetrics
  /** The outputs that neither a loss nor a metric compares with anything. */
  readonly uncompared: readonly string[]

  /** The outputs have these names. */
  constructor(options: CompileOptions, outputs: readonly string[]) {
    const { optimizer = 'rmsprop', loss, lossWeights, metrics, weightedMetrics } = options
    this.options = options
    this.optimizer = resolveOptimizer(optimizer)
    this.loss = new CompiledLoss(loss, lossWeights, outputs)
    this.#metrics = new CompiledMetrics(metrics, outputs)
    this.#weightedMetrics = new CompiledMetrics(weightedMetrics, outputs, this.#metrics)
    const parts = [this.loss, this.#metrics, this.#weightedMetrics]
    this.uncompared = outputs.filter((_, i) => !parts.some((part) => part.compares(i)))
  }

  /** The loss and the metrics, in the order of the logs. */
  get metrics(): Metric[] {
    return [...this.loss.metrics, ...this.#metrics.metrics, ...this.#weightedMetrics.metrics]
  }

  /** Takes a batch into all of them. */
  track({ x, y, sampleWeight }: Batch, yPred: readonly Tensor[], loss: Tensor): void {
    this.loss.track(loss, x[0].shape[0])
    this.#metrics.update(y, yPred, sampleWeight)
    this.#weightedMetrics.update(y, yPred, sampleWeight)
  }
}

/** Outputs that nothing else names: by the keys of their losses, or numbered as in Keras. */
export function namesByLoss(loss: CompileOptions['loss']): readonly string[] {
  if (loss === undefined || loss === null) return anonymous
  if (Array.isArray(loss)) return loss.map((_, i) => `output_${i + 1}`)
  const named = typeof loss === 'object' && Object.getPrototypeOf(loss) === Object.prototype && !('class_name' in loss)
  return named ? Object.keys(loss) : ['y']
}
