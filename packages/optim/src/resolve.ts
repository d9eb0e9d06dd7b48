import { lookup, ValueError } from '@typegrad/tensor'
import { deserialize, serialize, type ConfiguredClass, type SerializedObject } from '@typegrad/tensor/config'
import { Optimizer } from './optimizer.ts'
import * as optimizers from './optimizers.ts'
import { isSerialized } from './serialize.ts'

type ClassName = keyof typeof optimizers

/** An optimizer's class name, or the same in lower case as Keras writes it. */
export type OptimizerName = ClassName | Lowercase<ClassName>
export type OptimizerLike = OptimizerName | Optimizer<any> | SerializedObject

const table: Readonly<Record<string, ConfiguredClass<Optimizer<any>>>> = { ...optimizers }
const lowerCase = Object.fromEntries(Object.entries(table).map(([name, Class]) => [name.toLowerCase(), Class]))

/** The optimizer that a name, with its defaults, or Keras' JSON stands for, or the optimizer itself. */
export function resolveOptimizer(optimizer: OptimizerLike): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer
  if (isSerialized(optimizer)) return deserializeOptimizer(optimizer)
  if (typeof optimizer !== 'string') throw new ValueError(`optimizer: expected a name or an Optimizer, got ${String(optimizer)}`)
  return new (lookup('optimizer', optimizer.toLowerCase(), lowerCase))()
}

/** An optimizer as Keras writes it into JSON, `{ class_name, config }`. */
export const serializeOptimizer = (optimizer: Optimizer<any>): SerializedObject => serialize(optimizer, 'keras.optimizers', table)

/** The optimizer that {@link serializeOptimizer} or Keras wrote; `customObjects` names further classes. */
export const deserializeOptimizer = (
  object: SerializedObject,
  customObjects: Readonly<Record<string, ConfiguredClass<Optimizer<any>>>> = {},
): Optimizer => deserialize('optimizer', object, { ...table, ...lowerCase, ...customObjects })
