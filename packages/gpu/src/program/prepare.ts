import type { Formula, Kernel } from '@typegrad/tensor'
import type { Engine } from '../engine.ts'
import { hostFunction } from '../kernels/elementwise.ts'
import { backendOn, fuse, lower, simplify, type Graph, type Item, type Loop, type LoopType } from '../tensor.ts'
import { finished, started } from './product.ts'

/** A graph as programs are made of it: simplified, with loops that kernels can do. */
export function prepare(engine: Engine, traced: Graph): { graph: Graph; items: Item[] } {
  const graph = simplify(lower(traced, true), backendOn('host'))
  const reads = Math.min(engine.runtime.limits.arrays, 15)
  const canRender = (kernel: Kernel, type: LoopType): boolean =>
    hostFunction(kernel) === undefined && (type === 'float32' || (type === 'int32' && staysWhole(kernel)))
  const fused = (members: number): Item[] => fuse(graph, canRender, { arrays: 64, reads, members })
  const items = [16, 4].map(fused).find((list) => list.every((item) => item.kind !== 'loop' || longest(item) <= 2000))
  return { graph, items: started(finished(items ?? fused(1), graph, reads), graph, reads) }
}

/** What makes integers of integers: only these need not be stored, where the fraction is dropped, before they are read. */
const whole = new Set([
  '+',
  '-',
  '*',
  'neg',
  'abs',
  'sign',
  'min',
  'max',
  'select',
  'not',
  '<',
  '<=',
  '>',
  '>=',
  '==',
  '!=',
  '&&',
  '||',
])

function staysWhole({ results }: Kernel): boolean {
  const check = (formula: Formula): boolean =>
    formula.op === 'name' ||
    (formula.op === 'number' ? Number.isInteger(formula.value) : whole.has(formula.fn) && formula.args.every(check))
  return results.every(({ formula }) => check(formula))
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
