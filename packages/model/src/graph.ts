import type { AnyLayer, CallContext, Node, SymbolicTensor } from '@typegrad/layers'
import { callNode, StringLayer, StringTensor } from '@typegrad/layers/internals'
import { formatShape, ValueError, type Tensor } from '@typegrad/tensor'

/**
 * The calls that lead from inputs to outputs, in Keras' order, which is that of layers and weights in its files: those that are
 * farthest from the outputs first; of equally far ones the layer that is met first on the way back from the outputs. Throws
 * when an output hangs on another input.
 */
export function topological(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Node[] {
  const found: Node[] = []
  const seen = new Set<Node>()
  const met = new Map<AnyLayer, number>()
  const visit = (tensor: SymbolicTensor): void => {
    const { node } = tensor
    const given = inputs.includes(tensor)
    // What comes before a tensor within a graph that is taken for an input is none of the model's.
    if (!node || seen.has(node) || (given && node.inputs.length > 0)) return
    if (!given && node.inputs.length === 0) {
      throw new ValueError(
        `Model: the output depends on input '${node.layer.name}' of shape ${formatShape(tensor.shape)}, which is not among the inputs`,
      )
    }
    seen.add(node)
    if (!met.has(node.layer)) met.set(node.layer, met.size)
    node.inputs.forEach(visit)
    found.push(node)
  }
  outputs.forEach(visit)

  // How many calls lie between a call (or the farthest call of a layer) and the outputs.
  const depths = new Map<Node, number>()
  const layerDepths = new Map<AnyLayer, number>()
  for (const node of found.toReversed()) {
    const depth = Math.max(depths.get(node) ?? 0, layerDepths.get(node.layer) ?? 0)
    depths.set(node, depth)
    layerDepths.set(node.layer, depth)
    for (const { node: before } of node.inputs) if (before) depths.set(before, Math.max(depths.get(before) ?? 0, depth + 1))
  }
  for (const { node } of inputs) {
    if (!node || seen.has(node) || node.inputs.length > 0) continue
    found.push(node)
    depths.set(node, 0)
    met.set(node.layer, -1)
  }
  return found.toSorted((a, b) => depths.get(b)! - depths.get(a)! || met.get(a.layer)! - met.get(b.layer)!)
}

/**
 * For each input of strings, the call of the one layer that makes numbers of it; `undefined` for other inputs, and where several
 * calls, or that of a model, take the strings.
 */
export const textCalls = (nodes: readonly Node[], inputs: readonly SymbolicTensor[]): (Node | undefined)[] =>
  inputs.map((input) => {
    const takers = input.dtype === 'string' ? nodes.filter((node) => node.inputs.includes(input)) : []
    const [taker] = takers
    return takers.length === 1 && taker.inputs.length === 1 && taker.layer instanceof StringLayer ? taker : undefined
  })

/** Runs the calls on tensors. Numbers for an input of strings are what its first layer has made of them. */
export function runGraph(
  nodes: readonly Node[],
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
  values: readonly Tensor[],
  context: CallContext,
): Tensor[] {
  const heads = textCalls(nodes, inputs)
  const known = new Map<SymbolicTensor, Tensor>(
    inputs.map((input, i) => {
      const head = values[i] instanceof StringTensor ? undefined : heads[i]
      return [head ? head.outputs[0] : input, values[i]]
    }),
  )
  for (const node of nodes) {
    if (node.inputs.length === 0 || node.outputs.every((output) => known.has(output))) continue
    callNode(node, (input) => known.get(input)!, context).forEach((value, i) => known.set(node.outputs[i], value))
  }
  return outputs.map((output) => known.get(output)!)
}

/** The layers of the calls, each once. */
export const layersOf = (nodes: readonly Node[]): AnyLayer[] => [...new Set(nodes.map((node) => node.layer))]
