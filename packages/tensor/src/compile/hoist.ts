import { contiguousLayout, makeLayout } from '../layout.ts'
import { sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { isWhole, valueOf, type Node, type Turns, type Value } from './graph.ts'

/** Where a value of a loop lies, turn by turn. */
type PlacesOf = (value: Value) => { readonly stack: Value; readonly start: number; readonly step: number }

/**
 * The sum of x over all turns of a loop as one node after it: products of two matrices are one product of the turns' matrices,
 * one below the other, and sums over the first axes one sum. The node that makes x is taken out of the loop. `undefined`
 * where x is made otherwise, or read in the loop.
 */
export function hoist(x: Tensor, sum: Tensor, turns: Turns, nodes: Node[], placesOf: PlacesOf): Node | undefined {
  const value = valueOf(x)
  const writers = nodes.filter(({ outputs }) => outputs.some((out) => valueOf(out) === value))
  const [node] = writers
  if (
    writers.length !== 1 ||
    node.turns !== turns ||
    !isWhole(x) ||
    nodes.some(({ inputs }) => inputs.some((y) => valueOf(y) === value))
  )
    return undefined
  const [a, b] = node.inputs
  /** The matrices `[rows, columns]` of all turns, one below the other. */
  const below = (y: Tensor, rows: number, columns: number): { buffer: Value; offset: number; rows: number } | undefined => {
    if (valueOf(y).turns === undefined || valueOf(y).size !== rows * columns || y.layout.offset !== 0) return undefined
    const { stack, start, step } = placesOf(valueOf(y))
    return step === rows * columns ? { buffer: stack, offset: start, rows: turns.count * rows } : undefined
  }
  const out = (): void => void nodes.splice(nodes.indexOf(node), 1)
  if (node.kind === 'matmul' && x.rank === 2 && b.layout.contiguous) {
    const [m, k] = a.shape
    const n = b.shape[1]
    // The transposed matrix lies in order.
    if (a.layout.strides[0] !== 1 || a.layout.strides[1] !== m) return undefined
    const [left, right] = [below(a, k, m), below(b, k, n)]
    if (!left || !right) return undefined
    out()
    const inputs = [
      new Tensor(left.buffer, makeLayout([m, left.rows], [1, m], left.offset), a.dtype),
      new Tensor(right.buffer, makeLayout([right.rows, n], [n, 1], right.offset), b.dtype),
    ]
    return { ...node, inputs, outputs: [sum], turns: undefined }
  }
  if (node.kind !== 'reduce' || !node.details.axes.every((axis, i) => axis === i) || !a.layout.contiguous) return undefined
  const { reduction } = node.details
  if (reduction.step !== 'acc + x' || reduction.finish) return undefined
  const rows = sizeOf(a.shape.slice(0, node.details.axes.length))
  const all = below(a, rows, a.size / rows)
  if (!all) return undefined
  out()
  const layout = contiguousLayout([all.rows, a.size / rows], all.offset)
  const flat = new Tensor(sum.buffer, contiguousLayout([sum.size]), sum.dtype)
  const details = { reduction, axes: [0] }
  return { ...node, inputs: [new Tensor(all.buffer, layout, a.dtype)], outputs: [flat], details, turns: undefined }
}
