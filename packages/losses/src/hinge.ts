import type { Tensor } from '@typegrad/tensor'
import { Loss, lossFunction } from './loss.ts'

/** Targets in {-1, 1}; a batch that has only 0 and 1 is converted. */
function signs(yTrue: Tensor): Tensor {
  const binary = yTrue.equal(0).logicalOr(yTrue.equal(1)).all()
  return binary.where(yTrue.mul(2).sub(1), yTrue)
}

/** `max(1 - y · p, 0)` of every element. */
const margins = (yTrue: Tensor, yPred: Tensor): Tensor => signs(yTrue).mul(yPred).neg().add(1).maximum(0)

/** `mean(max(1 - y · p, 0))` for targets -1 and 1 (or 0 and 1). */
export class Hinge extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return margins(yTrue, yPred).mean(-1)
  }
}

/** `mean(max(1 - y · p, 0)²)` for targets -1 and 1 (or 0 and 1). */
export class SquaredHinge extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return margins(yTrue, yPred).square().mean(-1)
  }
}

/** `max(max((1 - y) · p) - Σ y · p + 1, 0)` for one-hot targets. */
export class CategoricalHinge extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const other = yTrue.neg().add(1).mul(yPred).max(-1)
    return other.sub(yTrue.mul(yPred).sum(-1)).add(1).maximum(0)
  }
}

export const hinge = lossFunction(Hinge)
export const squaredHinge = lossFunction(SquaredHinge)
export const categoricalHinge = lossFunction(CategoricalHinge)
