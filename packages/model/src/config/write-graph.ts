/** Functional models as Keras' config JSON: their layers, and the calls of each with the tensors they were made on. */
import {
  InputLayer,
  serializeLayer,
  type LayerConfig,
  type Node,
  type SerializedLayer,
  type SymbolicTensor,
} from '@typegrad/layers'
import { isNamed, Operation } from '@typegrad/layers/internals'
import { snakeCase, Tensor, ValueError } from '@typegrad/tensor'
import { layersOf } from '../graph.ts'
import { writeOperation } from './operations.ts'

/** A tensor by the layer that makes it, the number of that layer's call, and the number of its result. */
export type History = readonly [layer: string, call: number, output: number]

interface Graph {
  readonly nodes: readonly Node[]
  readonly inputs: readonly SymbolicTensor[]
  readonly outputs: readonly SymbolicTensor[]
  /** Whether the model was given a list of inputs, or of outputs; for a record its keys. */
  readonly lists: { readonly inputs: boolean | readonly string[]; readonly outputs: boolean | readonly string[] }
}

/** The name of an input: its layer's, also where it is a tensor within another graph. */
export const inputName = ({ node }: SymbolicTensor): string =>
  node!.inputs.length === 0 ? node!.layer.name : `${node!.layer.name}_input`

/** `layers`, `input_layers` and `output_layers` of a functional model's config. */
export function graphConfig({ nodes, inputs, outputs, lists }: Graph): LayerConfig {
  // A layer's calls count in the order in which they were made.
  const callsOf = (node: Node): Node[] => nodes.filter(({ layer }) => layer === node.layer).sort((a, b) => a.order - b.order)
  const within = inputs.filter(({ node }) => node!.inputs.length > 0)
  const historyOf = (tensor: SymbolicTensor): History => {
    if (inputs.includes(tensor)) return [inputName(tensor), 0, 0]
    const node = tensor.node!
    return [node.layer.name, callsOf(node).indexOf(node), node.outputs.indexOf(tensor)]
  }
  const write = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(write)
    if (value instanceof Tensor) return { class_name: '__tensor__', config: { value: value.toArray(), dtype: value.dtype } }
    if (typeof value === 'object' && value !== null && 'symbolic' in value) {
      const tensor = value as SymbolicTensor
      const { shape, dtype } = tensor
      return { class_name: '__keras_tensor__', config: { shape, dtype, keras_history: historyOf(tensor) } }
    }
    if (isNamed(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, write(one)]))
    if (value === null || ['number', 'string', 'boolean'].includes(typeof value)) return value
    throw new ValueError(`getConfig: a layer is called with a ${typeof value}, which a config cannot hold`)
  }
  const call = (node: Node): unknown => {
    const { layer, list, context, positional } = node
    if (layer instanceof Operation) return { args: write(writeOperation(layer, node.inputs).args), kwargs: {} }
    const args = node.inputs.slice(0, positional).map(write)
    const { separateInputs } = layer.constructor as { separateInputs?: boolean }
    const kwargs = Object.entries(context).filter(([, value]) => value !== undefined)
    return {
      args: list && !separateInputs ? [args] : args,
      kwargs: Object.fromEntries(kwargs.map(([name, value]) => [snakeCase(name), write(value)])),
    }
  }
  const layers = layersOf(nodes).map((layer): SerializedLayer & { name: string; inbound_nodes: unknown[] } => {
    const [first] = nodes.filter((node) => node.layer === layer)
    const calls = callsOf(first).filter((node) => node.inputs.length > 0)
    const own = layer instanceof Operation ? writeOperation(layer, first.inputs).layer : serializeLayer(layer)
    return { ...own, name: layer.name, inbound_nodes: calls.map(call) }
  })
  const standIns = within.map((tensor) => {
    const [batchSize, ...shape] = tensor.shape
    const name = inputName(tensor)
    return { ...serializeLayer(new InputLayer({ shape, batchSize, dtype: tensor.dtype, name })), name, inbound_nodes: [] }
  })
  const ends = (tensors: readonly SymbolicTensor[], list: boolean | readonly string[]): unknown => {
    if (typeof list === 'object') return Object.fromEntries(list.map((name, i) => [name, historyOf(tensors[i])]))
    return list ? tensors.map(historyOf) : historyOf(tensors[0])
  }
  return {
    layers: [...standIns, ...layers],
    input_layers: ends(inputs, lists.inputs),
    output_layers: ends(outputs, lists.outputs),
  }
}
