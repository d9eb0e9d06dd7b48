import { functions } from '../../../formula/functions.ts'
import type { Kernel } from '../../../formula/kernel.ts'
import type { Formula } from '../../../formula/parse.ts'

/** What the lanes of a kernel's vectors are. */
export type LaneType = 'f32x4' | 'f64x2' | 'i32x4'

/** A value of a kernel that is computed once, however often the formulas have it. */
export interface Node {
  /** A function of the formula language, or `@…`, one that no formula can name: arguments, numbers, and what stands for others. */
  readonly fn: string
  readonly args: readonly Node[]
  /** The position of an argument, the value of a number. */
  readonly value: number
  /** Is it the same in every turn of the loop? */
  readonly scalar: boolean
  /** How many were made before it. */
  readonly id: number
}

export interface Graph {
  /** Every value after those that it needs. */
  readonly nodes: readonly Node[]
  readonly results: readonly Node[]
}

const known = new WeakMap<Kernel, Map<string, Graph>>()

/** The values of a kernel in lanes of a type; `isScalar` says which arguments do not change. What has numbers only is computed. */
export function graphOf(kernel: Kernel, type: LaneType, isScalar: (argument: number) => boolean = () => false): Graph {
  let graphs = known.get(kernel)
  if (!graphs) known.set(kernel, (graphs = new Map()))
  let key = type as string
  for (let i = 0; i < kernel.args.length; i++) key += isScalar(i) ? '1' : '0'
  let graph = graphs.get(key)
  if (!graph) graphs.set(key, (graph = makeGraph(kernel, type, isScalar)))
  return graph
}

function makeGraph(kernel: Kernel, type: LaneType, isScalar: (argument: number) => boolean): Graph {
  const int = type === 'i32x4'
  const nodes: Node[] = []
  const byFunction = new Map<string, Node[]>()

  const make = (fn: string, args: readonly Node[], value = 0, scalar = args.every((arg) => arg.scalar)): Node => {
    let alike = byFunction.get(fn)
    if (!alike) byFunction.set(fn, (alike = []))
    for (let i = 0; i < alike.length; i++) if (Object.is(alike[i].value, value) && sameNodes(alike[i].args, args)) return alike[i]
    const node = { fn, args, value, scalar, id: nodes.length }
    alike.push(node)
    nodes.push(node)
    return node
  }
  const number = (value: number): Node => make('@number', [], type === 'f32x4' ? Math.fround(value) : value, true)

  const call = (fn: string, args: readonly Node[]): Node => {
    const a = args[0]
    const b = args[1]
    const row = functions[fn]
    if (row && args.every(isNumber))
      return number(((int && row.int) || row).value(...(args.map(({ value }) => value) as [number, number, number])))
    if (int) {
      // ⌊a / b⌋, without the overflow that a - mod(a, b) may have.
      const isFloor =
        fn === '/' && a.fn === '-' && a.args[1].fn === 'mod' && a.args[0] === a.args[1].args[0] && b === a.args[1].args[1]
      if (isFloor) return make('@floorDivide', [a.args[0], b])
      return rounding.has(fn) ? a : make(fn, args)
    }
    if (fn === 'pow' && is(b, 2)) return make('*', [a, a])
    if (fn === 'pow' && is(a, 2)) return make('@exp2', [b])
    if (fn === 'max' || fn === 'min') {
      // One comparison is enough for a number that is not 0; where it is 0, a sum makes -0 the 0 that is larger.
      const [x, limit] = isNumber(a) ? [b, a] : [a, b]
      if (isNumber(limit) && limit.value === limit.value && !Object.is(limit.value, -0)) {
        const y = make(fn === 'max' ? '@pmax' : '@pmin', [x, limit])
        return fn === 'max' && limit.value === 0 ? make('+', [y, limit]) : y
      }
    }
    return make(fn, args)
  }

  const scope = new Map(kernel.args.map((name, i) => [name, make('@argument', [], i, isScalar(i))]))
  const build = (formula: Formula): Node => {
    if (formula.op === 'number') return number(formula.value)
    if (formula.op === 'name') return scope.get(formula.name)!
    return call(formula.fn, formula.args.map(build))
  }
  const results = kernel.results.map(({ name, formula }) => {
    const node = build(formula)
    scope.set(name, node)
    return node
  })
  return { nodes: needed(results, nodes), results }
}

function sameNodes(a: readonly Node[], b: readonly Node[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}

export const isNumber = (node: Node): boolean => node.fn === '@number'

export const is = (node: Node, value: number): boolean => isNumber(node) && Object.is(node.value, value)

/** Functions that leave integers as they are. */
const rounding = new Set(['floor', 'ceil', 'trunc', 'round'])

/** The nodes that the results need, in the order in which they were made. */
function needed(results: readonly Node[], nodes: readonly Node[]): Node[] {
  const used: boolean[] = []
  for (let i = 0; i < results.length; i++) used[results[i].id] = true
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { args } = nodes[i]
    if (used[i]) for (let k = 0; k < args.length; k++) used[args[k].id] = true
  }
  return nodes.filter(({ id }) => used[id])
}
