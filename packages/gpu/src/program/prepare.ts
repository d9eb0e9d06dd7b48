import type { Formula } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { hostFunction } from '../kernels/elementwise.ts'
import { backendOn, fuse, lower, simplify, type Graph, type Item, type Loop } from '../tensor.ts'
import { finished } from './product.ts'

/** A graph as programs are made of it: simplified, with loops that kernels can do. */
export function prepare(engine: Engine, traced: Graph): { graph: Graph; items: Item[] } {
  const graph = simplify(lower(traced, true), backendOn('host'))
  const reads = Math.min(engine.runtime.limits.arrays, 15)
  const fused = (members: number): Item[] =>
    fuse(graph, (kernel, type) => type === 'float32' && hostFunction(kernel) === undefined, { arrays: 64, reads, members })
  const items = [16, 4].map(fused).find((list) => list.every((item) => item.kind !== 'loop' || longest(item) <= 2000))
  return { graph, items: finished(items ?? fused(1), graph, reads) }
}

/** The functions in the largest formula of a loop, once those of the results that it reads are put in. */
function longest({ kernel }: Loop): number {
  const lengths: Record<string, number> = {}
  const length = (formula: Formula): number => {
    if (formula.op === 'name') return lengths[formula.name] ?? 1
    return formula.op === 'number' ? 1 : formula.args.reduce((sum, arg) => sum + length(arg), 1)
  }
  for (const { name, formula } of kernel.results) lengths[name] = length(formula)
  return Math.max(...Object.values(lengths))
}
