/** The losses as metrics: their mean over all samples. */
import { toTensor, type Tensor, type TensorLike } from '@typegrad/tensor'
import * as crossentropy from '../crossentropy.ts'
import * as regression from '../regression.ts'
import type { Loss, LossOptions } from '../loss.ts'
import { Mean, type MetricOptions } from './metric.ts'

type MeanOfLoss<O extends LossOptions> = new (
  options?: Omit<O, 'reduction'> & MetricOptions,
) => Mean<Omit<O, 'reduction'> & MetricOptions>

/** The metric that averages a loss; takes the loss's options. */
function metricOf<O extends LossOptions>(Class: new (options?: O) => Loss<O>, className: string): MeanOfLoss<O> {
  const made = class extends Mean<Omit<O, 'reduction'> & MetricOptions> {
    readonly #loss = new Class({ ...this.options, reduction: 'none' } as unknown as O)

    override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike): void {
      this.add(this.#loss.apply(yTrue, yPred), sampleWeight)
    }
  }
  Object.defineProperty(made, 'name', { value: className })
  return made
}

export const MeanSquaredError = metricOf(regression.MeanSquaredError, 'MeanSquaredError')
export const MeanAbsoluteError = metricOf(regression.MeanAbsoluteError, 'MeanAbsoluteError')
export const MeanAbsolutePercentageError = metricOf(regression.MeanAbsolutePercentageError, 'MeanAbsolutePercentageError')
export const MeanSquaredLogarithmicError = metricOf(regression.MeanSquaredLogarithmicError, 'MeanSquaredLogarithmicError')
export const BinaryCrossentropy = metricOf(crossentropy.BinaryCrossentropy, 'BinaryCrossentropy')
export const CategoricalCrossentropy = metricOf(crossentropy.CategoricalCrossentropy, 'CategoricalCrossentropy')
export const SparseCategoricalCrossentropy = metricOf(crossentropy.SparseCategoricalCrossentropy, 'SparseCategoricalCrossentropy')

/** `√mean((yTrue - yPred)²)` over all elements. */
export class RootMeanSquaredError extends Mean {
  readonly #squares = new regression.MeanSquaredError({ reduction: 'none' })

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike): void {
    this.add(this.#squares.apply(toTensor(yTrue), yPred), sampleWeight)
  }

  override result(): Tensor {
    return super.result().sqrt()
  }
}
