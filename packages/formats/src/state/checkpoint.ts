/**
 * Checkpoints: all that a training run needs to go on bit by bit, in one safetensors file. Tensors are `model/…`, `optimizer/…` and
 * `state/…`; the rest is JSON in the metadata.
 */
import { FormatError } from '@typegrad/data'
import { RNN } from '@typegrad/layers'
import type { Callback, Checkpoint, Model, SaveTarget, State } from '@typegrad/model'
import { random, Tensor } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { isMissing, writePieces } from '../files/files.ts'
import { isRecord, parseJson } from '../json.ts'
import { readSafetensors, safetensorsPieces, type Safetensors } from '../safetensors/safetensors.ts'
import { Assignment } from './assign.ts'
import { optimizerOf, optimizerState, optimizerVariables, restoreOptimizer, type OptimizerState } from './optimizer.ts'
import { prefixed, under } from './model-file.ts'
import { partsOf, weightsByPath } from './parts.ts'
import { readState, writeState } from './values.ts'

type GeneratorState = readonly [number, number, number]

/** The JSON of a checkpoint. */
interface Content {
  readonly version: 1
  readonly optimizer: OptimizerState | null
  /** The generator behind `setSeed`, and those of layers by path. */
  readonly random: { readonly global: GeneratorState; readonly layers: Readonly<Record<string, readonly GeneratorState[]>> }
  /** What stateful recurrent layers remember, by path. */
  readonly layers: Readonly<Record<string, unknown>>
  readonly callbacks: readonly { readonly class_name: string; readonly state: unknown }[]
  readonly progress: unknown
}

const key = 'typegrad.checkpoint'

/** Writes a checkpoint. Everything is read before the first await, so that training may go on meanwhile. */
export async function saveCheckpoint(model: Model, target: SaveTarget, { progress, callbacks = [] }: Checkpoint): Promise<void> {
  const weights = weightsByPath(model)
  const optimizer = optimizerOf(model)
  const states = new Map<string, Tensor>()
  const keep = (tensor: Tensor): string => {
    const name = `state/${states.size}`
    states.set(name, tensor)
    return name
  }
  const parts = partsOf(model)
  const content: Content = {
    version: 1,
    optimizer: optimizer ? optimizerState(optimizer) : null,
    random: {
      global: random.globalGenerator().state,
      layers: Object.fromEntries(
        parts
          .filter(({ layer }) => layer.generators.length > 0)
          .map(({ path, layer }) => [path, layer.generators.map(({ state }) => state)]),
      ),
    },
    layers: Object.fromEntries(
      parts.flatMap(({ path, layer }) => (layer instanceof RNN && layer.states ? [[path, writeState(layer.states, keep)]] : [])),
    ),
    callbacks: callbacks.map((callback) => ({
      class_name: callback.constructor.name,
      state: writeState(callback.getState() ?? null, keep),
    })),
    progress: writeState(progress, keep),
  }
  const tensors = new Map<string, Tensor>([
    ...prefixed<Tensor>('model/', weights),
    ...(optimizer ? prefixed<Tensor>('optimizer/', optimizerVariables(optimizer, weights)) : []),
    ...states,
  ])
  await writePieces(target, await safetensorsPieces(tensors, { metadata: { [key]: JSON.stringify(content) } }), 'saveCheckpoint')
}

/** Puts back what {@link saveCheckpoint} wrote, all of it or, if anything does not fit, nothing. */
export async function loadCheckpoint(
  model: Model,
  source: SaveTarget,
  callbacks: readonly Callback[],
): Promise<State | undefined> {
  const file = await readSafetensors(source).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (!file) return undefined
  const fail = (why: string): FormatError => new FormatError(`loadCheckpoint: '${String(source)}' is no valid checkpoint: ${why}`)
  const content = contentOf(file, fail)
  const read = (json: unknown): State => readState(json, file.tensors, fail)

  const plan = new Assignment({ exact: true })
  const weights = weightsByPath(model)
  plan.setAll('weight', weights, under('model/', file.tensors))
  if (content.optimizer && model.compiled)
    restoreOptimizer(model.optimizer, content.optimizer, weights, under('optimizer/', file.tensors), plan)
  else if (content.optimizer) plan.problems.push('optimizer: in the file, but the model is not compiled')
  else if (model.compiled) plan.problems.push('optimizer: not in the file, but the model is compiled')
  restoreLayers(model, content, read, plan)
  restoreCallbacks(callbacks, content, read, plan)
  refuse(`loadCheckpoint: '${String(source)}' does not fit the model '${model.name}'`, plan.problems)
  const progress = read(content.progress)
  plan.run()
  return progress
}

function contentOf({ metadata }: Safetensors, fail: (why: string) => FormatError): Content {
  const text = metadata.get(key)
  if (text === undefined) throw fail('it is a safetensors file without the state of a training run')
  const content = parseJson(text, fail)
  if (!isRecord(content) || content['version'] !== 1) throw fail('its version is not 1')
  const { optimizer, random: streams, layers, callbacks } = content as Partial<Record<keyof Content, any>>
  const valid =
    (optimizer === null || (isRecord(optimizer) && isRecord(optimizer['config']) && Number.isSafeInteger(optimizer['steps']))) &&
    isRecord(streams) &&
    isGeneratorState(streams['global']) &&
    isRecord(streams['layers']) &&
    Object.values(streams['layers']).every((states) => Array.isArray(states) && states.every(isGeneratorState)) &&
    isRecord(layers) &&
    Array.isArray(callbacks) &&
    callbacks.every((callback: unknown) => isRecord(callback) && typeof callback['class_name'] === 'string')
  if (!valid) throw fail('its metadata lack what a checkpoint has')
  return content as unknown as Content
}

const isGeneratorState = (state: unknown): state is GeneratorState =>
  Array.isArray(state) && state.length === 3 && state.every((part) => Number.isSafeInteger(part))

/** Random generators, and what stateful layers remember. */
function restoreLayers(
  model: Model,
  { random: streams, layers }: Content,
  read: (json: unknown) => State,
  plan: Assignment,
): void {
  const parts = new Map(partsOf(model).map(({ path, layer }) => [path, layer]))
  for (const [path, { generators }] of parts) {
    const saved = Object.hasOwn(streams.layers, path) ? streams.layers[path] : []
    if (saved.length !== generators.length)
      plan.problems.push(`layer ${path}: ${saved.length} random generators in the file, ${generators.length} in the model`)
    else plan.also(() => generators.forEach((generator, i) => (generator.state = saved[i])))
  }
  for (const path of Object.keys(streams.layers))
    if (!parts.has(path)) plan.problems.push(`layer ${path}: random generators in the file, no such layer in the model`)
  for (const [path, states] of Object.entries(layers)) {
    const layer = parts.get(path)
    const values = read(states)
    const valid = Array.isArray(values) && values.every((value) => value instanceof Tensor)
    if (layer instanceof RNN && valid) plan.also(() => layer.resetStates(values))
    else plan.problems.push(`layer ${path}: the states of a recurrent layer in the file, no such layer in the model`)
  }
  plan.also(() => (random.globalGenerator().state = streams.global))
}

function restoreCallbacks(
  callbacks: readonly Callback[],
  { callbacks: saved }: Content,
  read: (json: unknown) => State,
  plan: Assignment,
): void {
  const [names, given] = [saved.map((one) => one.class_name), callbacks.map((one) => one.constructor.name)]
  if (names.join(' ') !== given.join(' ')) {
    plan.problems.push(`callbacks: ${names.join(', ') || 'none'} in the file, ${given.join(', ') || 'none'} now`)
    return
  }
  callbacks.forEach((callback, i) => {
    const state = read(saved[i].state)
    if (state !== null) plan.also(() => callback.setState(state))
  })
}
