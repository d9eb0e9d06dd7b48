/** The losses as metrics: their mean over all samples. */
import type { TensorLike } from '@typegrad/tensor'
import * as crossentropy from '../crossentropy.ts'
import * as hinges from '../hinge.ts'
import type { Loss } from '../loss.ts'
import * as probabilistic from '../probabilistic.ts'
import * as regression from '../regression.ts'
import { maskWeights } from '../weights.ts'
import { Mean, Metric, read, readWeights, type MetricOptions } from './metric.ts'

/** The mean of a loss, whose options it takes. */
abstract class MeanOfLoss<O extends MetricOptions = MetricOptions> extends Mean<O> {
  static readonly loss: new (options: any) => Loss<any>
  static override readonly direction: 'up' | 'down' | undefined = 'down'
  readonly #loss: Loss

  constructor(options: O = {} as O) {
    super(options)
    const { dtype, ...shared } = this.options
    void dtype
    this.#loss = new new.target.loss({ ...shared, name: this.name })
  }

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null): void {
    const { values, counted } = this.#loss.samples(read(yTrue), read(yPred))
    const weights = readWeights(sampleWeight)
    // As in Keras, samples that do not count are left out of the weights, if there are any, and else are zeros.
    this.add(values, weights && counted ? maskWeights(counted, values.dtype, { sampleWeight: weights }) : weights)
  }
}

/** `mean((yTrue - yPred)²)`. */
export class MeanSquaredError extends MeanOfLoss {
  static override readonly loss = regression.MeanSquaredError
}

/** `mean(|yTrue - yPred|)`. */
export class MeanAbsoluteError extends MeanOfLoss {
  static override readonly loss = regression.MeanAbsoluteError
}

/** `100 · mean(|yTrue - yPred| / |yTrue|)`. */
export class MeanAbsolutePercentageError extends MeanOfLoss {
  static override readonly loss = regression.MeanAbsolutePercentageError
}

/** `mean((log(1 + yTrue) - log(1 + yPred))²)`. */
export class MeanSquaredLogarithmicError extends MeanOfLoss {
  static override readonly loss = regression.MeanSquaredLogarithmicError
}

/** The mean of `log(cosh(e))`, logged as `logcosh`. */
export class LogCoshError extends MeanOfLoss {
  static override readonly loss = regression.LogCosh

  constructor(options: MetricOptions = {}) {
    super({ name: 'logcosh', ...options })
  }
}

/** The mean of `max(1 - y · p, 0)` for targets -1 and 1 (or 0 and 1). */
export class Hinge extends MeanOfLoss {
  static override readonly loss = hinges.Hinge
}

/** The mean of `max(1 - y · p, 0)²` for targets -1 and 1 (or 0 and 1). */
export class SquaredHinge extends MeanOfLoss {
  static override readonly loss = hinges.SquaredHinge
}

/** The mean of `max(max((1 - y) · p) - Σ y · p + 1, 0)` for one-hot targets. */
export class CategoricalHinge extends MeanOfLoss {
  static override readonly loss = hinges.CategoricalHinge
}

/** The mean of `Σ y · log(y / p)`. */
export class KLDivergence extends MeanOfLoss {
  static override readonly loss = probabilistic.KLDivergence
  static override readonly direction = undefined
}

/** The mean of `p - y · log(p)`. */
export class Poisson extends MeanOfLoss {
  static override readonly loss = probabilistic.Poisson
  static override readonly direction = undefined
}

type OptionsOf<O> = Omit<O, 'reduction'> & MetricOptions

/** The mean of `-y · log(p) - (1 - y) · log(1 - p)`. */
export class BinaryCrossentropy extends MeanOfLoss<OptionsOf<Omit<crossentropy.CrossentropyOptions, 'axis'>>> {
  static override readonly loss = crossentropy.BinaryCrossentropy
  static override readonly defaults = { ...Metric.defaults, fromLogits: false, labelSmoothing: 0 }
}

/** The mean of `-Σ y · log(p)` for one-hot targets. */
export class CategoricalCrossentropy extends MeanOfLoss<OptionsOf<crossentropy.CrossentropyOptions>> {
  static override readonly loss = crossentropy.CategoricalCrossentropy
  static override readonly defaults = { ...BinaryCrossentropy.defaults, axis: -1 }
}

/** The mean of `-log(p[y])` for class numbers. */
export class SparseCategoricalCrossentropy extends MeanOfLoss<OptionsOf<crossentropy.SparseCrossentropyOptions>> {
  static override readonly loss = crossentropy.SparseCategoricalCrossentropy
  static override readonly defaults = { ...Metric.defaults, fromLogits: false, ignoreClass: null, axis: -1 }
}
