import { ValueError } from '@typegrad/tensor'
import { LearningRateSchedule, type ScheduleOptions } from './schedule.ts'

export interface DecayOptions extends ScheduleOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  readonly decayRate: number
  /** Decays in steps of `decaySteps`, not all the time. @defaultValue `false` */
  readonly staircase?: boolean
}

const passed = (step: number, { decaySteps, staircase }: Required<DecayOptions>): number =>
  staircase ? Math.floor(step / decaySteps) : step / decaySteps

/** `initial · decayRate^(step / decaySteps)`. */
export class ExponentialDecay extends LearningRateSchedule<DecayOptions> {
  static override readonly defaults = {
    initialLearningRate: undefined,
    decaySteps: undefined,
    decayRate: undefined,
    staircase: false,
    name: 'ExponentialDecay',
  }

  call(step: number): number {
    return this.options.initialLearningRate * this.options.decayRate ** passed(step, this.options)
  }
}

/** `initial / (1 + decayRate · step / decaySteps)`. */
export class InverseTimeDecay extends LearningRateSchedule<DecayOptions> {
  static override readonly defaults = { ...ExponentialDecay.defaults, name: 'InverseTimeDecay' }

  call(step: number): number {
    return this.options.initialLearningRate / (1 + this.options.decayRate * passed(step, this.options))
  }
}

export interface PolynomialDecayOptions extends ScheduleOptions {
  readonly initialLearningRate: number
  readonly decaySteps: number
  /** @defaultValue `0.0001` */
  readonly endLearningRate?: number
  /** @defaultValue `1` */
  readonly power?: number
  /** After `decaySteps` rises again, and decays more slowly. @defaultValue `false` */
  readonly cycle?: boolean
}

/** `(initial - end) · (1 - step / decaySteps)^power + end`, and `end` from there on. */
export class PolynomialDecay extends LearningRateSchedule<PolynomialDecayOptions> {
  static override readonly defaults = {
    initialLearningRate: undefined,
    decaySteps: undefined,
    endLearningRate: 0.0001,
    power: 1,
    cycle: false,
    name: 'PolynomialDecay',
  }

  call(step: number): number {
    const { initialLearningRate, decaySteps, endLearningRate, power, cycle } = this.options
    const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps
    return (initialLearningRate - endLearningRate) * (1 - Math.min(step, length) / length) ** power + endLearningRate
  }
}

export interface PiecewiseConstantDecayOptions extends ScheduleOptions {
  /** The last steps of all values but the last one, ascending. */
  readonly boundaries: readonly number[]
  readonly values: readonly number[]
}

/** `values[i]` up to and including step `boundaries[i]`, then the next one. */
export class PiecewiseConstantDecay extends LearningRateSchedule<PiecewiseConstantDecayOptions> {
  static override readonly defaults = { boundaries: undefined, values: undefined, name: 'PiecewiseConstant' }

  constructor(options: PiecewiseConstantDecayOptions) {
    super(options)
    const { boundaries, values } = options
    if (boundaries.length !== values.length - 1)
      throw new ValueError(
        `PiecewiseConstantDecay: ${boundaries.length} boundaries and ${values.length} values, expected one value more than boundaries`,
      )
    const numbers = [...boundaries, ...values]
    if (!numbers.every(Number.isFinite) || boundaries.some((b, i) => i > 0 && b <= boundaries[i - 1]))
      throw new ValueError(
        `PiecewiseConstantDecay: boundaries ${boundaries.join(', ')} and values ${values.join(', ')}, expected numbers, ascending boundaries`,
      )
  }

  call(step: number): number {
    const { boundaries, values } = this.options
    const i = boundaries.findIndex((last) => step <= last)
    return values.at(i)!
  }
}
