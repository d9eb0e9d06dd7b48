import { ValueError } from '@typegrad/tensor'
import { deserialize, serialize, type ConfiguredClass, type SerializedObject } from '@typegrad/tensor/config'
import { assertLearningRate, LearningRateSchedule, type LearningRate } from './schedule.ts'
import * as schedules from './schedules.ts'

const table: Readonly<Record<string, ConfiguredClass<LearningRateSchedule<any>>>> = { ...schedules }

export const isSerialized = (value: unknown): value is SerializedObject =>
  typeof value === 'object' && value !== null && 'class_name' in value && 'config' in value

/** A schedule as Keras writes it into JSON, `{ class_name, config }`. */
export const serializeSchedule = (schedule: LearningRateSchedule<any>): SerializedObject =>
  serialize(schedule, 'keras.optimizers.schedules', table)

/** The schedule that {@link serializeSchedule} or Keras wrote; `customObjects` names further classes. */
export const deserializeSchedule = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<LearningRateSchedule<any>>>> = {},
): LearningRateSchedule => deserialize('schedule', object, { ...table, ...customObjects })

/** The learning rate that an option stands for; throws a ValueError for what is none. */
export function resolveLearningRate(rate: LearningRate | SerializedObject, optimizer: string): LearningRate {
  const made = isSerialized(rate) ? deserializeSchedule(rate) : rate
  assertLearningRate(made, optimizer)
  return made
}

/** A number, or the JSON of a schedule; throws for a function, which has none. */
export function serializeLearningRate(rate: LearningRate): number | SerializedObject {
  if (typeof rate === 'number') return rate
  if (rate instanceof LearningRateSchedule) return serializeSchedule(rate)
  throw new ValueError('getConfig: the learning rate is a function, which cannot be written; use a LearningRateSchedule')
}
