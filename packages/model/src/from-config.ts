/** Models from Keras' config JSON: what `model.to_json()` and the `config.json` of a `.keras` file hold. */
import {
  deserializeLayer,
  Input,
  type AnyLayer,
  type CustomLayers,
  type LayerConfig,
  type SerializedLayer,
  type SymbolicTensor,
} from '@typegrad/layers'
import { ValueError } from '@typegrad/tensor'
import { Model } from './model.ts'
import { Sequential } from './sequential.ts'

/** A call of a layer: its arguments, in which a tensor is named by layer, call and output. */
interface InboundNode {
  readonly args: readonly unknown[]
}

interface GraphLayer extends SerializedLayer {
  readonly name: string
  readonly inbound_nodes: readonly InboundNode[]
}

type History = readonly [layer: string, call: number, output: number]

/** The models that a layer of a model may be. */
const nested = (custom: CustomLayers): CustomLayers => {
  const holder = (read: (config: LayerConfig, custom: CustomLayers) => Model) =>
    Object.assign(class extends Model {}, { fromConfig: read })
  return {
    ...custom,
    Sequential: holder(sequential),
    Functional: holder(functional),
    Model: holder(functional),
  }
}

/**
 * The model that Keras' JSON describes, untrained and not compiled: Sequential or functional, nested to any depth. Layers
 * are found in the tables of this library and in `custom` only; throws a ValueError for any other, and for unknown options.
 */
export function modelFromConfig(serialized: SerializedLayer, custom: CustomLayers = {}): Model {
  const { class_name: name, config } = serialized
  if (name === 'Sequential') return sequential(config, custom)
  if (name === 'Functional' || name === 'Model') return functional(config, custom)
  throw new ValueError(`modelFromConfig: unknown kind of model '${name}', known are Sequential and Functional`, { name })
}

function sequential(config: LayerConfig, custom: CustomLayers): Sequential {
  const {
    name,
    layers,
    build_input_shape: shape,
  } = config as { name: string; layers: SerializedLayer[]; build_input_shape?: (number | null)[] }
  const parts = layers.map((layer): AnyLayer | SymbolicTensor =>
    layer.class_name === 'InputLayer' ? Input(inputOptions(layer.config)) : deserializeLayer(layer, nested(custom)),
  )
  const model = new Sequential(parts, { name })
  if (!model.built && shape) model.buildFor(shape)
  return model
}

const inputOptions = (config: LayerConfig): Parameters<typeof Input>[0] => {
  const { batch_shape: shape, dtype, name } = config as { batch_shape: (number | null)[]; dtype: 'float32'; name: string }
  return { shape: shape.slice(1), dtype, name }
}

function functional(config: LayerConfig, custom: CustomLayers): Model {
  const {
    name,
    layers,
    input_layers: inputs,
    output_layers: outputs,
  } = config as {
    name: string
    layers: GraphLayer[]
    input_layers: unknown
    output_layers: unknown
  }
  // The outputs of every call of every layer.
  const calls = new Map<string, SymbolicTensor[][]>()
  const tensorOf = ([layer, call, output]: History): SymbolicTensor | undefined => calls.get(layer)?.[call]?.[output]
  const made = new Map<string, AnyLayer>()
  let waiting = layers.flatMap((layer) => layer.inbound_nodes.map((node) => ({ layer, node })))
  for (const layer of layers) {
    if (layer.class_name === 'InputLayer') calls.set(layer.name, [[Input(inputOptions(layer.config))]])
    else {
      made.set(layer.name, deserializeLayer(layer, nested(custom)))
      calls.set(layer.name, [])
    }
  }
  while (waiting.length > 0) {
    const later: typeof waiting = []
    for (const { layer, node } of waiting) {
      const args = node.args.map((arg) => resolve(arg, tensorOf))
      // Calls of one layer are made in their order; one whose inputs are not there yet waits.
      if (args.flat().includes(undefined) || later.some((other) => other.layer === layer)) later.push({ layer, node })
      else {
        const inputs = (args.length > 1 ? args : args[0]) as SymbolicTensor | SymbolicTensor[]
        const output = made.get(layer.name)!.apply(inputs)
        calls.get(layer.name)!.push(Array.isArray(output) ? output : [output])
      }
    }
    if (later.length === waiting.length) {
      throw new ValueError(
        `modelFromConfig: ${later.map(({ layer }) => layer.name).join(', ')} cannot be reached from the inputs`,
      )
    }
    waiting = later
  }
  return new Model({ name, inputs: ends(inputs, tensorOf), outputs: ends(outputs, tensorOf) })
}

/** Keras' reference to a tensor, or a list of them, as the tensors; `undefined` for one that is not made yet. */
function resolve(arg: unknown, tensorOf: (history: History) => SymbolicTensor | undefined): unknown {
  if (Array.isArray(arg)) return arg.map((item: unknown) => resolve(item, tensorOf))
  const { class_name: kind, config } = (arg ?? {}) as { class_name?: string; config?: { keras_history: History } }
  if (kind !== '__keras_tensor__' || !config)
    throw new ValueError(`modelFromConfig: a call has the argument ${JSON.stringify(arg)}, expected tensors`)
  return tensorOf(config.keras_history)
}

/** `[name, call, output]`, or a list of such. */
function ends(given: unknown, tensorOf: (history: History) => SymbolicTensor | undefined): SymbolicTensor | SymbolicTensor[] {
  const list = given as History | History[]
  return typeof list[0] === 'string' ? tensorOf(list as History)! : (list as History[]).map((history) => tensorOf(history)!)
}
