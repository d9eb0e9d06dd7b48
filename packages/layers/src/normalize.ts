/** Normalization by statistics of x itself: with gamma and beta along other axes than those of the statistics as one op, or without them. */
import { apply, elementwise, type Op, type Tensor } from '@typegrad/tensor'

const reciprocalRoot = elementwise('reciprocalRoot', ['variance', 'epsilon'], '1 / sqrt(variance + epsilon)')

/** `(x - mean) · factor + beta`, in one pass. */
export const scaleAndShift = elementwise('scaleAndShift', ['x', 'mean', 'factor', 'beta'], '(x - mean) * factor + beta')

const standardized = elementwise('standardized', ['x', 'mean', 'rate'], '(x - mean) * rate')
const centered = elementwise('centered', ['dy', 'x', 'mean'], 'dy * (x - mean)')
const slopeOf = elementwise('slope', ['dot', 'rate', 'n'], 'dot * rate * rate / n')
const inputGradient = elementwise(
  'batchNormalization.x',
  ['dy', 'x', 'mean', 'factor', 'shift', 'slope'],
  'factor * (dy - shift - (x - mean) * slope)',
)

interface Attributes {
  /** What the statistics are taken over. */
  readonly axes: readonly number[]
  readonly epsilon: number
}

/**
 * The gradient of x that reaches it through its statistics, too, which get none themselves:
 * `∂x = gamma · rate · (dy - Σdy / n - (x - mean) · rate² · Σ(dy · (x - mean)) / n)`; it is made of the statistics as x's results, so
 * that further derivatives are right as well. gamma is the same all over the axes.
 */
function throughStatistics(dy: Tensor, [x, mean, variance]: readonly Tensor[], { axes, epsilon }: Attributes) {
  const sum = (z: Tensor): Tensor => z.sum(axes).reshape(mean.shape)
  const [rate, total, dot] = [reciprocalRoot(variance, epsilon), sum(dy), sum(centered(dy, x, mean))]
  const n = axes.reduce((count, axis) => count * x.shape[axis], 1)
  const ofInput = (factor: Tensor): Tensor => inputGradient(dy, x, mean, factor, total.div(n), slopeOf(dot, rate, n))
  return { rate, total, dot, ofInput }
}

/** The op for a batch, whose axis the examples do not see. */
const throughVmap =
  (compute: (inputs: readonly Tensor[], attributes: Attributes) => Tensor): NonNullable<Op<Attributes>['batch']> =>
  (inputs, attributes, { wrap, unwrap, enter }, batched) =>
    unwrap(
      enter(() =>
        compute(
          inputs.map((input, i) => (batched[i] ? wrap(input) : input)),
          attributes,
        ),
      ),
    )

const scaledBatch = ([x, mean, variance, gamma, beta]: readonly Tensor[], { epsilon }: Attributes): Tensor =>
  scaleAndShift(x, mean, reciprocalRoot(variance, epsilon).mul(gamma), beta)

/** Of x, its mean and its variance, gamma and beta. */
const normalizeBatchOp: Op<Attributes> = {
  name: 'batchNormalization',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: scaledBatch,
  gradients(dy, inputs, _, attributes) {
    const { rate, total, dot, ofInput } = throughStatistics(dy, inputs, attributes)
    return (i) => {
      if (i === 1 || i === 2) return undefined
      if (i === 4) return total
      return i === 3 ? dot.mul(rate) : ofInput(rate.mul(inputs[3]))
    }
  },
  batch: throughVmap(scaledBatch),
}

const byStatistics = ([x, mean, variance]: readonly Tensor[], { epsilon }: Attributes): Tensor =>
  standardized(x, mean, reciprocalRoot(variance, epsilon))

/** Of x, its mean and its variance. */
const standardizeOp: Op<Attributes> = {
  name: 'standardize',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: byStatistics,
  gradient(i, dy, inputs, _, attributes) {
    if (i > 0) return undefined
    const { rate, ofInput } = throughStatistics(dy, inputs, attributes)
    return ofInput(rate)
  },
  batch: throughVmap(byStatistics),
}

/**
 * `gamma · (x - mean) / √(variance + epsilon) + beta`, where mean and variance are those of x over `axes`, in a shape that broadcasts
 * to x's, as gamma and beta have it.
 */
export const normalizeBatch = (
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  gamma: Tensor,
  beta: Tensor,
  attributes: Attributes,
): Tensor => apply(normalizeBatchOp, [x, mean, variance, gamma, beta], { ...attributes })

/** `(x - mean) / √(variance + epsilon)` with the statistics of x over `axes`. */
export function standardize(x: Tensor, attributes: Attributes): Tensor {
  const mean = x.mean(attributes.axes, { keepdims: true })
  const variance = x.squaredDifference(mean).mean(attributes.axes, { keepdims: true })
  return apply(standardizeOp, [x, mean, variance], { ...attributes })
}
