import { ValueError } from '@typegrad/tensor'

/** A learning rate that depends on the step (0 for the first). */
export interface Schedule {
  call(step: number): number
}

export type LearningRate = number | Schedule

/** Throws unless `rate` is a number ≥ 0 or a schedule. */
export function assertLearningRate(rate: LearningRate, optimizer: string): void {
  if (typeof rate === 'number' ? !(rate >= 0 && Number.isFinite(rate)) : typeof rate?.call !== 'function') {
    throw new ValueError(`${optimizer}: learningRate is ${JSON.stringify(rate)}, expected a number ≥ 0 or a schedule`, {
      learningRate: rate,
    })
  }
}
