import { concat, formatShape, full, ShapeError, type Tensor } from '@typegrad/tensor'
import { assertClasses } from './labels.ts'
import { Loss, lossFunction } from './loss.ts'

/** Class 0 is the blank, and what fills up short label sequences. */
const blank = 0

/**
 * Connectionist temporal classification, `-log Σ p(path)` over all alignments of the labels with the steps. Targets are
 * class numbers `[batch, labels]`, filled up with 0; predictions are logits `[batch, steps, classes]`, whose class 0 is
 * the blank. Infinite where the steps are too few for the labels. Graves et al. (2006).
 */
export class CTC extends Loss {
  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    if (yTrue.rank !== 2 || yPred.rank !== 3 || yTrue.shape[0] !== yPred.shape[0]) {
      throw new ShapeError(
        `${this.name}: targets ${formatShape(yTrue.shape)} and predictions ${formatShape(yPred.shape)}, expected labels [batch, labels] and logits [batch, steps, classes]`,
        { yTrue: yTrue.shape, yPred: yPred.shape },
      )
    }
    assertClasses(this.name, yTrue, yPred.shape[2])
    return [yTrue.cast('int32'), yPred]
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const [batch, labels] = yTrue.shape
    const [steps, states] = [yPred.shape[1], 2 * labels + 1]
    // The states of a path: blank, label, blank, label, …, blank.
    const pairs = concat([yTrue.zerosLike().expandDims(-1), yTrue.expandDims(-1)], -1).reshape([batch, 2 * labels])
    const path = pairs.pad(
      [
        [0, 0],
        [0, 1],
      ],
      blank,
    )
    const emitted = yPred.logSoftmax().takeAlongAxis(path.expandDims(1).broadcastTo([batch, steps, states]))
    const skipsBlank = path.notEqual(blank).logicalAnd(path.notEqual(later(path, 2, blank)))

    const impossible = full([batch, states], -Infinity, { dtype: yPred.dtype })
    let alpha = concat([emitted.slice(null, 0, [0, 2]), impossible.slice(null, [2])], 1)
    for (let step = 1; step < steps; step++) {
      const skipped = skipsBlank.where(later(alpha, 2), -Infinity)
      alpha = alpha.logaddexp(later(alpha, 1)).logaddexp(skipped).add(emitted.slice(null, step))
    }
    // A path ends in the last label or in the blank after it.
    const last = yTrue.notEqual(blank).sum(1, { keepdims: true }).mul(2)
    const inBlank = alpha.takeAlongAxis(last)
    const inLabel = last.greater(0).where(alpha.takeAlongAxis(last.sub(1).maximum(0)), -Infinity)
    return inBlank.logaddexp(inLabel).squeeze(1).neg()
  }
}

/** The columns of x moved right by n, with `fill` before them. */
const later = (x: Tensor, n: number, fill = -Infinity): Tensor =>
  x
    .pad(
      [
        [0, 0],
        [n, 0],
      ],
      fill,
    )
    .slice(null, [0, x.shape[1]])

export const ctc = lossFunction(CTC)
