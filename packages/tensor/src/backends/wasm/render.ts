import { BackendError } from '../../errors.ts'
import type { Kernel } from '../../formula/kernel.ts'
import type { Formula } from '../../formula/parse.ts'
import { type Expr, f32x4, f64x2, type FunctionBuilder, i32x4, Local, type ModuleBuilder, v128 } from './assembler/index.ts'
import { type Graph, graphOf, is, isLong, type LaneType, mathematics, type Node, Site } from './math/index.ts'

export type { LaneType }

/** Where a kernel is written: into `f`, a function of `module`, which also gets the functions that the code calls. */
export interface RenderTarget {
  readonly f: FunctionBuilder
  readonly module: ModuleBuilder
}

type Vector = Expr<'v128'>
type Lanes = Local<'v128'>

export interface RenderOptions {
  /** Vectors of equal lanes, at the positions of the arguments that are the same in every turn of the loop. */
  readonly scalars?: readonly (Vector | undefined)[]
  /** What results are: numbers, a truth value being 1 or 0, or masks of the lanes that are not 0. @defaultValue 'number' */
  readonly results?: 'number' | 'mask'
}

/** Writes a kernel for these arguments (at the positions of scalars anything): its results, in order, in locals. */
export type Rendered = (args: readonly (Vector | undefined)[]) => readonly Lanes[]

/** Can the kernel be computed in lanes of this type? In i32x4 only what int32 is closed under: no `exp`, no literal 0.5. */
export function canRender(kernel: Kernel, type: LaneType): boolean {
  let known = rendered.get(kernel)
  if (!known) rendered.set(kernel, (known = {}))
  return (known[type] ??=
    type === 'i32x4' ? hasCode(graphOf(kernel, type), type) : kernel.results.every(({ formula }) => isKnown(formula, type)))
}

/** What {@link canRender} said: it is asked for every node of a program, and most are kernels of a table. */
const rendered = new WeakMap<Kernel, Partial<Record<LaneType, boolean>>>()

/** Whether there is code for a formula of floats, which takes no graph to see: what has numbers only is computed. */
function isKnown(formula: Formula, type: LaneType): boolean {
  if (formula.op !== 'call' || formula.args.every(({ op }) => op === 'number')) return true
  return hasWriter(formula.fn, type) && formula.args.every((arg) => isKnown(arg, type))
}

const hasWriter = (fn: string, type: LaneType): boolean =>
  logical.has(fn) || Object.hasOwn(comparisons[type], fn) || Object.hasOwn(mathematics[type], fn)

function hasCode({ nodes }: Graph, type: LaneType): boolean {
  const int = type === 'i32x4'
  return nodes.every(({ fn, value, args }) => {
    if (fn === '@number') return !int || value === (value | 0)
    // A quotient of integers is a fraction until it is stored.
    if (int && args.some((arg, i) => arg.fn === '/' && !(fn === 'select' && i > 0))) return false
    return fn === '@argument' || hasWriter(fn, type)
  })
}

/** A kernel with more of the long functions than this calls them; written in place they take half of the time, and code. */
const mostInPlace = 6

/**
 * Prepares a kernel to be computed in a loop. What depends on no more than numbers and `scalars` is computed here, before the
 * loop; the function that is returned writes the rest, as often as it is called, in this scope or in inner ones. (Numbers
 * need no such care: the engine moves them out of loops.)
 */
export function prepareWasm(target: RenderTarget, kernel: Kernel, type: LaneType, options: RenderOptions = {}): Rendered {
  const { scalars = [], results = 'number' } = options
  const graph = graphOf(kernel, type, (i) => scalars[i] !== undefined)
  if (!hasCode(graph, type)) throw new BackendError(`wasm: a kernel cannot be computed in ${type}: ${kernel.key}`)
  const inPlace = graph.nodes.filter(({ fn, scalar }) => !scalar && isLong(fn)).length <= mostInPlace
  const before = new Writing(target, type, false)
  const rest: Node[] = []
  for (const node of graph.nodes)
    if (node.scalar) before.add(node, scalars)
    else rest.push(node)
  return (args) => {
    const inside = new Writing(target, type, inPlace, before)
    for (let i = 0; i < rest.length; i++) inside.add(rest[i], args)
    return graph.results.map((node) => (results === 'mask' ? inside.mask(node) : inside.number(node)))
  }
}

/** The results of a kernel for `args`, in order, in locals: {@link prepareWasm} where there is no loop. */
export function renderWasm(target: RenderTarget, kernel: Kernel, type: LaneType, args: readonly Vector[]): readonly Lanes[] {
  return prepareWasm(target, kernel, type)(args)
}

const comparisonsOf = ({ eq, ne, lt, le, gt, ge }: Record<'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge', typeof f32x4.eq>) => ({
  '==': eq,
  '!=': ne,
  '<': lt,
  '<=': le,
  '>': gt,
  '>=': ge,
  isnan: (a: Vector) => ne(a, a),
})

const comparisons: Readonly<Record<LaneType, Readonly<Record<string, typeof f32x4.eq>>>> = {
  f32x4: comparisonsOf(f32x4),
  f64x2: comparisonsOf(f64x2),
  i32x4: comparisonsOf({ eq: i32x4.eq, ne: i32x4.ne, lt: i32x4.ltS, le: i32x4.leS, gt: i32x4.gtS, ge: i32x4.geS }),
}

const logical = new Set(['not', '&&', '||', 'select'])

const constants = { f32x4: f32x4.const, f64x2: f64x2.const, i32x4: i32x4.const }

/** The values of a graph as far as they are written: each as a number, as a mask of the lanes where it is not 0, or as both. */
class Writing {
  readonly #site: Site
  readonly #type: LaneType
  readonly #inPlace: boolean
  /** By the id of the node. */
  readonly #numbers: (Lanes | undefined)[]
  readonly #masks: (Lanes | undefined)[]

  constructor(target: RenderTarget, type: LaneType, inPlace: boolean, before?: Writing) {
    this.#site = new Site(target.f, target.module)
    this.#inPlace = inPlace
    this.#type = type
    this.#numbers = before ? before.#numbers.slice() : []
    this.#masks = before ? before.#masks.slice() : []
  }

  number(node: Node): Lanes {
    return (this.#numbers[node.id] ??= this.#held(v128.and(this.#masks[node.id]!, constants[this.#type](1))))
  }

  mask(node: Node): Lanes {
    return (this.#masks[node.id] ??= this.#held(comparisons[this.#type]['!='](this.#numbers[node.id]!, constants[this.#type](0))))
  }

  /** Writes a node, the arguments of which are written. */
  add(node: Node, args: readonly (Vector | undefined)[]): void {
    if (this.#isTruth(node)) this.#masks[node.id] ??= this.#held(this.#truth(node))
    else this.#numbers[node.id] ??= this.#held(this.#value(node, args))
  }

  #value(node: Node, args: readonly (Vector | undefined)[]): Vector {
    const { fn, value } = node
    if (fn === '@argument') return args[value]!
    if (fn === '@number') return constants[this.#type](value)
    if (fn === 'select') return this.#select(node)
    const operands = node.args.map((arg) => this.number(arg))
    const write = mathematics[this.#type][fn]
    if (isLong(fn) && !this.#inPlace) return this.#site.call(`${fn} ${this.#type}`, write, ...operands)
    return write(this.#site, ...operands)
  }

  #held(vector: Vector): Lanes {
    return vector instanceof Local ? vector : this.#site.let(vector)
  }

  /** Is it 1 or 0 by its nature, and so a mask first? */
  #isTruth({ fn, args }: Node): boolean {
    if (fn === 'select') return this.#isTruth(args[1]) && this.#isTruth(args[2])
    return logical.has(fn) || Object.hasOwn(comparisons[this.#type], fn)
  }

  #truth({ fn, args }: Node): Vector {
    const mask = (i: number): Lanes => this.mask(args[i])
    if (fn === 'not') return v128.not(mask(0))
    if (fn === '&&') return v128.and(mask(0), mask(1))
    if (fn === '||') return v128.or(mask(0), mask(1))
    if (fn === 'select') return v128.bitselect(mask(1), mask(2), mask(0))
    if ((fn === '==' || fn === '!=') && args.every((arg) => this.#isTruth(arg))) {
      const differ = v128.xor(mask(0), mask(1))
      return fn === '!=' ? differ : v128.not(differ)
    }
    const [a, b = a] = args.map((arg) => this.number(arg))
    return comparisons[this.#type][fn](a, b)
  }

  /** Both sides are computed; a side that is 0 needs no choice. */
  #select({ args: [condition, yes, no] }: Node): Vector {
    const mask = this.mask(condition)
    if (is(no, 0)) return v128.and(this.number(yes), mask)
    if (is(yes, 0)) return v128.andnot(this.number(no), mask)
    return v128.bitselect(this.number(yes), this.number(no), mask)
  }
}
