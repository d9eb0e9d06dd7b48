import { optionsOf } from '@typegrad/tensor'
import { Scaler, type Matrix, type Scale } from './scaler.ts'

export interface StandardScalerOptions {
  /** Whether the mean is taken off. @defaultValue true */
  withMean?: boolean
  /** Whether features are divided by their standard deviation. @defaultValue true */
  withStd?: boolean
}

/**
 * `(x - mean) / scale` for every feature, where `scale` is the standard deviation of the population (`ddof` 0), or 1 for
 * a feature that does not vary; as scikit-learn's `StandardScaler`.
 */
export class StandardScaler extends Scaler {
  /** Mean of each feature. */
  mean!: Float64Array
  /** Variance of each feature. */
  var!: Float64Array
  /** What each feature is divided by. */
  scale!: Float64Array
  readonly #options: Required<StandardScalerOptions>

  constructor(options?: StandardScalerOptions) {
    super()
    this.#options = optionsOf('StandardScaler', options, { withMean: true, withStd: true })
  }

  protected override learn({ values, samples, features }: Matrix): Scale {
    this.mean = new Float64Array(features)
    this.var = new Float64Array(features)
    this.scale = new Float64Array(features)
    for (let j = 0; j < features; j++) {
      let count = 0
      let sum = 0
      for (let i = j; i < values.length; i += features) {
        if (Number.isNaN(values[i])) continue
        count++
        sum += values[i]
      }
      const mean = sum / count
      let squares = 0
      let rest = 0
      for (let i = j; i < values.length; i += features) {
        if (Number.isNaN(values[i])) continue
        squares += (values[i] - mean) ** 2
        rest += values[i] - mean
      }
      // The rest corrects for the rounding of the mean (Chan, Golub and LeVeque, 1983).
      const variance = (squares - rest ** 2 / count) / count
      const rounding = samples * Number.EPSILON * variance + (samples * mean * Number.EPSILON) ** 2
      this.mean[j] = mean
      this.var[j] = variance
      this.scale[j] = variance <= rounding ? 1 : Math.sqrt(variance)
    }
    const { withMean, withStd } = this.#options
    return {
      center: withMean ? this.mean : new Float64Array(features),
      scale: withStd ? this.scale : new Float64Array(features).fill(1),
      low: 0,
    }
  }
}
