import { functions } from './functions.ts'
import { call, keyOf, name as nameNode, number, parse, substitute, type Formula } from './parse.ts'

const zero = number(0)
const one = number(1)
const is = (f: Formula, value: number): boolean => f.op === 'number' && f.value === value

const derivatives = new Map<string, readonly Formula[]>()

function derivativesOf(fn: string): readonly Formula[] {
  let list = derivatives.get(fn)
  if (!list) derivatives.set(fn, (list = (functions[fn].derivatives ?? []).map(parse)))
  return list
}

/** `∂formula/∂name`, simplified: the chain rule over the derivatives in functions.ts. */
export function differentiate(formula: Formula, name: string): Formula {
  if (formula.op === 'number') return zero
  if (formula.op === 'name') return formula.name === name ? one : zero
  if (formula.fn === 'select') {
    // The selection stays outermost, so that a side which is not taken cannot poison the other.
    const [condition, yes, no] = formula.args
    return select(condition, differentiate(yes, name), differentiate(no, name))
  }
  const values: Record<string, Formula> = { y: formula }
  formula.args.forEach((arg, i) => (values['abc'[i]] = arg))
  return formula.args.reduce<Formula>((sum, arg, i) => {
    const inner = differentiate(arg, name)
    const outer = derivativesOf(formula.fn)[i]
    if (outer === undefined || is(inner, 0)) return sum
    return add(sum, multiply(inner, simplify(substitute(outer, values))))
  }, zero)
}

/** The gradient formula of an op `forward(args)`: `upstream · ∂forward/∂name`, and 0 where the upstream gradient is 0. */
export const gradientOf = (forward: Formula, name: string, upstream = 'dy'): Formula =>
  flow(nameNode(upstream), differentiate(forward, name))

function flow(dy: Formula, slope: Formula): Formula {
  if (slope.op === 'number' && Number.isFinite(slope.value)) return multiply(dy, slope)
  if (slope.op === 'call' && slope.fn === 'select') return select(slope.args[0], flow(dy, slope.args[1]), flow(dy, slope.args[2]))
  return call('flow', dy, slope)
}

function add(a: Formula, b: Formula): Formula {
  if (is(a, 0)) return b
  return is(b, 0) ? a : call('+', a, b)
}

function multiply(a: Formula, b: Formula): Formula {
  if (is(a, 0) || is(b, 0)) return zero
  if (is(a, 1)) return b
  if (is(b, 1)) return a
  if (b.op === 'call' && b.fn === 'select') return select(b.args[0], multiply(a, b.args[1]), multiply(a, b.args[2]))
  if (a.op === 'call' && a.fn === 'select') return select(a.args[0], multiply(a.args[1], b), multiply(a.args[2], b))
  return call('*', a, b)
}

function select(condition: Formula, yes: Formula, no: Formula): Formula {
  return keyOf(yes) === keyOf(no) ? yes : call('select', condition, yes, no)
}

/** Removes the identities that the chain rule leaves behind: `0 + x`, `1 * x`, `-(1)` and constants of both sides. */
function simplify(formula: Formula): Formula {
  if (formula.op !== 'call') return formula
  const args = formula.args.map(simplify)
  if (formula.fn === '*') return multiply(args[0], args[1])
  if (formula.fn === '+') return add(args[0], args[1])
  if (formula.fn === 'select') return select(args[0], args[1], args[2])
  if (formula.fn === 'neg' && args[0].op === 'number') return number(-args[0].value)
  return { ...formula, args }
}
