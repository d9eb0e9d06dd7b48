import { callNode, type AnyLayer, type CallContext, type Node, type SymbolicTensor } from '@typegrad/layers'
import { formatShape, ValueError, type Tensor } from '@typegrad/tensor'

/** The calls that lead from inputs to outputs, each after those it needs. Throws when an output hangs on another input. */
export function topological(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): Node[] {
  const nodes: Node[] = []
  const seen = new Set<Node>()
  const visit = (tensor: SymbolicTensor): void => {
    const { node } = tensor
    if (!node || seen.has(node)) return
    seen.add(node)
    if (inputs.includes(tensor)) {
      nodes.push(node)
      return
    }
    if (node.inputs.length === 0) {
      throw new ValueError(
        `Model: the output depends on input '${node.layer.name}' of shape ${formatShape(tensor.shape)}, which is not among the inputs`,
      )
    }
    node.inputs.forEach(visit)
    nodes.push(node)
  }
  inputs.forEach(visit)
  outputs.forEach(visit)
  return nodes
}

/** Runs the calls on tensors. */
export function runGraph(
  nodes: readonly Node[],
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
  values: readonly Tensor[],
  context: CallContext,
): Tensor[] {
  const known = new Map<SymbolicTensor, Tensor>(inputs.map((input, i) => [input, values[i]]))
  for (const node of nodes) {
    if (node.outputs.every((output) => known.has(output))) continue
    callNode(node, (input) => known.get(input)!, context).forEach((value, i) => known.set(node.outputs[i], value))
  }
  return outputs.map((output) => known.get(output)!)
}

/** The layers of the calls, each once. */
export const layersOf = (nodes: readonly Node[]): AnyLayer[] => [...new Set(nodes.map((node) => node.layer))]
