/** Which format a file is in: by its name's ending when it is written, by its first bytes when it is read. */
import {
  registerStorage,
  type CustomObjects,
  type LoadSource,
  type LoadWeightsOptions,
  Model,
  type SaveTarget,
} from '@typegrad/model'
import { optionsOf, ValueError } from '@typegrad/tensor'
import { refuse } from './errors.ts'
import { nameOf, removeFile, withBytes, writePieces } from './files/files.ts'
import type { Bytes } from './files/place.ts'
import { read as readTensors, safetensorsPieces } from './safetensors/safetensors.ts'
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

type Format = 'keras' | 'hdf5' | 'safetensors'

/** The format that a target's name says. */
function formatFor(target: SaveTarget, op: string, allowed: Readonly<Record<string, Format>>): Format {
  const name = String(target).toLowerCase()
  const ending = Object.keys(allowed).find((known) => name.endsWith(known))
  if (ending) return allowed[ending]
  const whole = ' (the older .h5 of whole models is only read)'
  const hint = name.endsWith('.weights.h5') ? ' (saveWeights writes weights alone)' : name.endsWith('.h5') ? whole : ''
  throw new ValueError(`${op}: '${String(target)}', the name must end in ${Object.keys(allowed).join(' or ')}${hint}`)
}

/** The format that a file's first bytes show. */
async function formatOf(bytes: Bytes): Promise<Format> {
  const first = await bytes.read(0, Math.min(4, bytes.size))
  const begins = (...head: number[]): boolean => head.every((byte, i) => first[i] === byte)
  return begins(0x50, 0x4b) ? 'keras' : begins(0x89, 0x48, 0x44, 0x46) ? 'hdf5' : 'safetensors'
}

registerStorage({
  async save(model, target, options) {
    assertBuilt(model, 'save')
    if (formatFor(target, 'save', { '.keras': 'keras', '.safetensors': 'safetensors' }) === 'safetensors')
      return saveModelFile(model, target, options)
    const { saveKeras } = await import('./keras/archive.ts')
    return saveKeras(model, target, options)
  },
  async saveWeights(model, target) {
    assertBuilt(model, 'saveWeights')
    if (formatFor(target, 'saveWeights', { '.weights.h5': 'hdf5', '.safetensors': 'safetensors' }) === 'safetensors')
      return writePieces(target, await safetensorsPieces(weightsByPath(model)), 'saveWeights')
    const [{ hdf5Pieces }, { kerasWeights }] = await Promise.all([import('./keras/hdf5.ts'), import('./keras/weights.ts')])
    return writePieces(target, await hdf5Pieces(kerasWeights(model, true), 'saveWeights'), 'saveWeights')
  },
  async loadWeights(model, source, options) {
    assertBuilt(model, 'loadWeights')
    const plan = new Assignment()
    const read = async (bytes: Bytes): Promise<void> => {
      if ((await formatOf(bytes)) === 'safetensors')
        return planWeights(model, await readTensors(bytes, `loadWeights: ${nameOf(source)}`), plan)
      const { planKerasFile } = await import('./keras/archive.ts')
      return planKerasFile(model, await bytes.read(0, bytes.size), nameOf(source), plan)
    }
    await withBytes(source, 'loadWeights', read, options)
    refuse(`loadWeights: ${nameOf(source)} does not fit the model '${model.name}'`, plan.problems)
    plan.run()
  },
  saveCheckpoint,
  loadCheckpoint,
  remove: (target) => removeFile(target, 'remove'),
})

/** A model with a step of its own may never be called itself: its weights are those of its layers. */
const hasWeights = ({ built, layers }: Model): boolean =>
  built || (layers.length > 0 && layers.every((layer) => (layer instanceof Model ? hasWeights(layer) : layer.built)))

function assertBuilt(model: Model, op: string): void {
  if (!hasWeights(model))
    throw new ValueError(`${op}: model '${model.name}' has no weights yet; begin it with an Input, or call it on data once`)
}

/**
 * The model of a file: `.keras`, Keras' older `.h5`, or `.safetensors` by `model.save`; compiled as the file says, with the state of its
 * optimizer. Nothing in a file is run: classes are those of this library and `customObjects`; whatever else is in it is listed and refused.
 */
export async function loadModel(source: LoadSource, given?: LoadModelOptions): Promise<Model> {
  const options = optionsOf('loadModel', given, { onProgress: undefined, customObjects: {}, compile: true })
  const read = async (bytes: Bytes): Promise<Model> => {
    const format = await formatOf(bytes)
    if (format === 'safetensors') {
      const { customObjects, compile } = options
      return loadModelFile(await readTensors(bytes, `loadModel: ${nameOf(source)}`), source, customObjects, compile)
    }
    const { loadKeras, loadHdf5 } = await import('./keras/archive.ts')
    return (format === 'keras' ? loadKeras : loadHdf5)(await bytes.read(0, bytes.size), source, options)
  }
  return withBytes(source, 'loadModel', read, options)
}
