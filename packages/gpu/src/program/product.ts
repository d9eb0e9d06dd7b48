import { Tensor, type Formula } from '@typegrad/tensor'
import { resultsOf } from '../kernels/results.ts'
import {
  contiguousLayout,
  isWhole,
  makeLayout,
  substitute,
  valueOf,
  type Graph,
  type Item,
  type Loop,
  type Node,
  type Value,
} from '../tensor.ts'

type Matmul = Extract<Node, { kind: 'matmul' }>

/** A product whose elements go through a formula before they are stored: a dense layer with its bias and activation. */
export interface Product extends Matmul {
  /** Of `x0`, an element of the product, and `x1` …, those of the inputs after the two factors. */
  readonly finish: { readonly formula: Formula }
}

export const isProduct = (item: Item): item is Product => 'finish' in item

/** The items with each product that one loop alone reads, element by element, as one with it. `reads` arrays are the most. */
export function finished(items: readonly Item[], graph: Graph, reads: number): Item[] {
  const wanted = new Set([...graph.outputs, ...graph.assigned.map(({ value }) => value)].map(valueOf))
  const [writers, readers] = [new Map<Value, number[]>(), new Map<Value, number[]>()]
  const note = (map: Map<Value, number[]>, x: Tensor, i: number): void =>
    void map.set(valueOf(x), [...(map.get(valueOf(x)) ?? []), i])
  items.forEach((item, i) => {
    for (const x of item.inputs) note(readers, x, i)
    for (const out of item.outputs) note(writers, 'x' in out ? out.x : out, i)
  })
  const gone = new Set<number>()
  const list = items.map((item, i): Item => {
    if (item.kind !== 'loop') return item
    for (const [at, x] of item.inputs.entries()) {
      const [first, ...more] = writers.get(valueOf(x)) ?? []
      const matmul = items[first]
      if (matmul?.kind !== 'matmul' || more.length > 0 || wanted.has(valueOf(x)) || readers.get(valueOf(x))!.length !== 1)
        continue
      // The product is made later than it was: what it reads must be the same then.
      const changed = matmul.inputs.some((factor) => writers.get(valueOf(factor))?.some((k) => k > first && k < i))
      const product = changed ? undefined : productOf(matmul, item, at, reads)
      if (!product) continue
      gone.add(first)
      return product
    }
    return item
  })
  return list.filter((_, i) => !gone.has(i))
}

function productOf(matmul: Matmul, { kernel, inputs, outputs, shape }: Loop, at: number, reads: number): Product | undefined {
  const [made] = matmul.outputs
  const [{ result, x: out }] = outputs
  const single = outputs.length === 1 && isWhole(made) && isWhole(inputs[at]) && isWhole(out) && out.size === made.size
  if (!single || made.dtype !== 'float32' || out.dtype !== 'float32' || inputs.length + 1 > reads) return undefined
  const others = inputs.toSpliced(at, 1).map((x) => over(made.shape, x, shape))
  if (!others.every((x) => x !== undefined)) return undefined
  const names = inputs.map((_, i): Formula => ({ op: 'name', name: `x${i === at ? 0 : i < at ? i + 1 : i}` }))
  const formula = substitute(resultsOf(kernel)[result].formula, Object.fromEntries(names.map((name, i) => [`x${i}`, name])))
  const target = new Tensor(out.buffer, contiguousLayout(made.shape), out.dtype)
  return { kind: 'matmul', inputs: [...matmul.inputs, ...others], outputs: [target], details: undefined, finish: { formula } }
}

/** An operand of a loop over `from` as one over the product's shape. */
function over(shape: readonly number[], x: Tensor, from: readonly number[]): Tensor | undefined {
  const { strides, offset, contiguous } = x.layout
  const view = (steps: readonly number[]): Tensor => new Tensor(x.buffer, makeLayout(shape, steps, offset), x.dtype)
  const long = [...shape.keys()].filter((axis) => shape[axis] !== 1)
  if (long.length === from.length && long.every((axis, i) => shape[axis] === from[i]))
    return view(shape.map((_, axis) => (long.includes(axis) ? strides[long.indexOf(axis)] : 0)))
  if (contiguous) return view(contiguousLayout(shape).strides)
  return strides.every((step) => step === 0) ? view(shape.map(() => 0)) : undefined
}
