import { BackendError, type DType, type Formula } from '@typegrad/tensor'
import { keyOf } from '../tensor.ts'
import { functions } from './functions.ts'

/** Statements in the language of gpu.js kernels, and the library functions that they call. */
export interface Rendered {
  readonly statements: readonly string[]
  readonly result: string
}

export interface RenderOptions {
  /** What stands for each name that the formula reads. */
  readonly names: Readonly<Record<string, string>>
  /** Begins the names of all variables, so that several formulas fit into one kernel. */
  readonly prefix: string
  /** Takes the library functions that are called. */
  readonly library: Set<string>
}

/**
 * Renders a formula: a variable for every function in it, so that what occurs twice is computed once. Conditions stay
 * truth values where a selection reads them. A selection evaluates both sides, as everywhere in the formula language.
 */
export function renderGpu(formula: Formula, { names, prefix, library }: RenderOptions): Rendered {
  const statements: string[] = []
  const shared = new Map<string, string>()

  const text = (fn: string, args: readonly string[]): string => {
    const row = functions[fn]
    if (!row) throw new BackendError(`gpu: no kernel text for the formula function '${fn}'`, { fn })
    const filled = row.text.replace(/\b[abc]\b(?!\()/g, (letter) => args['abc'.indexOf(letter)])
    for (const [name] of filled.matchAll(/\bf_\w+/g)) library.add(name)
    return filled
  }
  const condition = (f: Formula): string => {
    if (f.op !== 'call' || !functions[f.fn]?.truth) return `!(${value(f)} === 0)`
    if (f.fn === '&&' || f.fn === '||') return `(${condition(f.args[0])}) ${f.fn} (${condition(f.args[1])})`
    if (f.fn === 'not') return `!(${condition(f.args[0])})`
    return text(f.fn, f.args.map(value))
  }
  const value = (f: Formula): string => {
    if (f.op === 'number') return numberText(f.value)
    if (f.op === 'name') return names[f.name]
    const key = keyOf(f)
    const known = shared.get(key)
    if (known !== undefined) return known
    const expression = functions[f.fn]?.truth
      ? `${condition(f)} ? 1 : 0`
      : f.fn === 'select'
        ? `${condition(f.args[0])} ? ${value(f.args[1])} : ${value(f.args[2])}`
        : text(f.fn, f.args.map(value))
    const variable = `${prefix}${statements.length}`
    statements.push(`const ${variable} = ${expression};`)
    shared.set(key, variable)
    return variable
  }
  const result = value(formula)
  return { statements, result }
}

/** A number as a literal; 64-bit numbers beyond the 32-bit range are cut to it by gpu.js. */
export const numberText = (value: number): string => (value < 0 || Object.is(value, -0) ? `(${value})` : String(value))

/** `text` as an element of a dtype is stored: the fraction of integers is dropped, as typed arrays do. */
export function stored(text: string, dtype: DType, library: Set<string>): string {
  if (dtype === 'float32' || dtype === 'bool') return text
  const name = dtype === 'uint8' ? 'f_uint8' : 'f_int'
  library.add(name)
  return `${name}(${text})`
}
