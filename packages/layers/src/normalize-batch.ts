/** Normalization by statistics of x itself, as one op. */
import { apply, elementwise, type Op, type Tensor } from '@typegrad/tensor'

const reciprocalRoot = elementwise('reciprocalRoot', ['variance', 'epsilon'], '1 / sqrt(variance + epsilon)')

/** `(x - mean) · factor + beta`, in one pass. */
export const scaleAndShift = elementwise('scaleAndShift', ['x', 'mean', 'factor', 'beta'], '(x - mean) * factor + beta')

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
 * Of x, its mean and its variance, gamma and beta. The gradient of x has that which reaches it through the statistics, which get none:
 * `∂x = gamma · rate · (dy - Σdy / n - (x - mean) · rate² · Σ(dy · (x - mean)) / n)`; it is made of the statistics as x's results, so
 * that further derivatives are right too.
 */
const normalizeOp: Op<Attributes> = {
  name: 'batchNormalization',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  run: (inputs, attributes) => compute(inputs, attributes),
  gradients(dy, [x, mean, variance, gamma], _, { axes, epsilon }) {
    const sum = (z: Tensor): Tensor => z.sum(axes).reshape(mean.shape)
    const [rate, total, dot] = [reciprocalRoot(variance, epsilon), sum(dy), sum(centered(dy, x, mean))]
    return (i) => {
      if (i === 1 || i === 2) return undefined
      if (i === 4) return total
      if (i === 3) return dot.mul(rate)
      const n = axes.reduce((count, axis) => count * x.shape[axis], 1)
      return inputGradient(dy, x, mean, rate.mul(gamma), total.div(n), slopeOf(dot, rate, n))
    }
  },
  batch: (inputs, attributes, { wrap, unwrap, enter }, batched) =>
    unwrap(
      enter(() =>
        compute(
          inputs.map((input, i) => (batched[i] ? wrap(input) : input)),
          attributes,
        ),
      ),
    ),
}

const compute = ([x, mean, variance, gamma, beta]: readonly Tensor[], { epsilon }: Attributes): Tensor =>
  scaleAndShift(x, mean, reciprocalRoot(variance, epsilon).mul(gamma), beta)

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
  attributes: { readonly axes: readonly number[]; readonly epsilon: number },
): Tensor => apply(normalizeOp, [x, mean, variance, gamma, beta], { ...attributes })
