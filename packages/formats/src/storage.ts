/** Which format a file is in: by its name's ending when it is written, by its first bytes when it is read. */
import {
  registerStorage,
  type CustomObjects,
  type LoadSource,
  type LoadWeightsOptions,
  type Model,
  type SaveTarget,
} from '@typegrad/model'
import { ValueError } from '@typegrad/tensor'
import { refuse } from './errors.ts'
import { nameOf, removeFile, writePieces } from './files/files.ts'
import { readSafetensors, safetensorsPieces } from './safetensors/safetensors.ts'
import { Assignment } from './state/assign.ts'
import { loadCheckpoint, saveCheckpoint } from './state/checkpoint.ts'
import { loadModelFile, planWeights, saveModelFile } from './state/model-file.ts'
import { weightsByPath } from './state/parts.ts'

export interface LoadModelOptions extends LoadWeightsOptions {
  /** Your own classes and functions that the file may name: layers, losses, metrics, optimizers. */
  readonly customObjects?: CustomObjects
  /** Whether the model is compiled as the file says, with the state of its optimizer. @defaultValue `true` */
  readonly compile?: boolean
}

/** Whether a target's name ends so. */
const endsWith = (target: SaveTarget, ending: string): boolean => String(target).toLowerCase().endsWith(ending)

registerStorage({
  async save(model, target, options) {
    if (endsWith(target, '.safetensors')) return saveModelFile(model, target, options)
    throw new ValueError(`save: '${String(target)}', the name must end in .safetensors`)
  },
  async saveWeights(model, target) {
    assertBuilt(model, 'saveWeights')
    if (!endsWith(target, '.safetensors'))
      throw new ValueError(`saveWeights: '${String(target)}', the name must end in .safetensors`)
    await writePieces(target, await safetensorsPieces(weightsByPath(model)), 'saveWeights')
  },
  async loadWeights(model, source, options) {
    assertBuilt(model, 'loadWeights')
    const plan = new Assignment()
    planWeights(model, await readSafetensors(source, options), plan)
    refuse(`loadWeights: ${nameOf(source)} does not fit the model '${model.name}'`, plan.problems)
    plan.run()
  },
  saveCheckpoint,
  loadCheckpoint,
  remove: (target) => removeFile(target, 'remove'),
})

function assertBuilt(model: Model, op: string): void {
  if (!model.built)
    throw new ValueError(`${op}: model '${model.name}' has no weights yet; begin it with an Input, or call it on data once`)
}

/** The model of a file that `model.save` wrote, compiled and with the state of its optimizer. Nothing in the file is run. */
export async function loadModel(source: LoadSource, options: LoadModelOptions = {}): Promise<Model> {
  const { customObjects = {}, compile = true } = options
  return loadModelFile(await readSafetensors(source, options), source, customObjects, compile)
}
