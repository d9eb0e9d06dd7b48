/** Functional models from Keras' config JSON: what `model.to_json()` and the `config.json` of a `.keras` file hold. */
import {
  deserializeLayer,
  InputLayer,
  type AnyLayer,
  type CustomLayers,
  type LayerConfig,
  type SerializedLayer,
  SymbolicTensor,
} from '@typegrad/layers'
import { isNamed } from '@typegrad/layers/internals'
import { camelCase, tensor, ValueError, type DType } from '@typegrad/tensor'
import { isKnown, isOperation, readOperation } from './operations.ts'
import type { History } from './write-graph.ts'

/** A call of a layer: its arguments, in which a tensor is named by layer, call and output. */
interface InboundNode {
  readonly args: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
}

interface GraphLayer extends SerializedLayer {
  readonly name: string
  readonly inbound_nodes: readonly InboundNode[]
}

type Ends = SymbolicTensor | SymbolicTensor[]
type NamedEnds = Readonly<Record<string, SymbolicTensor>>
type Find = (history: History) => SymbolicTensor | undefined

/** The symbolic input that an InputLayer's config describes. */
export const inputFromConfig = (config: LayerConfig): SymbolicTensor => InputLayer.fromConfig(config).output

/** What a functional model's config says: name, inputs and outputs of a graph of fresh layers. */
export function readGraph(
  config: LayerConfig,
  custom: CustomLayers,
): { name: string; trainable: boolean; inputs: Ends | NamedEnds; outputs: Ends | NamedEnds } {
  const { name, trainable = true, layers, input_layers, output_layers } = config as Record<string, any> & { layers: GraphLayer[] }
  // The outputs of every call of every layer.
  const calls = new Map<string, SymbolicTensor[][]>()
  const find: Find = ([layer, call, output]) => calls.get(layer)?.[call]?.[output]
  const made = new Map<string, AnyLayer>()
  const operations = layers.filter(isOperation)
  const ops = new Set(operations.map((layer) => layer.name))
  for (const layer of layers) {
    if (isOperation(layer)) calls.set(layer.name, [])
    else if (layer.class_name === 'InputLayer') calls.set(layer.name, [[inputFromConfig(layer.config)]])
    else {
      made.set(layer.name, deserializeLayer(layer, custom) as AnyLayer)
      calls.set(layer.name, [])
    }
  }
  let waiting = layers
    .filter((layer) => made.has(layer.name) || (isOperation(layer) && isKnown(layer)))
    .flatMap((layer) => layer.inbound_nodes.map((node) => ({ layer, node })))
  while (waiting.length > 0) {
    const later: typeof waiting = []
    for (const { layer, node } of waiting) {
      const args = node.args.map((arg) => resolve(arg, find))
      const further = furtherArguments(node, find, ops)
      // Calls of one layer are made in their order; one whose inputs are not there yet waits.
      const missing = [...args, ...Object.values(further)].flat().includes(undefined)
      if (missing || later.some((other) => other.layer === layer)) later.push({ layer, node })
      else {
        const inputs = (args.length > 1 ? args : args[0]) as Ends
        const output = made.get(layer.name)?.apply(inputs, further) ?? readOperation(layer, args)
        calls.get(layer.name)!.push(output instanceof SymbolicTensor ? [output] : Object.values(output))
      }
    }
    if (later.length === waiting.length) {
      const unknown = operations.find((operation) => !isKnown(operation))
      throw new ValueError(
        unknown
          ? `modelFromConfig: the op ${unknown.class_name} of ${unknown.module} is used as a layer, which is not supported; use a layer in its place`
          : `modelFromConfig: ${later.map(({ layer }) => layer.name).join(', ')} cannot be reached from the inputs`,
      )
    }
    waiting = later
  }
  return { name, trainable, inputs: ends(input_layers, find), outputs: ends(output_layers, find) }
}

/** Keyword arguments of a call. A mask that an op computes is the one that travels with the tensor anyway. */
function furtherArguments({ kwargs = {} }: InboundNode, find: Find, ops: ReadonlySet<string>): Record<string, unknown> {
  const computed = (value: unknown): boolean =>
    [value].flat().some((one) => ops.has((one as { config?: Partial<TensorConfig> } | null)?.config?.keras_history?.[0] ?? ''))
  return Object.fromEntries(
    Object.entries(kwargs)
      .filter(([name, value]) => value !== null && !(name.endsWith('mask') && computed(value)))
      .map(([name, value]) => [camelCase(name), resolve(value, find)]),
  )
}

interface TensorConfig {
  readonly keras_history: History
  readonly value: number[]
  readonly dtype: DType
}

/** An argument with tensors for Keras' references to them; `undefined` for one that is not made yet. */
function resolve(arg: unknown, find: Find): unknown {
  if (Array.isArray(arg)) return arg.map((item: unknown) => resolve(item, find))
  if (arg === null || typeof arg !== 'object') return arg
  const { class_name: kind, config } = arg as { class_name?: string; config?: TensorConfig }
  if (config && kind === '__keras_tensor__') return find(config.keras_history)
  if (config && (kind === '__tensor__' || kind === '__numpy__')) return tensor(config.value, { dtype: config.dtype })
  if (kind === '__slice__') return arg
  if (isNamed(arg)) return Object.fromEntries(Object.entries(arg).map(([key, one]) => [key, resolve(one, find)]))
  throw new ValueError(`modelFromConfig: a call has the argument ${JSON.stringify(arg)}, expected tensors`)
}

/** `[name, call, output]`, or a list or record of such. */
function ends(given: readonly unknown[] | Readonly<Record<string, History>>, find: Find): Ends | NamedEnds {
  const known = (history: History): SymbolicTensor => {
    const found = find(history)
    if (!found) throw new ValueError(`modelFromConfig: there is no tensor ${JSON.stringify(history)}`)
    return found
  }
  if (Array.isArray(given) && typeof given[0] === 'string') return known(given as unknown as History)
  if (Array.isArray(given)) return (given as History[]).map(known)
  return Object.fromEntries(Object.entries(given as Readonly<Record<string, History>>).map(([name, one]) => [name, known(one)]))
}
