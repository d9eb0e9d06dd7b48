import {
  formatShape,
  isFloat,
  sameShape,
  ShapeError,
  snakeCase,
  toTensor,
  type SnakeCase,
  type Tensor,
  type TensorLike,
} from '@typegrad/tensor'
import { Configured, oneOf, type Config } from '@typegrad/tensor/config'
import { fitWeights, maskWeights, sameRank } from './weights.ts'

const reductions = ['sumOverBatchSize', 'sum', 'mean', 'meanWithSampleWeight', 'none'] as const

export type Reduction = (typeof reductions)[number]

export interface LossOptions {
  /** How the losses of the samples become one number: by default their sum over their count. @defaultValue `'sumOverBatchSize'` */
  readonly reduction?: Reduction | SnakeCase<Reduction> | null
  readonly name?: string
}

/** A loss: `call` gives one value per sample, `apply` checks the shapes, weights and reduces. */
export abstract class Loss<O extends LossOptions = LossOptions> extends Configured<O> {
  static override readonly defaults = { reduction: 'sumOverBatchSize' as Reduction }
  readonly name: string
  readonly reduction: Reduction

  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    this.name = options.name ?? snakeCase(new.target.name)
    this.reduction = oneOf(`${new.target.name}: reduction`, this.options.reduction ?? 'none', reductions)
  }

  /** The loss of every sample: the mean over the last axis for most losses. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor

  /**
   * The loss of a batch, each sample counted `sampleWeight` times, those that `mask` leaves out not at all. `yTrue` and
   * `yPred` have one shape, up to a last axis of length 1; throws a ShapeError otherwise, rather than broadcast silently.
   */
  apply(yTrue: TensorLike, yPred: TensorLike, sampleWeight?: TensorLike | null, mask?: TensorLike | null): Tensor {
    const { values, counted } = this.samples(toTensor(yTrue), toTensor(yPred))
    const valid = mask ? (counted ? counted.logicalAnd(toTensor(mask)) : toTensor(mask)) : counted
    return reduceWeighted(values, this.reduction, { name: this.name, sampleWeight, mask: valid })
  }

  /** @internal The loss of every sample, and which samples count, where not all do. */
  samples(yTrue: Tensor, yPred: Tensor): { values: Tensor; counted: Tensor | undefined } {
    const [target, prediction] = this.align(yTrue, isFloat(yPred.dtype) ? yPred : yPred.cast('float32'))
    const values = this.call(target, prediction)
    return { values, counted: this.counted(target, prediction, values) }
  }

  /** True for the samples that count; `undefined` where all do. */
  protected counted(_yTrue: Tensor, _yPred: Tensor, _values: Tensor): Tensor | undefined {
    return undefined
  }

  /** Brings targets and predictions to one shape and float dtype, or throws. */
  protected align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    return alignPair(this.name, yTrue, yPred)
  }

  override getConfig(): Config {
    return { name: this.name, ...super.getConfig() }
  }
}

export function mismatch(name: string, yTrue: Tensor, yPred: Tensor): ShapeError {
  const units = yPred.shape.at(-1) ?? 1
  const oneEach = units > 1 && yTrue.size * units === yPred.size
  const hint = !oneEach
    ? ''
    : name.startsWith('categorical')
      ? `: give class numbers to sparse_${name}, or make them one-hot with toCategorical`
      : `: ${units} predictions for each target; give the last layer 1 unit, or targets as many`
  const shapes = `targets ${formatShape(yTrue.shape)} and predictions ${formatShape(yPred.shape)}`
  return new ShapeError(`${name}: ${shapes} differ in shape${hint}`, { yTrue: yTrue.shape, yPred: yPred.shape })
}

/** Targets and predictions in one shape and in the predictions' dtype; throws a ShapeError where they do not fit. */
export function alignPair(name: string, yTrue: Tensor, yPred: Tensor): [target: Tensor, prediction: Tensor] {
  const [target, prediction] = sameRank(yTrue, yPred)
  if (!sameShape(target.shape, prediction.shape)) throw mismatch(name, yTrue, yPred)
  return [target.cast(prediction.dtype), prediction]
}

export interface WeightingOptions {
  readonly name?: string
  readonly sampleWeight?: TensorLike | null | undefined
  readonly mask?: Tensor | undefined
}

/** `values` times weights, brought together by the reduction. */
export function reduceWeighted(
  values: Tensor,
  reduction: Reduction,
  { name = 'loss', sampleWeight, mask }: WeightingOptions = {},
): Tensor {
  const given = sampleWeight === undefined || sampleWeight === null ? undefined : toTensor(sampleWeight).cast(values.dtype)
  const mean = reduction === 'mean' || reduction === 'sumOverBatchSize'
  const all = mask ? maskWeights(mask, values.dtype, { sampleWeight: given, mean }) : given
  const [losses, weights] = all ? fitWeights(name, values, all) : [values, undefined]
  const product = weights ? losses.mul(weights) : losses
  if (reduction === 'none') return product
  if (reduction === 'sum' || product.size === 0) return product.sum()
  if (reduction !== 'meanWithSampleWeight' || !weights) return product.mean()
  const total = weights.sum()
  return total.equal(0).where(0, product.sum().div(total))
}

/** The function of a loss class: scalar by default, with all options of the class and `sampleWeight` in one object. */
export const lossFunction =
  <O extends LossOptions>(Class: new (options?: O) => Loss<O>) =>
  (yTrue: TensorLike, yPred: TensorLike, options: O & { readonly sampleWeight?: TensorLike } = {} as O): Tensor => {
    const { sampleWeight, ...own } = options
    return new Class(own as unknown as O).apply(yTrue, yPred, sampleWeight)
  }
