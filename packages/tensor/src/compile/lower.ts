import { isFloat } from '../dtype.ts'
import { kernel, type Kernel } from '../formula/kernel.ts'
import { keyOf } from '../formula/parse.ts'
import { contiguousLayout, makeLayout } from '../layout.ts'
import { reductions } from '../ops/reduce.ts'
import { Tensor } from '../tensor.ts'
import { isWhole, Value, valueOf, type Graph, type Node, type Turns } from './trace.ts'

const kernels = {
  // A row of only -∞ gives zeros.
  power: kernel(['x', 'top'], { y: 'top == -1 / 0 ? 0 : exp(x - top)' }),
  share: kernel(['power', 'sum', 'top'], { y: 'top == -1 / 0 ? 0 : power / sum' }),
  log: kernel(['x', 'sum', 'top'], { y: 'top == -1 / 0 ? -1 / 0 : x - top - log(sum)' }),
  /** The gradient of relu. */
  mask: kernel(['y', 'dy'], { dx: 'y > 0 ? dy : 0' }),
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
 * The graph as programs want it: no variable and no result becomes a variable's old value, convolution, pooling and sums at indices read elements in order,
 * and (unless `exact`) softmax is taken apart.
 */
export function lower(graph: Graph, exact: boolean): Graph {
  const maker = new Maker()
  const apart = exact ? graph : withoutSoftmax(graph, maker)
  return withoutSwaps(inOrder(maskedWhenPooled(apart, maker), maker), maker)
}

/**
 * Where the gradient of relu follows that of the largest of windows, it is taken of what was pooled, which is less: the element that
 * a window's gradient goes to is positive where the window's result is. Same bits.
 */
function maskedWhenPooled(graph: Graph, maker: Maker): Graph {
  if (!graph.nodes.some(({ kind }) => kind === 'poolGradient')) return graph
  const uses = new Map<Value, number>()
  const read = [...graph.outputs, ...graph.assigned.map(({ value }) => value)]
  for (const x of [...graph.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]), ...read])
    uses.set(valueOf(x), (uses.get(valueOf(x)) ?? 0) + 1)
  const pools: Pool[] = []
  const gradients = new Map<Value, PoolGradient>()
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.kind === 'pool') pools.push(node)
    // Written once, and read once.
    if (node.kind === 'poolGradient' && uses.get(valueOf(node.outputs[0])) === 2) gradients.set(valueOf(node.outputs[0]), node)
    if (node.kind !== 'elementwise' || !isMask(node.details.kernel)) return [node]
    const [y, masked] = ['y', 'dy'].map((arg) => node.inputs[node.details.kernel.args.indexOf(arg)])
    const gradient = gradients.get(valueOf(masked))
    const [out] = node.outputs
    if (!gradient || ![y, masked, out].every((x) => isWhole(x) && x.dtype === gradient.outputs[0].dtype)) return [node]
    const [x, dy] = gradient.inputs
    const key = JSON.stringify(gradient.details)
    const pool = pools.find(({ inputs, details }) => valueOf(inputs[0]) === valueOf(y) && JSON.stringify(details) === key)
    if (
      !pool ||
      gradient.details.kind !== 'max' ||
      valueOf(x) !== valueOf(y) ||
      ![x, ...pool.inputs, ...pool.outputs].every(isWhole)
    )
      return [node]
    const kept = maker.tensor(dy.shape, dy)
    return [
      { ...node, inputs: [pool.outputs[0], dy], outputs: [kept], details: { ...node.details, kernel: kernels.mask } },
      { ...gradient, inputs: [x, kept], outputs: [out] },
    ]
  })
  return { ...graph, nodes }
}

type Pool = Extract<Node, { kind: 'pool' }>
type PoolGradient = Extract<Node, { kind: 'poolGradient' }>

const isMask = ({ results: [first, ...others] }: Kernel): boolean =>
  others.length === 0 && keyOf(first.formula) === keyOf(kernels.mask.results[0].formula)

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

/** What sorts, moves windows over floats, or adds them up, gets copies of views whose elements do not lie in order, and of those of another dtype. */
function inOrder(graph: Graph, maker: Maker): Graph {
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const [out] = node.outputs
    const sorts = node.kind === 'argsort'
    if (node.turns || !(sorts || (ordered.has(node.kind) && isFloat(out.dtype)))) return [node]
    const copies: Node[] = []
    const inputs = node.inputs.map((x, i) => {
      const isIndices = node.kind === 'scatterAdd' && i === 1
      const like = sorts ? x : out
      if (isIndices || (x.layout.contiguous && x.dtype === like.dtype)) return x
      const copy = maker.tensor(x.shape, like)
      copies.push({ kind: 'copy', inputs: [x], outputs: [copy], details: undefined })
      return copy
    })
    return [...copies, { ...node, inputs }]
  })
  return { ...graph, nodes }
}

/** Variables that become what others were get copies of it, and results that are what a variable was, made before those are written. */
function withoutSwaps(graph: Graph, maker: Maker): Graph {
  const nodes = [...graph.nodes]
  const changed = new Set(graph.assigned.map(({ variable }) => variable))
  const copied = (x: Tensor): Tensor => {
    const copy = maker.tensor(x.shape, x)
    nodes.push({ kind: 'copy', inputs: [x], outputs: [copy], details: undefined })
    return copy
  }
  const assigned = graph.assigned.map(({ variable, value }) => ({
    variable,
    value: valueOf(value).origin.kind === 'variable' ? copied(value) : value,
  }))
  const outputs = graph.outputs.map((x) => {
    const { origin } = valueOf(x)
    return origin.kind === 'variable' && changed.has(origin.variable) ? copied(x) : x
  })
  return { ...graph, nodes, assigned, outputs }
}

/** The graph with softmax as the reductions and the elementwise kernels that it is made of, so that they can be part of loops. */
function withoutSoftmax(graph: Graph, maker: Maker): Graph {
  if (!graph.nodes.some(({ kind }) => kind === 'softmax')) return graph
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
