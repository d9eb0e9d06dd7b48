/** Models as one safetensors file: Keras' JSON in the metadata, tensors `model/…` and `optimizer/…`. */
import { FormatError } from '@typegrad/data'
import type { SerializedLayer } from '@typegrad/layers'
import {
  modelFromConfig,
  type CustomObjects,
  type LoadSource,
  type Model,
  type SaveOptions,
  type SaveTarget,
} from '@typegrad/model'
import type { Tensor } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { nameOf, writePieces } from '../files/files.ts'
import { isRecord, parseJson } from '../json.ts'
import { safetensorsPieces, type Safetensors } from '../safetensors/safetensors.ts'
import { Assignment } from './assign.ts'
import { optimizerOf, optimizerState, optimizerVariables, restoreOptimizer, type OptimizerState } from './optimizer.ts'
import { weightsByPath } from './parts.ts'

const key = 'typegrad.model'

/** The named values whose names begin with `prefix`, without it. */
export const under = <T>(prefix: string, named: ReadonlyMap<string, T>): Map<string, T> =>
  new Map([...named].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])))

/** The named values with `prefix` before their names. */
export const prefixed = <T>(prefix: string, named: ReadonlyMap<string, T>): [string, T][] =>
  [...named].map(([name, value]) => [prefix + name, value])

export async function saveModelFile(model: Model, target: SaveTarget, { includeOptimizer = true }: SaveOptions): Promise<void> {
  const weights = weightsByPath(model)
  const optimizer = includeOptimizer ? optimizerOf(model) : undefined
  const tensors = new Map<string, Tensor>([
    ...prefixed<Tensor>('model/', weights),
    ...(optimizer ? prefixed<Tensor>('optimizer/', optimizerVariables(optimizer, weights)) : []),
  ])
  const content = JSON.stringify({ version: 1, model: model.toJSON(), optimizer: optimizer ? optimizerState(optimizer) : null })
  await writePieces(target, await safetensorsPieces(tensors, { metadata: { [key]: content } }), 'save')
}

/** The model of a file that {@link saveModelFile} wrote. */
export function loadModelFile(
  { tensors, metadata }: Safetensors,
  source: LoadSource,
  custom: CustomObjects,
  compile: boolean,
): Model {
  const fail = (why: string): FormatError => new FormatError(`loadModel: ${nameOf(source)} is no valid model: ${why}`)
  const text = metadata.get(key)
  if (text === undefined) throw fail('it holds tensors, but no architecture; make the model and call loadWeights')
  const content = parseJson(text, fail)
  if (!isRecord(content) || content['version'] !== 1 || !isRecord(content['model'])) throw fail('its version is not 1')
  const { compile_config: compiled, ...architecture } = content['model'] as unknown as SerializedLayer & {
    compile_config?: object
  }
  const model = modelFromConfig(compile && compiled ? { ...architecture, compile_config: compiled } : architecture, custom)
  const plan = new Assignment({ exact: true })
  const weights = weightsByPath(model)
  plan.setAll('weight', weights, under('model/', tensors))
  if (compile && isRecord(content['optimizer']) && model.compiled)
    restoreOptimizer(
      model.optimizer,
      content['optimizer'] as unknown as OptimizerState,
      weights,
      under('optimizer/', tensors),
      plan,
    )
  refuse(`loadModel: ${nameOf(source)} contradicts itself`, plan.problems)
  plan.run()
  return model
}

/** Plans to give the model the weights of a safetensors file: of a model, a checkpoint, or weights alone. */
export function planWeights(model: Model, { tensors, metadata }: Safetensors, plan: Assignment): void {
  const whole = [...metadata.keys()].some((name) => name.startsWith('typegrad.'))
  plan.setAll('weight', weightsByPath(model), whole ? under('model/', tensors) : tensors)
}
