import { camelCase, ValueError } from '@typegrad/tensor'
import { Configured } from '@typegrad/tensor/config'

/** A learning rate that depends on the step (0 for the first). */
export interface Schedule {
  call(step: number): number
}

/** A number, a schedule, or a function of the step. */
export type LearningRate = number | Schedule | ((step: number) => number)

export interface ScheduleOptions {
  readonly name?: string
}

/** A schedule that is made of options; `call` is its formula. */
export abstract class LearningRateSchedule<O extends ScheduleOptions = ScheduleOptions>
  extends Configured<O>
  implements Schedule
{
  constructor(options: O = {} as O) {
    super(options)
    for (const [key, value] of Object.entries(this.options)) {
      if (value === undefined || (typeof value === 'number' && !Number.isFinite(value)))
        throw new ValueError(`${new.target.name}: ${key} is ${String(value)}, expected a number`, { [key]: value })
      if (camelCase(key).endsWith('DecaySteps') || key === 'decaySteps') {
        if (!((value as number) > 0))
          throw new ValueError(`${new.target.name}: ${key} must be positive, got ${String(value)}`, { [key]: value })
      }
    }
  }

  /** The learning rate of a step, 0 for the first. */
  abstract call(step: number): number
}

/** Throws unless `rate` is a number ≥ 0, a schedule or a function. */
export function assertLearningRate(rate: unknown, optimizer: string): asserts rate is LearningRate {
  if (typeof rate === 'number' ? rate >= 0 && Number.isFinite(rate) : typeof rate === 'function') return
  if (typeof rate === 'object' && rate !== null && 'call' in rate && typeof rate.call === 'function') return
  throw new ValueError(
    `${optimizer}: learningRate is ${typeof rate === 'number' ? rate : JSON.stringify(rate)}, expected a number ≥ 0 or a schedule`,
    {
      learningRate: rate,
    },
  )
}
