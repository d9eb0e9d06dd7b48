/** How sample weights and masks meet the values that they weight. */
import { broadcastAll, formatShape, ShapeError, type DType, type Tensor } from '@typegrad/tensor'

/** Keras' rule for ranks that differ by one: a vector gets a last axis, otherwise a last axis of length 1 goes. */
export function sameRank(a: Tensor, b: Tensor): [Tensor, Tensor] {
  if (a.rank === b.rank + 1 && a.shape.at(-1) === 1) return b.rank === 1 ? [a, b.expandDims(-1)] : [a.squeeze(-1), b]
  if (b.rank === a.rank + 1 && b.shape.at(-1) === 1) return a.rank === 1 ? [a.expandDims(-1), b] : [a, b.squeeze(-1)]
  return [a, b]
}

/** Weights with trailing axes of length 1, so that one weight per sample covers the sample's further axes. */
export function expandTo(rank: number, weights: Tensor): Tensor {
  return weights.rank === 0 || weights.rank >= rank
    ? weights
    : weights.reshape([...weights.shape, ...Array.from({ length: rank - weights.rank }, () => 1)])
}

/** Values and weights in ranks that broadcast; throws a ShapeError for weights that do not fit the values. */
export function fitWeights(name: string, values: Tensor, sampleWeight: Tensor): [values: Tensor, weights: Tensor] {
  const [aligned, close] = sameRank(values, sampleWeight)
  const weights = expandTo(aligned.rank, close)
  const fits = weights.shape.every((n, i) => n === 1 || aligned.rank === 0 || n === aligned.shape[i])
  if (!fits || (aligned.rank > 0 && weights.rank > aligned.rank)) {
    throw new ShapeError(
      `${name}: sampleWeight ${formatShape(sampleWeight.shape)} for values ${formatShape(values.shape)}, expected one weight per sample or value`,
      { sampleWeight: sampleWeight.shape, values: values.shape },
    )
  }
  return [aligned, weights]
}

/**
 * A mask as weights: 1 where it is true and 0 elsewhere; for a mean scaled by `size / count of true`, so that the mean
 * is that of the values that count. Multiplied with `sampleWeight` where it is given.
 */
export function maskWeights(
  mask: Tensor,
  dtype: DType,
  { sampleWeight, mean = false }: { sampleWeight?: Tensor | undefined; mean?: boolean } = {},
): Tensor {
  const ones = mask.cast('bool').cast(dtype)
  const valid = ones.sum()
  const weights = mean ? ones.mul(valid.equal(0).where(0, valid.reciprocal().mul(ones.size))) : ones
  if (!sampleWeight) return weights
  const [a, b] = sameRank(weights, sampleWeight)
  const rank = Math.max(a.rank, b.rank)
  const [left, right] = broadcastAll([expandTo(rank, a), expandTo(rank, b)])
  return left.mul(right)
}
