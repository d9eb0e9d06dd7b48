/** What callbacks and loops remember, as JSON: tensors are put aside, and numbers that JSON lacks are written as text. */
import type { FormatError } from '@typegrad/data'
import type { State } from '@typegrad/model'
import { Tensor } from '@typegrad/tensor'
import { isRecord } from '../json.ts'

/** The JSON of a state; `keep` stores a tensor and says its name. */
export function writeState(state: State, keep: (tensor: Tensor) => string): unknown {
  if (state instanceof Tensor) return { tensor: keep(state.value) }
  if (typeof state === 'number') return Number.isFinite(state) && !Object.is(state, -0) ? state : { number: numberText(state) }
  if (Array.isArray(state)) return state.map((item: State) => writeState(item, keep))
  if (typeof state !== 'object' || state === null) return state
  return {
    object: Object.entries(state as Readonly<Record<string, State>>).map(([key, value]) => [key, writeState(value, keep)]),
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

/** The state that {@link writeState} wrote. */
export function readState(json: unknown, tensors: ReadonlyMap<string, Tensor>, fail: (why: string) => FormatError): State {
  if (json === null || ['boolean', 'number', 'string'].includes(typeof json)) return json as State
  if (Array.isArray(json)) return json.map((item: unknown) => readState(item, tensors, fail))
  const { tensor, number, object } = isRecord(json) ? json : {}
  if (typeof number === 'string') return Number(number)
  if (typeof tensor === 'string' && tensors.has(tensor)) return tensors.get(tensor)!
  if (!Array.isArray(object) || !object.every(isPair)) throw fail('a state in it is not written as states are')
  return Object.fromEntries(object.map(([key, value]) => [key, readState(value, tensors, fail)]))
}

const isPair = (value: unknown): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string'
