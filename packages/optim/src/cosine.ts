import { ValueError } from '@typegrad/tensor'
import { LearningRateSchedule, type ScheduleOptions } from './schedule.ts'

export interface CosineDecayOptions extends ScheduleOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  /** What is left in the end, as a share. @defaultValue `0` */
  readonly alpha?: number
  /** First rises from `initialLearningRate` to this. @defaultValue `null` */
  readonly warmupTarget?: number | null
  /** In so many steps. @defaultValue `0` */
  readonly warmupSteps?: number
}

/** `rate · ((1 - alpha) · (1 + cos(π · share)) / 2 + alpha)`, where `share` of the way is done. */
const cosine = (rate: number, share: number, alpha: number): number =>
  rate * ((1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * share)) + alpha)

/** Half a cosine from the initial rate (or, after a linear rise, from `warmupTarget`) to `alpha` of it; Loshchilov and Hutter (2016). */
export class CosineDecay extends LearningRateSchedule<CosineDecayOptions> {
  static override readonly defaults = {
    initialLearningRate: undefined,
    decaySteps: undefined,
    alpha: 0,
    name: 'CosineDecay',
    warmupTarget: null,
    warmupSteps: 0,
  }

  call(step: number): number {
    const { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps } = this.options
    if (warmupTarget === null) return cosine(initialLearningRate, Math.min(step / decaySteps, 1), alpha)
    if (step < warmupSteps) return initialLearningRate + ((warmupTarget - initialLearningRate) * step) / warmupSteps
    return cosine(warmupTarget, Math.min((step - warmupSteps) / decaySteps, 1), alpha)
  }
}

export interface CosineDecayRestartsOptions extends ScheduleOptions {
  readonly initialLearningRate: number
  readonly firstDecaySteps: number
  /** How many times longer every period is than the one before. @defaultValue `2` */
  readonly tMul?: number
  /** How many times higher every period begins than the one before. @defaultValue `1` */
  readonly mMul?: number
  /** What is left at the end of a period, as a share of the initial rate. @defaultValue `0` */
  readonly alpha?: number
}

/** {@link CosineDecay} that begins again when it is done: stochastic gradient descent with restarts. */
export class CosineDecayRestarts extends LearningRateSchedule<CosineDecayRestartsOptions> {
  static override readonly defaults = {
    initialLearningRate: undefined,
    firstDecaySteps: undefined,
    tMul: 2,
    mMul: 1,
    alpha: 0,
    name: 'SGDRDecay',
  }

  constructor(options: CosineDecayRestartsOptions) {
    super(options)
    const { tMul } = this.options
    if (!(tMul >= 1)) throw new ValueError(`CosineDecayRestarts: tMul must be at least 1, got ${tMul}`, { tMul })
  }

  call(step: number): number {
    const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = this.options
    // Counted rather than computed by logarithms, whose rounding would misplace a restart.
    let [restarts, start, length] =
      tMul === 1 ? [Math.floor(step / firstDecaySteps), 0, firstDecaySteps] : [0, 0, firstDecaySteps]
    start = restarts * length
    for (; step - start >= length; restarts++) {
      start += length
      length *= tMul
    }
    const height = mMul ** restarts * 0.5 * (1 + Math.cos((Math.PI * (step - start)) / length))
    return initialLearningRate * ((1 - alpha) * height + alpha)
  }
}
