import type { Tensor } from '@typegrad/tensor'
import { epsilon } from './crossentropy.ts'
import { Loss, lossFunction } from './loss.ts'

/** `Σ y · log(y / p)` over the last axis: from the predicted distribution to the true one. Both are kept in [1e-7, 1]. */
export class KLDivergence extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const target = yTrue.clip(epsilon, 1)
    return target.mul(target.div(yPred.clip(epsilon, 1)).log()).sum(-1)
  }
}

/** `mean(p - y · log(p + 1e-7))`: the negative log-likelihood of counts y at rate p. */
export class Poisson extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return yPred.sub(yTrue.mul(yPred.add(epsilon).log())).mean(-1)
  }
}

export const klDivergence = lossFunction(KLDivergence)
export const poisson = lossFunction(Poisson)
