import { optionsOf, ValueError } from '@typegrad/tensor'
import { Scaler, type Matrix, type Scale } from './scaler.ts'

export interface MinMaxScalerOptions {
  /** What the smallest and the largest value of each feature become. @defaultValue [0, 1] */
  featureRange?: readonly [min: number, max: number]
}

/**
 * `(x - dataMin) / (dataMax - dataMin)` for every feature, spread over `featureRange`; a feature that does not vary
 * becomes the lower end. As scikit-learn's `MinMaxScaler`.
 */
export class MinMaxScaler extends Scaler {
  readonly featureRange: readonly [min: number, max: number]
  /** Smallest value of each feature. */
  dataMin!: Float64Array
  /** Largest value of each feature. */
  dataMax!: Float64Array

  constructor(options?: MinMaxScalerOptions) {
    super()
    const { featureRange } = optionsOf('MinMaxScaler', options, { featureRange: [0, 1] })
    const [min, max] = featureRange
    if (!(min < max) || !Number.isFinite(max - min)) {
      throw new ValueError(`MinMaxScaler: featureRange [${featureRange.join(', ')}], expected two numbers in ascending order`, {
        featureRange,
      })
    }
    this.featureRange = [min, max]
  }

  protected override learn({ values, features }: Matrix): Scale {
    const [low, high] = this.featureRange
    this.dataMin = new Float64Array(features).fill(Infinity)
    this.dataMax = new Float64Array(features).fill(-Infinity)
    for (let i = 0; i < values.length; i++) {
      const j = i % features
      if (values[i] < this.dataMin[j]) this.dataMin[j] = values[i]
      if (values[i] > this.dataMax[j]) this.dataMax[j] = values[i]
    }
    // A feature without any value has no scale either.
    for (let j = 0; j < features; j++) if (this.dataMin[j] === Infinity) this.dataMin[j] = this.dataMax[j] = NaN
    const scale = this.dataMax.map((max, j) => {
      const range = max - this.dataMin[j]
      return (range < 10 * Number.EPSILON ? 1 : range) / (high - low)
    })
    return { center: this.dataMin, scale, low }
  }
}
