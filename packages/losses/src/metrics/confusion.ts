/** Counts of true and false positives and negatives, which most metrics of classification are made of. */
import { vjp } from '@typegrad/autograd'
import { formatShape, IndexError, sameShape, ShapeError, stack, tensor, ValueError, zeros, type Tensor } from '@typegrad/tensor'
import { mismatch } from '../loss.ts'
import { expandTo, fitWeights, sameRank } from '../weights.ts'

/** Predictions above a threshold are positive. */
export interface Thresholds {
  readonly values: readonly number[]
  /** Spaced evenly from 0 to 1, so that arithmetic finds the place of a prediction. */
  readonly even: boolean
}

/** One threshold or several in [0, 1], from a metric's options. */
export function thresholdsOf(metric: string, given: number | readonly number[] | null, fallback = 0.5): Thresholds {
  const values = given === null ? [fallback] : typeof given === 'number' ? [given] : given
  if (given !== null && (values.length === 0 || !values.every((value) => value >= 0 && value <= 1))) {
    throw new ValueError(`${metric}: thresholds must lie in [0, 1], got ${JSON.stringify(given)}`, { thresholds: given })
  }
  const step = 1 / (values.length - 1)
  return { values, even: values.length > 2 && values.every((value, i) => Math.abs(value - i * step) <= 1e-7 + 1e-5 * i * step) }
}

/** `count` thresholds from 0 to 1; with `beyond`, the outer two lie just outside, so that they catch all and nothing. */
export function evenThresholds(metric: string, count: number, beyond: number): Thresholds {
  if (!Number.isInteger(count) || count < 1)
    throw new ValueError(`${metric}: numThresholds must be a positive integer, got ${count}`)
  const values = Array.from({ length: count }, (_, i) => (i === 0 ? -beyond : i === count - 1 ? 1 + beyond : i / (count - 1)))
  return { values: count === 1 ? [0.5] : values, even: count > 1 }
}

/** Weighted counts by threshold `[thresholds]`, or by threshold and label `[thresholds, labels]`. */
export interface Counts {
  readonly truePositives: Tensor
  readonly falsePositives: Tensor
  readonly trueNegatives: Tensor
  readonly falseNegatives: Tensor
}

export interface CountOptions {
  readonly sampleWeight?: Tensor | undefined
  /** Only the k largest predictions along the last axis can be positive. */
  readonly topK?: number | null
  /** Only this class, a position on the last axis, counts. */
  readonly classId?: number | null
  /** Every position on the last axis is counted by itself. */
  readonly perLabel?: boolean
  /** Weights of the positions on the last axis. */
  readonly labelWeights?: Tensor | undefined
}

/** What a prediction that is not among the k largest becomes: below every threshold. */
export const never = -1e10

/** Counts the predictions of a batch on both sides of every threshold. Targets are true where they are not 0. */
export function confusion(
  name: string,
  [yTrue, yPred]: readonly [Tensor, Tensor],
  thresholds: Thresholds,
  { sampleWeight, topK = null, classId = null, perLabel = false, labelWeights }: CountOptions = {},
): Counts {
  let [labels, predictions] = sameRank(yTrue, yPred).map((x) => x.cast('float32'))
  if (!sameShape(labels.shape, predictions.shape)) throw mismatch(name, yTrue, yPred)
  if (topK !== null) predictions = keepTop(name, predictions, topK)
  if (classId !== null) [labels, predictions] = [labels, predictions].map((x) => onlyClass(name, x, classId))
  // NaN is no prediction: as 0, it is below all thresholds but one that lies below 0 to catch all.
  predictions = predictions.isnan().where(0, predictions)
  if (perLabel && predictions.rank !== 2)
    throw new ShapeError(`${name}: predictions ${formatShape(yPred.shape)}, expected [batch, labels]`, { yPred: yPred.shape })

  let weights = sampleWeight ? weightsLike(name, predictions, sampleWeight) : predictions.onesLike()
  if (labelWeights) weights = weights.mul(labelWeights)
  const rows = (x: Tensor): Tensor => (perLabel ? x.transpose() : x.reshape([1, x.size]))
  const positive = rows(labels).notEqual(0).cast('float32')
  // [label, true or false, sample]
  const both = stack([positive.mul(rows(weights)), positive.neg().add(1).mul(rows(weights))], 1)
  const above = (thresholds.even ? countEven : countEach)(rows(predictions), both, thresholds.values)
  const below = both.sum(2, { keepdims: true }).sub(above)
  const [truePositives, falsePositives] = cells(above, perLabel)
  const [falseNegatives, trueNegatives] = cells(below, perLabel)
  return { truePositives, falsePositives, trueNegatives, falseNegatives }
}

/** `[label, kind, threshold]` as one tensor per kind. */
const cells = (counts: Tensor, perLabel: boolean): Tensor[] =>
  [0, 1].map((kind) => (perLabel ? counts.slice(null, kind).transpose() : counts.slice(0, kind)))

/** How much of `both` lies above each threshold, by comparing everything with everything. */
const countEach = (predictions: Tensor, both: Tensor, values: readonly number[]): Tensor =>
  both.matmul(predictions.expandDims(-1).greater(tensor(values)).cast('float32'))

/** The same for thresholds i / (n - 1): every prediction goes into a bucket, and the buckets are added up from above. */
function countEven(predictions: Tensor, both: Tensor, values: readonly number[]): Tensor {
  const n = values.length
  const [labels, kinds, samples] = both.shape
  const passed = predictions
    .clip(0, 1)
    .mul(n - 1)
    .ceil()
    .maximum(values[0] < 0 ? 1 : 0)
  const bucket = passed.cast('int32').expandDims(1).broadcastTo(both.shape)
  const offsets = tensor(
    Int32Array.from({ length: labels * kinds }, (_, i) => i * n),
    { shape: [labels, kinds, 1] },
  )
  const sums = addAt(
    bucket.add(offsets).reshape([labels * kinds * samples]),
    both.reshape([labels * kinds * samples]),
    labels * kinds * n,
  )
  return sums.reshape([labels, kinds, n]).cumsum(2, { exclusive: true, reverse: true })
}

/** Zeros with each update added at its index: the transpose of `take`. */
export const addAt = (indices: Tensor, updates: Tensor, length: number): Tensor =>
  vjp((x) => x.take(indices), zeros([length])).pullback(updates)[0]

function keepTop(name: string, predictions: Tensor, k: number): Tensor {
  const classes = predictions.shape.at(-1) ?? 0
  if (!Number.isInteger(k) || k < 1 || k > classes)
    throw new ValueError(`${name}: topK is ${k} for ${classes} classes, expected an integer from 1 to ${classes}`, { topK: k })
  return predictions.topk(k).indices.oneHot(classes).sum(-2).where(predictions, never)
}

function onlyClass(name: string, x: Tensor, classId: number): Tensor {
  const classes = x.rank < 2 ? 0 : x.shape.at(-1)!
  if (!Number.isInteger(classId) || classId < 0 || classId >= classes)
    throw new IndexError(`${name}: classId ${classId} is outside the last axis of ${formatShape(x.shape)}`, { classId })
  return x.slice(...Array.from({ length: x.rank - 1 }, () => null), [classId, classId + 1])
}

/** One weight per prediction. */
export function weightsLike(name: string, predictions: Tensor, sampleWeight: Tensor): Tensor {
  const close =
    sampleWeight.rank === predictions.rank + 1 && sampleWeight.shape.at(-1) === 1 ? sampleWeight.squeeze(-1) : sampleWeight
  const [, weights] = fitWeights(name, predictions, expandTo(predictions.rank, close))
  return weights.cast('float32').broadcastTo(predictions.shape)
}
