import { isFloat } from '../dtype.ts'
import { kernel } from '../formula/kernel.ts'
import { contiguousLayout, makeLayout } from '../layout.ts'
import { reductions } from '../ops/reduce.ts'
import { Tensor } from '../tensor.ts'
import { Value, valueOf, type Graph, type Node, type Turns } from './trace.ts'

const kernels = {
  // A row of only -∞ gives zeros.
  power: kernel(['x', 'top'], { y: 'top == -1 / 0 ? 0 : exp(x - top)' }),
  share: kernel(['power', 'sum', 'top'], { y: 'top == -1 / 0 ? 0 : power / sum' }),
  log: kernel(['x', 'sum', 'top'], { y: 'top == -1 / 0 ? -1 / 0 : x - top - log(sum)' }),
}

/** New values for a graph, with numbers of their own. */
class Maker {
  #id = -1

  tensor(shape: readonly number[], like: Tensor, turns?: Turns): Tensor {
    const layout = contiguousLayout(shape)
    return new Tensor(new Value(this.#id--, like.dtype, layout.size, { kind: 'computed' }, turns), layout, like.dtype)
  }
}

/**
 * The graph as programs want it: no variable becomes another one's old value, convolution, pooling and sums at indices read elements in order,
 * and (unless `exact`) softmax is taken apart.
 */
export function lower(graph: Graph, exact: boolean): Graph {
  const maker = new Maker()
  const apart = exact ? graph : withoutSoftmax(graph, maker)
  return withoutSwaps(inOrder(apart, maker), maker)
}

/** Kernels that read their operands in order. */
const ordered: ReadonlySet<string> = new Set([
  'conv',
  'convInput',
  'convKernel',
  'pool',
  'poolGradient',
  'poolPick',
  'scatterAdd',
])

/** What moves windows over floats, or adds them up, gets copies of views whose elements do not lie in order, and of those of another dtype. */
function inOrder(graph: Graph, maker: Maker): Graph {
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [out] = node.outputs
    if (!ordered.has(node.kind) || node.turns || !isFloat(out.dtype)) return [node]
    const copies: Node[] = []
    const inputs = node.inputs.map((x, i) => {
      const isIndices = node.kind === 'scatterAdd' && i === 1
      if (isIndices || (x.layout.contiguous && x.dtype === out.dtype)) return x
      const copy = maker.tensor(x.shape, out)
      copies.push({ kind: 'copy', inputs: [x], outputs: [copy], details: undefined })
      return copy
    })
    return [...copies, { ...node, inputs }]
  })
  return { ...graph, nodes }
}

/** Variables that become what others were get copies of it, made before those are written. */
function withoutSwaps(graph: Graph, maker: Maker): Graph {
  const nodes = [...graph.nodes]
  const assigned = graph.assigned.map(({ variable, value }) => {
    if (valueOf(value).origin.kind !== 'variable') return { variable, value }
    const copy = maker.tensor(value.shape, value)
    nodes.push({ kind: 'copy', inputs: [value], outputs: [copy], details: undefined })
    return { variable, value: copy }
  })
  return { ...graph, nodes, assigned }
}

/** The graph with softmax as the reductions and the elementwise kernels that it is made of, so that they can be part of loops. */
function withoutSoftmax(graph: Graph, maker: Maker): Graph {
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.kind !== 'softmax' || node.outputs[0].size === 0) return [node]
    const { turns } = node
    const made = (shape: readonly number[], like: Tensor): Tensor => maker.tensor(shape, like, turns)
    const [x] = node.inputs
    const [out] = node.outputs
    const rows = out.shape.slice(0, -1)
    const axes = [rows.length]
    const [top, sum, power] = [made(rows, out), made(rows, out), made(out.shape, out)]
    const spread = (row: Tensor): Tensor =>
      new Tensor(row.buffer, makeLayout(out.shape, [...row.layout.strides, 0], 0), row.dtype)
    const loop = (k: (typeof kernels)['log'], inputs: Tensor[], output: Tensor): Node => ({
      kind: 'elementwise',
      inputs,
      outputs: [output],
      details: { kernel: k, compute: out.dtype },
      turns,
    })
    return [
      { kind: 'reduce', inputs: [x], outputs: [top], details: { reduction: reductions.max, axes }, turns },
      loop(kernels.power, [x, spread(top)], power),
      { kind: 'reduce', inputs: [power], outputs: [sum], details: { reduction: reductions.sum, axes }, turns },
      node.details.log
        ? loop(kernels.log, [x, spread(sum), spread(top)], out)
        : loop(kernels.share, [power, spread(sum), spread(top)], out),
    ]
  })
  return { ...graph, nodes }
}
