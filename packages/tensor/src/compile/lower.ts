import { kernel } from '../formula/kernel.ts'
import { contiguousLayout, makeLayout } from '../layout.ts'
import { reductions } from '../ops/reduce.ts'
import { Tensor } from '../tensor.ts'
import { Value, type Graph, type Node } from './trace.ts'

const kernels = {
  // A row of only -∞ gives zeros.
  power: kernel(['x', 'top'], { y: 'top == -1 / 0 ? 0 : exp(x - top)' }),
  share: kernel(['power', 'sum', 'top'], { y: 'top == -1 / 0 ? 0 : power / sum' }),
  log: kernel(['x', 'sum', 'top'], { y: 'top == -1 / 0 ? -1 / 0 : x - top - log(sum)' }),
}

/** The graph with softmax as the reductions and the elementwise kernels that it is made of, so that they can be part of loops. */
export function lower(graph: Graph): Graph {
  let id = -1
  const made = (shape: readonly number[], like: Tensor): Tensor => {
    const layout = contiguousLayout(shape)
    return new Tensor(new Value(id--, like.dtype, layout.size, { kind: 'computed' }), layout, like.dtype)
  }
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.kind !== 'softmax' || node.outputs[0].size === 0) return [node]
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
    })
    return [
      { kind: 'reduce', inputs: [x], outputs: [top], details: { reduction: reductions.max, axes } },
      loop(kernels.power, [x, spread(top)], power),
      { kind: 'reduce', inputs: [power], outputs: [sum], details: { reduction: reductions.sum, axes } },
      node.details.log
        ? loop(kernels.log, [x, spread(sum), spread(top)], out)
        : loop(kernels.share, [power, spread(sum), spread(top)], out),
    ]
  })
  return { ...graph, nodes }
}
