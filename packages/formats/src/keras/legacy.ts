/** Keras' older whole-model `.h5` files, to be read: JSON in attributes, weights by the names of layers. */
import { FormatError } from '@typegrad/data'
import type { LoadSource, Model } from '@typegrad/model'
import type { Variable } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { nameOf } from '../files/files.ts'
import { isRecord, parseJson } from '../json.ts'
import type { LoadModelOptions } from '../storage.ts'
import { Assignment } from '../state/assign.ts'
import { optimizerOf } from '../state/optimizer.ts'
import { modelOf } from './config.ts'
import type { Hdf5 } from './hdf5.ts'
import { planOptimizer } from './weights.ts'

/** Whether a file is a whole model of the older format. */
export const isLegacy = ({ groups }: Hdf5): boolean => groups.has('model_weights')

export function loadLegacy(file: Hdf5, source: LoadSource, { compile = true, customObjects = {} }: LoadModelOptions): Model {
  const what = `loadModel: ${nameOf(source)}`
  const fail = (why: string): FormatError => new FormatError(`${what} is no valid .h5 file: ${why}`)
  const json = (name: string): unknown => {
    const text = file.attributes.get('')?.get(name)
    return typeof text === 'string' ? parseJson(text, fail) : undefined
  }
  const model = modelOf(json('model_config'), what, fail, { compile, customObjects })
  const training = json('training_config')
  if (compile && isRecord(training)) {
    const { optimizer_config: optimizer, ...options } = training
    model.compileFromConfig({ ...options, optimizer }, customObjects)
  }
  const plan = new Assignment()
  planLegacyWeights(model, file, plan)
  const names = file.attributes.get('optimizer_weights')?.get('weight_names')
  const optimizer = compile ? optimizerOf(model) : undefined
  if (optimizer && Array.isArray(names))
    planOptimizer(
      optimizer,
      names.map((name: string) => file.tensors.get(`optimizer_weights/${name}`)),
      plan,
    )
  refuse(`${what} contradicts itself`, plan.problems)
  plan.run()
  return model
}

/** Plans to give each layer the weights that are under its name: those that train, then the others. */
export function planLegacyWeights(model: Model, { groups, attributes, tensors }: Hdf5, plan: Assignment): void {
  const root = groups.has('model_weights') ? 'model_weights/' : ''
  for (const layer of model.layers) {
    const weights: readonly Variable[] = [...layer.trainableWeights, ...layer.nonTrainableWeights]
    const names = attributes.get(`${root}${layer.name}`)?.get('weight_names') ?? []
    if (names.length !== weights.length)
      plan.problems.push(`layer '${layer.name}': ${names.length} weights in the file, ${weights.length} in the model`)
    else weights.forEach((weight, i) => plan.set(`weight ${names[i]}`, weight, tensors.get(`${root}${layer.name}/${names[i]}`)))
  }
  const known = new Set([...model.layers.map(({ name }) => name), 'top_level_model_weights'])
  for (const name of attributes.get(root.slice(0, -1))?.get('layer_names') ?? [])
    if (!known.has(name)) plan.problems.push(`layer '${name}': in the file, not in the model`)
}
