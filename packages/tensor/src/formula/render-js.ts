import { functions, type FormulaFunction } from './functions.ts'
import type { Formula } from './parse.ts'
import type { Kernel } from './kernel.ts'
import { TypegradError } from '../errors.ts'

/** What is rounded after every operation: nothing but a double, to float32, or modulo 2^32. */
export type Arithmetic = 'double' | 'float32' | 'int32'

/** The row of a function in the arithmetic of floats, or of int32. */
function rowOf(fn: string, int: boolean): FormulaFunction {
  const row = functions[fn]
  if (!row) throw new TypegradError(`formula: unknown function '${fn}', known are ${Object.keys(functions).join(' ')}`)
  return int && row.int ? row.int : row
}

/** The functions that rendered JavaScript calls, as `F`: `F.exp`, `F.int_pow` … */
export const library: Readonly<Record<string, (a: number, b: number, c: number) => number>> = Object.fromEntries(
  Object.entries(functions).flatMap(([fn, row]) => [[fn, row.value], ...(row.int ? [[`int_${fn}`, row.int.value]] : [])]),
)

/** JavaScript that computes a kernel: statements, and the expression of each result. */
export interface RenderedJs {
  readonly statements: readonly string[]
  readonly results: readonly string[]
}

/**
 * Renders a kernel as JavaScript over the {@link library} `F`. `variables` names the JavaScript variable of each
 * argument; a subtree that occurs again is computed once.
 */
export function renderJs(kernel: Kernel, variables: readonly string[], arithmetic: Arithmetic = 'double'): RenderedJs {
  const int = arithmetic === 'int32'
  const single = arithmetic === 'float32'
  const scope = new Map(kernel.args.map((arg, i) => [arg, variables[i]]))
  const statements: string[] = []
  const shared = new Map<string, string>()

  const render = (formula: Formula): string => {
    if (formula.op === 'number') {
      const value = single ? Math.fround(formula.value) : formula.value
      return value < 0 ? `(${value})` : Object.is(value, -0) ? '(-0)' : String(value)
    }
    if (formula.op === 'name') return scope.get(formula.name)!
    const row = rowOf(formula.fn, int)
    const args = formula.args.map(render)
    const exact =
      row.js?.replace(/\b[abc]\b/g, (letter) => args['abc'.indexOf(letter)]) ??
      `F[${JSON.stringify(int && functions[formula.fn].int ? `int_${formula.fn}` : formula.fn)}](${args.join(', ')})`
    const text = single && row.rounds ? `Math.fround(${exact})` : exact
    // Keyed by the text, not by the formula: after a result has taken over an argument's name, that name means another value.
    const known = shared.get(text)
    if (known !== undefined) return known
    const variable = `t${statements.length}`
    statements.push(`const ${variable} = ${text};`)
    shared.set(text, variable)
    return variable
  }

  const results = kernel.results.map(({ name, formula }) => {
    const text = render(formula)
    scope.set(name, text)
    return text
  })
  return { statements, results }
}

/** The kernel as a plain function from argument values to results, for places where code cannot be generated. */
export function interpret(kernel: Kernel, arithmetic: Arithmetic = 'double'): (values: readonly number[]) => number[] {
  const int = arithmetic === 'int32'
  const single = arithmetic === 'float32'
  const evaluate = (formula: Formula, scope: Readonly<Record<string, number>>): number => {
    if (formula.op === 'number') return single ? Math.fround(formula.value) : formula.value
    if (formula.op === 'name') return scope[formula.name]
    // As many as there are: Math.max(a, b, undefined) is NaN.
    const args = formula.args.map((arg) => evaluate(arg, scope)) as [number, number, number]
    const row = rowOf(formula.fn, int)
    const value = row.value(...args)
    return single && row.rounds ? Math.fround(value) : value
  }
  return (values) => {
    const scope: Record<string, number> = {}
    kernel.args.forEach((arg, i) => (scope[arg] = values[i]))
    return kernel.results.map(({ name, formula }) => (scope[name] = evaluate(formula, scope)))
  }
}
