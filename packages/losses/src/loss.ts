import {
  broadcastAll,
  formatShape,
  sameShape,
  ShapeError,
  snakeCase,
  toTensor,
  ValueError,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'

export type Reduction = 'sumOverBatchSize' | 'sum' | 'mean' | 'meanWithSampleWeight' | 'none'

export interface LossOptions {
  /** How the losses of the samples become one number: by default their sum over their count. @defaultValue `'sumOverBatchSize'` */
  readonly reduction?: Reduction
  readonly name?: string
}

const reductions: readonly Reduction[] = ['sumOverBatchSize', 'sum', 'mean', 'meanWithSampleWeight', 'none']

/** A loss: `call` gives one value per sample, `apply` checks the shapes, weights and reduces. */
export abstract class Loss<O extends LossOptions = LossOptions> {
  readonly options: O
  readonly name: string

  constructor(options: O = {} as O) {
    const { reduction = 'sumOverBatchSize', name } = options
    if (!reductions.includes(reduction)) {
      throw new ValueError(`${new.target.name}: unknown reduction '${reduction}', known are ${reductions.join(', ')}`)
    }
    this.options = options
    this.name = name ?? snakeCase(new.target.name)
  }

  /** The loss of every sample: the mean over the last axis for most losses. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor

  /**
   * The loss of a batch, each sample counted `sampleWeight` times. `yTrue` and `yPred` have one shape, up to a last axis
   * of length 1; throws a ShapeError otherwise, rather than broadcast silently.
   */
  apply(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike): Tensor {
    const [target, prediction] = this.align(toTensor(yTrue), toTensor(yPred))
    return reduceWeighted(this.call(target, prediction), sampleWeight, this.options.reduction)
  }

  /** Brings targets and predictions to one shape and float dtype, or throws. */
  protected align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const [target, prediction] = sameRank(yTrue, yPred)
    if (!sameShape(target.shape, prediction.shape)) throw mismatch(this.name, yTrue, yPred)
    return [target.cast(prediction.dtype), prediction]
  }
}

export const mismatch = (name: string, yTrue: Tensor, yPred: Tensor): ShapeError =>
  new ShapeError(`${name}: targets ${formatShape(yTrue.shape)} and predictions ${formatShape(yPred.shape)} differ in shape`, {
    yTrue: yTrue.shape,
    yPred: yPred.shape,
  })

/** Keras' rule for ranks that differ by one: a vector gets a last axis, otherwise a last axis of length 1 goes. */
export function sameRank(a: Tensor, b: Tensor): [Tensor, Tensor] {
  if (a.rank === b.rank + 1 && a.shape.at(-1) === 1) return b.rank === 1 ? [a, b.expandDims(-1)] : [a.squeeze(-1), b]
  if (b.rank === a.rank + 1 && b.shape.at(-1) === 1) return a.rank === 1 ? [a.expandDims(-1), b] : [a, b.squeeze(-1)]
  return [a, b]
}

/** `values` times weights, brought together by the reduction. */
export function reduceWeighted(
  values: Tensor,
  sampleWeight: TensorLike | undefined,
  reduction: Reduction = 'sumOverBatchSize',
): Tensor {
  if (sampleWeight === undefined) {
    if (reduction === 'none') return values
    return reduction === 'sum' ? values.sum() : values.mean()
  }
  const [weights, aligned] = weighted(values, toTensor(sampleWeight).cast(values.dtype))
  const product = aligned.mul(weights)
  if (reduction === 'none') return product
  const sum = product.sum()
  if (reduction === 'sum') return sum
  return reduction === 'meanWithSampleWeight' ? sum.div(weights.sum()) : sum.div(Math.max(1, product.size))
}

/** Weights stretched to the shape of the values. */
export function weighted(values: Tensor, sampleWeight: Tensor): [weights: Tensor, values: Tensor] {
  let [weights, aligned] = [sampleWeight, values]
  if (weights.rank === aligned.rank + 1 && weights.shape.at(-1) === 1) weights = weights.squeeze(-1)
  else if (aligned.rank === weights.rank + 1 && aligned.shape.at(-1) === 1) aligned = aligned.squeeze(-1)
  // One weight per sample covers the sample's further axes.
  while (weights.rank > 0 && weights.rank < aligned.rank) weights = weights.expandDims(-1)
  ;[weights, aligned] = broadcastAll([weights, aligned])
  return [weights, aligned]
}

/** The function of a loss class: scalar by default, with all options of the class and `sampleWeight` in one object. */
export const lossFunction =
  <O extends LossOptions>(Class: new (options?: O) => Loss<O>) =>
  (yTrue: TensorLike, yPred: TensorLike, options: O & { readonly sampleWeight?: TensorLike } = {} as O): Tensor =>
    new Class(options).apply(yTrue, yPred, options.sampleWeight)
