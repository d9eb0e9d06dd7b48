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
 * Throws when a formula reads a name that is neither an argument nor an earlier result.
 */
export function kernel(args: readonly string[], results: Readonly<Record<string, string | Formula>>): Kernel {
  const known = new Set(args)
  const list = Object.entries(results).map(([name, text]) => {
    const formula = typeof text === 'string' ? parse(text) : text
    for (const used of namesIn(formula)) {
      if (!known.has(used)) throw new TypegradError(`formula: ${name} reads '${used}', known are ${[...known].join(', ')}`)
    }
    known.add(name)
    return { name, formula }
  })
  return { args, results: list, key: `${args.join(',')}|${list.map((r) => `${r.name}=${keyOf(r.formula)}`).join(';')}` }
}
