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

/** What can be finished as it is made: a product, or a convolution. */
type Made = Extract<Node, { kind: 'matmul' | 'conv' }>

/** One whose elements go through a formula before they are stored: a layer with its bias and activation. */
export type Product = Made & {
  /** Of `x0`, an element of the product, and `x1` …, those of the inputs after the two factors. */
  readonly finish: { readonly formula: Formula }
}

const canFinish = (item: Item | undefined): item is Made => item?.kind === 'matmul' || item?.kind === 'conv'

export const isProduct = (item: Item): item is Product => 'finish' in item

/** A reduction of what a formula makes of its inputs, which is nowhere stored. */
export type Started = Extract<Node, { kind: 'reduce' }> & {
  /** Of `x0`, `x1` …, the inputs. */
  readonly start: { readonly formula: Formula }
}

export const isStarted = (item: Item): item is Started => 'start' in item

/** The items with each product that one loop alone reads, element by element, as one with it. `reads` arrays are the most. */
export const finished = (items: readonly Item[], graph: Graph, reads: number): Item[] =>
  joined(items, graph, (item, sourceOf) => {
    if (item.kind !== 'loop') return undefined
    for (const [at, x] of item.inputs.entries()) {
      const made = sourceOf(x)
      const product = canFinish(made) ? productOf(made, item, at, reads) : undefined
      if (product) return [product, made!]
    }
    return undefined
  })

/** The items with each loop that one reduction alone reads as one with it. */
export const started = (items: readonly Item[], graph: Graph, reads: number): Item[] =>
  joined(items, graph, (item, sourceOf) => {
    if (item.kind !== 'reduce') return undefined
    const made = sourceOf(item.inputs[0])
    const whole = made?.kind === 'loop' ? startedBy(made, item, reads) : undefined
    return whole && [whole, made!]
  })

/**
 * Joins items with one that they read: `join` gives the whole and what is in it. `sourceOf` tells who wrote an input, if nobody
 * else reads it; the whole is made later than that was, so what it reads must be the same then.
 */
function joined(
  items: readonly Item[],
  graph: Graph,
  join: (item: Item, sourceOf: (x: Tensor) => Item | undefined) => readonly [Item, Item] | undefined,
): Item[] {
  const wanted = new Set([...graph.outputs, ...graph.assigned.map(({ value }) => value)].map(valueOf))
  const [writers, readers] = [new Map<Value, number[]>(), new Map<Value, number[]>()]
  const note = (map: Map<Value, number[]>, x: Tensor, i: number): void =>
    void map.set(valueOf(x), [...(map.get(valueOf(x)) ?? []), i])
  items.forEach((item, i) => {
    for (const x of item.inputs) note(readers, x, i)
    for (const out of item.outputs) note(writers, 'x' in out ? out.x : out, i)
  })
  const gone = new Set<Item>()
  const list = items.map((item, i): Item => {
    const found = join(item, (x) => {
      const [first, ...more] = writers.get(valueOf(x)) ?? []
      if (first === undefined || more.length > 0 || wanted.has(valueOf(x)) || readers.get(valueOf(x))!.length !== 1)
        return undefined
      const changed = items[first].inputs.some((factor) => writers.get(valueOf(factor))?.some((k) => k > first && k < i))
      return changed ? undefined : items[first]
    })
    if (!found) return item
    gone.add(found[1])
    return found[0]
  })
  return list.filter((item) => !gone.has(item))
}

function startedBy(
  { kernel, inputs, outputs, shape, type }: Loop,
  node: Extract<Node, { kind: 'reduce' }>,
  reads: number,
): Started | undefined {
  const [x] = node.inputs
  const [{ result, x: made }] = outputs
  const plain = type === 'float32' && (x.dtype === 'float32' || x.dtype === 'bool') && node.outputs[0].dtype !== 'float64'
  if (!plain || outputs.length !== 1 || !isWhole(made) || !isWhole(x) || inputs.length > reads) return undefined
  if (inputs.some((input) => input.dtype === 'float64')) return undefined
  const { formula, reads: used } = resultsOf(kernel)[result]
  const views = inputs.map((input) => over(x.shape, input, shape))
  if (used.length === 0 || !views.every((view) => view !== undefined)) return undefined
  return { ...node, inputs: views, start: { formula } }
}

function productOf(node: Made, { kernel, inputs, outputs, shape }: Loop, at: number, reads: number): Product | undefined {
  const [made] = node.outputs
  const [{ result, x: out }] = outputs
  const single = outputs.length === 1 && isWhole(made) && isWhole(inputs[at]) && isWhole(out) && out.size === made.size
  if (!single || made.dtype !== 'float32' || out.dtype !== 'float32' || inputs.length + 1 > reads) return undefined
  if (inputs.some((input) => input.dtype === 'float64')) return undefined
  const others = inputs.toSpliced(at, 1).map((x) => over(made.shape, x, shape))
  if (!others.every((x) => x !== undefined)) return undefined
  const names = inputs.map((_, i): Formula => ({ op: 'name', name: `x${i === at ? 0 : i < at ? i + 1 : i}` }))
  const formula = substitute(resultsOf(kernel)[result].formula, Object.fromEntries(names.map((name, i) => [`x${i}`, name])))
  const target = new Tensor(out.buffer, contiguousLayout(made.shape), out.dtype)
  return { ...node, inputs: [...node.inputs, ...others], outputs: [target], finish: { formula } }
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
