import { bytesPerElement, isFloat } from '../dtype.ts'
import { kernel, type Kernel } from '../formula/kernel.ts'
import { keyOf, name, namesIn, substitute, type Formula } from '../formula/parse.ts'
import { contiguousLayout } from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { countWriters, Value, valueOf, viewKey, type Graph, type Node } from './trace.ts'

type Elementwise = Extract<Node, { kind: 'elementwise' }>
type Call = Extract<Formula, { op: 'call' }>

/** Functions that take longer than to store a number and read it again. */
const long = new Set([
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'tan',
  'sinh',
  'cosh',
  'tanh',
  'erf',
  'erfc',
  'atan',
  'lgamma',
])

/** The largest array that is kept for it, in bytes: what lies beyond the caches is computed anew in less time. */
const mostBytes = 2 ** 20

/**
 * The graph with what several elementwise kernels compute by long functions of the same elements as a node of its own, which
 * they read: the exponential of an activation is there for its gradient.
 */
export function withShared(graph: Graph): Graph {
  const writers = countWriters(graph.nodes)
  const open = (node: Node): node is Elementwise => isOpen(node) && node.inputs.every((x) => (writers.get(valueOf(x)) ?? 0) <= 1)

  const users = new Map<string, Set<Node>>()
  for (const node of graph.nodes)
    if (open(node))
      for (const part of longPartsOf(node)) {
        const key = keyIn(node, part)
        if (key !== undefined) users.set(key, (users.get(key) ?? new Set()).add(node))
      }

  const made = new Map<string, Tensor>()
  /** Numbers that no value of the graph has. */
  let id = Math.min(0, ...graph.nodes.flatMap(({ outputs }) => outputs.map((out) => valueOf(out).id))) - 1
  const nodes: Node[] = []
  /** The node that computes some formulas of another one, with what is shared read instead of computed. */
  const rewritten = (node: Elementwise, outputs: readonly Tensor[], formulas: Readonly<Record<string, Formula>>): Elementwise => {
    const { args } = node.details.kernel
    const shared = new Map<Tensor, string>()
    const replace = (formula: Formula, isWhole = false): Formula => {
      if (formula.op !== 'call') return formula
      const key = isLong(formula) && !isWhole ? keyIn(node, formula) : undefined
      if (key === undefined || !(users.get(key)!.size > 1)) return { ...formula, args: formula.args.map((arg) => replace(arg)) }
      const x = made.get(key) ?? make(key, node, formula)
      if (!shared.has(x)) shared.set(x, `shared${shared.size}`)
      return name(shared.get(x)!)
    }
    const own = outputs !== node.outputs
    const results = Object.fromEntries(Object.entries(formulas).map(([result, formula]) => [result, replace(formula, own)]))
    const needed = new Set(Object.values(results).flatMap((formula) => [...namesIn(formula)]))
    const kept = [...args.keys()].filter((i) => needed.has(args[i]))
    return {
      ...node,
      inputs: [...kept.map((i) => node.inputs[i]), ...shared.keys()],
      outputs,
      details: { ...node.details, kernel: kernel([...kept.map((i) => args[i]), ...shared.values()], results) },
    }
  }
  const make = (key: string, node: Elementwise, formula: Formula): Tensor => {
    const [{ shape, dtype }] = node.outputs
    const layout = contiguousLayout(shape)
    const x = new Tensor(new Value(id--, dtype, layout.size, { kind: 'computed' }), layout, dtype)
    nodes.push(rewritten(node, [x], { y: formula }))
    made.set(key, x)
    return x
  }
  for (const node of graph.nodes) {
    const sharing = open(node) && longPartsOf(node).some((part) => (users.get(keyIn(node, part) ?? '')?.size ?? 0) > 1)
    if (!sharing) nodes.push(node)
    else {
      const { results } = node.details.kernel
      nodes.push(rewritten(node, node.outputs, Object.fromEntries(results.map((result) => [result.name, result.formula]))))
    }
  }
  return { ...graph, nodes }
}

/** Whether parts of a node's formulas may be computed elsewhere, and kept in the type of its results. */
function isOpen(node: Node): node is Elementwise {
  if (node.kind !== 'elementwise' || node.turns) return false
  const { compute } = node.details
  const [{ size, dtype }] = node.outputs
  return isFloat(compute) && dtype === compute && size * bytesPerElement(dtype) <= mostBytes
}

const isLong = (formula: Call): boolean => long.has(formula.fn)

const longParts = new WeakMap<Kernel, readonly Call[]>()

function longPartsOf({ details: { kernel: of } }: Elementwise): readonly Call[] {
  const known = longParts.get(of)
  if (known) return known
  const found: Call[] = []
  const visit = (formula: Formula): void => {
    if (formula.op !== 'call') return
    if (isLong(formula)) found.push(formula)
    formula.args.forEach(visit)
  }
  for (const { formula } of of.results) visit(formula)
  longParts.set(of, found)
  return found
}

/** Equal for parts of two nodes that compute the same of the same elements; `undefined` for what needs a result of its node, or scalars only. */
function keyIn(node: Elementwise, part: Formula): string | undefined {
  const { args } = node.details.kernel
  const views: Record<string, Formula> = {}
  let moves = false
  for (const one of namesIn(part)) {
    const i = args.indexOf(one)
    if (i < 0) return undefined
    moves ||= node.inputs[i].layout.strides.some((stride) => stride !== 0)
    views[one] = name(viewKey(node.inputs[i]))
  }
  return moves ? keyOf(substitute(part, views)) : undefined
}
