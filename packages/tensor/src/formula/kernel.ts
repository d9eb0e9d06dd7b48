import { functions } from './functions.ts'
import { keyOf, namesIn, parse, type Formula } from './parse.ts'
import { TypegradError } from '../errors.ts'

/** An elementwise kernel: results computed from arguments, in order; a later formula may use an earlier result's name. */
export interface Kernel {
  readonly args: readonly string[]
  readonly results: readonly { readonly name: string; readonly formula: Formula }[]
  /** Equal for two kernels exactly when they compute the same. */
  readonly key: string
}

/**
 * `kernel(['x', 'y'], { sum: 'x + y', mean: 'sum / 2' })`: the kernel of these formulas, as texts or trees.
 * Throws when a formula reads a name that is neither an argument nor an earlier result, or calls what is no function.
 */
export function kernel(args: readonly string[], results: Readonly<Record<string, string | Formula>>): Kernel {
  const known = new Set(args)
  const list = Object.entries(results).map(([name, text]) => {
    const formula = typeof text === 'string' ? parse(text) : text
    for (const used of namesIn(formula)) {
      if (!known.has(used)) throw new TypegradError(`formula: ${name} reads '${used}', known are ${[...known].join(', ')}`)
    }
    assertCalls(formula)
    known.add(name)
    return { name, formula }
  })
  return kernelOf(args, list)
}

/** The kernel of formulas that are known to be right, for they are parts of other kernels. */
export function kernelOf(args: readonly string[], results: Kernel['results']): Kernel {
  let key = args.join()
  for (let i = 0; i < results.length; i++) key += `${i === 0 ? '|' : ';'}${results[i].name}=${keyOf(results[i].formula)}`
  return { args, results, key }
}

/** Throws unless every function is known and called with its number of arguments. */
function assertCalls(formula: Formula): void {
  if (formula.op !== 'call') return
  const { fn, args } = formula
  if (!Object.hasOwn(functions, fn))
    throw new TypegradError(`formula: unknown function '${fn}', known are ${Object.keys(functions).join(' ')}`)
  const { length } = functions[fn].value
  if (args.length !== length) throw new TypegradError(`formula: ${fn} takes ${length} arguments, got ${args.length}`)
  args.forEach(assertCalls)
}
