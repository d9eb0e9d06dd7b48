import { snakeCase, tensor, toTensor, Variable, zeros, type Shape, type Tensor, type TensorLike } from '@typegrad/tensor'
import { weighted } from '../loss.ts'

export interface MetricOptions {
  readonly name?: string
}

/** A figure that is accumulated over batches: `updateState` for each batch, `result` any time, `resetState` to begin again. */
export abstract class Metric<O extends MetricOptions = MetricOptions> {
  readonly options: O
  name: string
  /** The accumulators, all zero at the beginning. */
  readonly variables: Variable[] = []

  constructor(options: O = {} as O) {
    this.options = options
    this.name = options.name ?? snakeCase(new.target.name)
  }

  /** Takes in one batch, each sample counted `sampleWeight` times. */
  abstract updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike): void

  /** The figure over all batches since the last reset. */
  abstract result(): Tensor

  resetState(): void {
    for (const variable of this.variables) variable.assign(zeros(variable.shape, { dtype: variable.dtype }))
  }

  protected addVariable(shape: Shape = []): Variable {
    const variable = new Variable(zeros(shape), { name: `${this.name}/${this.variables.length}`, trainable: false })
    this.variables.push(variable)
    return variable
  }
}

/** The weighted mean of values, `Σ w·v / Σ w`; 0 before the first one. */
export class Mean<O extends MetricOptions = MetricOptions> extends Metric<O> {
  readonly total: Variable = this.addVariable()
  readonly count: Variable = this.addVariable()

  updateState(values: TensorLike, _?: TensorLike, sampleWeight?: TensorLike): void {
    this.add(toTensor(values), sampleWeight)
  }

  protected add(values: Tensor, sampleWeight?: TensorLike): void {
    const numbers = values.cast('float32').stopGradient()
    if (sampleWeight === undefined) {
      this.total.assign(this.total.add(numbers.sum()))
      this.count.assign(this.count.add(values.size))
    } else {
      const [weights, aligned] = weighted(numbers, toTensor(sampleWeight).cast('float32'))
      this.total.assign(this.total.add(aligned.mul(weights).sum()))
      this.count.assign(this.count.add(weights.sum()))
    }
  }

  result(): Tensor {
    const count = this.count.value
    return count.equal(0).where(tensor(0), this.total.div(count))
  }
}

/** The mean of a function of targets and predictions. */
export abstract class MeanOf<O extends MetricOptions = MetricOptions> extends Mean<O> {
  /** One value per sample. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor

  override updateState(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike): void {
    this.add(this.call(toTensor(yTrue), toTensor(yPred)), sampleWeight)
  }
}
