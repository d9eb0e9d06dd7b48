/** `.keras` files: a zip archive of `config.json`, `metadata.json`, `model.weights.h5` and what layers keep in `assets/`. */
import { FormatError } from '@typegrad/data'
import { unzip, zipPieces } from '@typegrad/data/files'
import type { LoadSource, Model, SaveOptions, SaveTarget } from '@typegrad/model'
import { refuse } from '../errors.ts'
import { nameOf, writePieces } from '../files/files.ts'
import { parseJson } from '../json.ts'
import type { LoadModelOptions } from '../storage.ts'
import { Assignment } from '../state/assign.ts'
import { readVocabularies } from './assets.ts'
import { kerasJson, modelOf } from './config.ts'
import { hdf5Pieces, readHdf5 } from './hdf5.ts'
import { isLegacy, loadLegacy, planLegacyWeights } from './legacy.ts'
import { kerasWeights, planKerasWeights } from './weights.ts'

/** The version of Keras whose files these are. */
const version = '3.15.1'

export async function saveKeras(model: Model, target: SaveTarget, { includeOptimizer = true }: SaveOptions): Promise<void> {
  const text = new TextEncoder()
  const now = new Date().toISOString()
  const metadata = { keras_version: version, date_saved: `${now.slice(0, 10)}@${now.slice(11, 19)}` }
  const config = text.encode(kerasJson(model))
  const weights = await hdf5Pieces(kerasWeights(model, includeOptimizer), 'save')
  const entries: [string, Iterable<Uint8Array>][] = [
    ['metadata.json', [text.encode(JSON.stringify(metadata))]],
    ['config.json', [config]],
    ['model.weights.h5', weights],
  ]
  await writePieces(target, zipPieces(entries, 'save'), 'save')
}

/** The model of the bytes of a `.keras` file. */
export async function loadKeras(bytes: Uint8Array, source: LoadSource, options: LoadModelOptions): Promise<Model> {
  const { compile = true, customObjects = {} } = options
  const what = `loadModel: ${nameOf(source)}`
  const fail = (why: string): FormatError => new FormatError(`${what} is no valid .keras file: ${why}`)
  const files = unzip(bytes, () => true, what)
  const [config, weights] = ['config.json', 'model.weights.h5'].map((name) => files.get(name))
  if (!config || !weights)
    throw fail(`it holds ${[...files.keys()].join(', ') || 'nothing'}, expected config.json and model.weights.h5`)
  const model = modelOf(parseJson(config, fail), what, fail, { compile, customObjects })
  const plan = new Assignment()
  const others = [...files].filter(([name]) => !['config.json', 'metadata.json', 'model.weights.h5'].includes(name))
  const file = readHdf5(weights, what)
  const tensors = new Map(file.tensors)
  readVocabularies(model, new Map(others), tensors, plan)
  planKerasWeights(model, { ...file, tensors }, plan, compile)
  refuse(`${what} contradicts itself`, plan.problems)
  plan.run()
  return model
}

/** The model of the bytes of a whole-model `.h5` file. */
export async function loadHdf5(bytes: Uint8Array, source: LoadSource, options: LoadModelOptions): Promise<Model> {
  const what = `loadModel: ${nameOf(source)}`
  const file = readHdf5(bytes, what)
  if (isLegacy(file)) return loadLegacy(file, source, options)
  throw new FormatError(`${what} holds weights, but no architecture; make the model and call loadWeights`)
}

/** Plans to give the model the weights of a file by Keras: `.keras`, `.weights.h5` or `.h5`. */
export async function planKerasFile(model: Model, bytes: Uint8Array, name: string, plan: Assignment): Promise<void> {
  const what = `loadWeights: ${name}`
  const zipped = bytes[0] === 0x50 ? unzip(bytes, (entry) => entry === 'model.weights.h5', what).get('model.weights.h5') : bytes
  if (!zipped) throw new FormatError(`${what} holds no model.weights.h5`)
  const file = readHdf5(zipped, what)
  if (isLegacy(file)) planLegacyWeights(model, file, plan)
  else planKerasWeights(model, file, plan, false)
}
