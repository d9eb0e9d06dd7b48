import type { Backend } from '../backends/backend.ts'
import { contiguousLayout } from '../layout.ts'
import { allocate, type Buffer } from '../memory.ts'
import { sameShape } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { callNode, countWriters, isWhole, rootOf, Value, valueOf, type Graph, type Node } from './trace.ts'

/** The same graph with less to do: what only constants go into is computed now, what is computed twice once, what nobody reads not at all. */
export const simplify = (graph: Graph, backend: Backend): Graph => withoutDead(withoutTwins(withConstants(graph, backend)))

/** The graph with other tensors in place of those that are read. */
function reading(graph: Graph, nodes: readonly Node[], read: (x: Tensor) => Tensor): Graph {
  return {
    ...graph,
    nodes,
    outputs: graph.outputs.map(read),
    assigned: graph.assigned.map(({ variable, value }) => ({ variable, value: read(value) })),
  }
}

/** Computes the nodes whose inputs are all constants of the host, with the kernels of a backend there. */
function withConstants(graph: Graph, backend: Backend): Graph {
  const counts = countWriters(graph.nodes)
  const known = new Map<Value, Value>()
  const constant = (value: Value): Value | undefined =>
    value.origin.kind === 'constant' ? value : (known.get(value) ?? (isZeros(value, counts) ? zeros(value) : undefined))
  const zeros = (value: Value): Value => {
    const zero = constantOf(value)
    known.set(value, zero)
    return zero
  }
  const read = (x: Tensor): Tensor => {
    const value = constant(valueOf(x))
    return value ? new Tensor(value, x.layout, x.dtype) : x
  }
  const nodes: Node[] = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(read)
    const whole = node.outputs.every((out) => isPlain(out) && counts.get(valueOf(out)) === 1)
    if (whole && isSteady(node) && inputs.every((x) => isKnown(valueOf(x)))) {
      const outputs = node.outputs.map((out) => {
        const value = constantOf(valueOf(out))
        known.set(valueOf(out), value)
        return hostView(new Tensor(value, out.layout, out.dtype))
      })
      callNode(backend, node, inputs.map(hostView), outputs)
    } else nodes.push({ ...node, inputs })
  }
  return reading(graph, nodes, read)
}

/** Whether a view is all of a value that no loop knows. */
const isPlain = (x: Tensor): boolean => isWhole(x) && valueOf(x).stack === undefined && valueOf(x).origin.kind !== 'slice'

/** Whether a node always makes the same of the same inputs; what runs on the host may not. */
const isSteady = ({ kind }: Node): boolean => kind !== 'random' && kind !== 'host'

const isKnown = ({ origin }: Value): boolean => origin.kind === 'constant' && origin.tensor.buffer.array !== undefined

/** A value that nothing writes: zeros. */
const isZeros = (value: Value, counts: ReadonlyMap<Value, number>): boolean =>
  value.origin.kind === 'computed' && !counts.has(value)

/** A constant of zeros that stands for a value. */
function constantOf({ id, dtype, size }: Value): Value {
  const { buffer, offset } = allocate(dtype, size)
  return new Value(id, dtype, size, { kind: 'constant', tensor: new Tensor(buffer, contiguousLayout([size], offset), dtype) })
}

/** A view of a constant as a tensor of the host. */
function hostView(x: Tensor): Tensor {
  const { origin } = valueOf(x)
  if (origin.kind !== 'constant') return x
  const { buffer, layout } = origin.tensor
  return new Tensor(buffer, { ...x.layout, offset: x.layout.offset + layout.offset }, x.dtype)
}

/** Of nodes that compute the same from the same, the first is kept. */
function withoutTwins(graph: Graph): Graph {
  const counts = countWriters(graph.nodes)
  /** By what they read first. */
  const kept = new Map<Buffer | undefined, Node[]>()
  const same = new Map<Value, Value>()
  const read = (x: Tensor): Tensor => {
    const value = same.get(valueOf(x))
    return value ? new Tensor(value, x.layout, x.dtype) : x
  }
  const nodes: Node[] = []
  for (const node of graph.nodes) {
    const seen = { ...node, inputs: node.inputs.map(read) } as Node
    const steady = seen.inputs.every((x) => (counts.get(valueOf(x)) ?? 0) <= 1)
    const fresh = seen.outputs.every((out) => isPlain(out) && counts.get(valueOf(out)) === 1)
    if (!isSteady(node) || !steady || !fresh) {
      nodes.push(seen)
      continue
    }
    const alike = kept.get(seen.inputs[0]?.buffer) ?? []
    const twin = alike.find((one) => isTwin(one, seen))
    if (twin) seen.outputs.forEach((out, i) => same.set(valueOf(out), valueOf(twin.outputs[i])))
    else {
      alike.push(seen)
      kept.set(seen.inputs[0]?.buffer, alike)
      nodes.push(seen)
    }
  }
  return reading(graph, nodes, read)
}

/** Whether two nodes compute the same from the same. */
function isTwin(a: Node, b: Node): boolean {
  if (a.kind !== b.kind || a.inputs.length !== b.inputs.length || a.outputs.length !== b.outputs.length) return false
  return (
    a.inputs.every((x, i) => isSameView(x, b.inputs[i])) &&
    a.outputs.every((out, i) => isLike(out, b.outputs[i])) &&
    sameDetails(a, b)
  )
}

const isLike = (x: Tensor, y: Tensor): boolean => x.dtype === y.dtype && sameShape(x.shape, y.shape)

const isSameView = (x: Tensor, y: Tensor): boolean =>
  x.buffer === y.buffer && isLike(x, y) && x.layout.offset === y.layout.offset && sameShape(x.layout.strides, y.layout.strides)

function sameDetails(a: Node, b: Node): boolean {
  if (a.kind === 'elementwise' && b.kind === 'elementwise')
    return a.details.compute === b.details.compute && a.details.kernel.key === b.details.kernel.key
  return textOf(a.details) === textOf(b.details)
}

/** Infinity has no JSON. */
const textOf = (details: unknown): string | undefined =>
  JSON.stringify(details, (_, value: unknown) => (typeof value === 'number' ? String(value) : value))

/** Without nodes whose results nobody asks for. */
function withoutDead(graph: Graph): Graph {
  const wanted = new Set<Value>([...graph.outputs, ...graph.assigned.map(({ value }) => value)].map(valueOf))
  const loops = graph.nodes.some(({ turns }) => turns)
  let nodes: Node[] = []
  // A loop's later turns read what the earlier ones wrote: once more, until nothing new is wanted.
  for (let before = -1; before < wanted.size;) {
    before = loops ? wanted.size : Infinity
    nodes = []
    for (const node of graph.nodes.toReversed()) {
      if (!node.outputs.some((out) => wanted.has(rootOf(valueOf(out))))) continue
      for (const x of node.inputs) wanted.add(rootOf(valueOf(x)))
      nodes.push(node)
    }
  }
  return { ...graph, nodes: nodes.toReversed(), numbers: graph.numbers.filter((value) => wanted.has(value)) }
}
