import type { Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { epsilon } from './crossentropy.ts'
import { Loss, lossFunction, type LossOptions } from './loss.ts'

/** `mean((yTrue - yPred)²)`. */
export class MeanSquaredError extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return yPred.squaredDifference(yTrue).mean(-1)
  }
}

/** `mean(|yTrue - yPred|)`. */
export class MeanAbsoluteError extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return yPred.sub(yTrue).abs().mean(-1)
  }
}

/** `100 · mean(|yTrue - yPred| / max(|yTrue|, 1e-7))`. */
export class MeanAbsolutePercentageError extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return yTrue.sub(yPred).div(yTrue.abs().maximum(epsilon)).abs().mean(-1).mul(100)
  }
}

/** `mean((log(1 + yTrue) - log(1 + yPred))²)`, values below 1e-7 counted as that. */
export class MeanSquaredLogarithmicError extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return yPred.maximum(epsilon).log1p().squaredDifference(yTrue.maximum(epsilon).log1p()).mean(-1)
  }
}

export interface HuberOptions extends LossOptions {
  /** Where the loss turns from quadratic to linear. @defaultValue `1` */
  readonly delta?: number
}

/** `mean(e²/2)` where `|e| ≤ delta`, `delta · |e| - delta²/2` beyond. */
export class Huber extends Loss<HuberOptions> {
  static override readonly defaults = { ...Loss.defaults, delta: 1 } satisfies Defaults<HuberOptions>
  static override readonly unwritten = ['delta']

  /** Logged as `huber_loss`, as in Keras. */
  constructor(options: HuberOptions = {}) {
    super({ name: 'huber_loss', ...options })
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { delta } = this.options
    const error = yPred.sub(yTrue).abs()
    return error
      .lessEqual(delta)
      .where(error.square().mul(0.5), error.mul(delta).sub(0.5 * delta * delta))
      .mean(-1)
  }
}

/** `mean(log(cosh(e)))`, without overflow. */
export class LogCosh extends Loss {
  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const error = yPred.sub(yTrue)
    return error.logaddexp(error.neg()).sub(Math.LN2).mean(-1)
  }
}

export const meanSquaredError = lossFunction(MeanSquaredError)
export const meanAbsoluteError = lossFunction(MeanAbsoluteError)
export const meanAbsolutePercentageError = lossFunction(MeanAbsolutePercentageError)
export const meanSquaredLogarithmicError = lossFunction(MeanSquaredLogarithmicError)
export const huber = lossFunction(Huber)
export const logCosh = lossFunction(LogCosh)
