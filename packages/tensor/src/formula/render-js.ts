import { functions, type FormulaFunction } from './functions.ts'
import { keyOf, type Formula } from './parse.ts'
import type { Kernel } from './kernel.ts'
import { TypegradError } from '../errors.ts'

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
 * argument; a subtree that occurs again is computed once. With `int`, operators are those of int32.
 */
export function renderJs(kernel: Kernel, variables: readonly string[], int = false): RenderedJs {
  const scope = new Map(kernel.args.map((arg, i) => [arg, variables[i]]))
  const statements: string[] = []
  const shared = new Map<string, string>()

  const render = (formula: Formula): string => {
    if (formula.op === 'number')
      return formula.value < 0 || Object.is(formula.value, -0) ? `(${formula.value})` : String(formula.value)
    if (formula.op === 'name') return scope.get(formula.name)!
    const key = keyOf(formula)
    const known = shared.get(key)
    if (known !== undefined) return known
    const row = rowOf(formula.fn, int)
    const args = formula.args.map(render)
    const text =
      row.js?.replace(/\b[abc]\b/g, (letter) => args['abc'.indexOf(letter)]) ??
      `F[${JSON.stringify(int && functions[formula.fn].int ? `int_${formula.fn}` : formula.fn)}](${args.join(', ')})`
    const variable = `t${statements.length}`
    statements.push(`const ${variable} = ${text};`)
    shared.set(key, variable)
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
export function interpret(kernel: Kernel, int = false): (values: readonly number[]) => number[] {
  const evaluate = (formula: Formula, scope: Readonly<Record<string, number>>): number => {
    if (formula.op === 'number') return formula.value
    if (formula.op === 'name') return scope[formula.name]
    const [a, b, c] = formula.args.map((arg) => evaluate(arg, scope))
    return rowOf(formula.fn, int).value(a, b, c)
  }
  return (values) => {
    const scope: Record<string, number> = {}
    kernel.args.forEach((arg, i) => (scope[arg] = values[i]))
    return kernel.results.map(({ name, formula }) => (scope[name] = evaluate(formula, scope)))
  }
}
