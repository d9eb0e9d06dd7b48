import type { Formula, Kernel } from '@typegrad/tensor'
import { isNumber, type NumberArgument } from '../engine.ts'
import type { Operand } from '../operand.ts'
import { keyOf, namesIn, substitute } from '../tensor.ts'

/** A result of a kernel in terms of the arguments alone, which are named `x0`, `x1` …, and the numbers of those it reads. */
export interface Result {
  readonly formula: Formula
  readonly key: string
  readonly reads: readonly number[]
}

const prepared = new WeakMap<Kernel, readonly Result[]>()

/** The results of a kernel, each by itself: where one reads an earlier one, that one's formula is put in. */
export function resultsOf(kernel: Kernel): readonly Result[] {
  let results = prepared.get(kernel)
  if (!results) {
    const scope: Record<string, Formula> = {}
    kernel.args.forEach((arg, i) => (scope[arg] = { op: 'name', name: `x${i}` }))
    results = kernel.results.map(({ name, formula }) => {
      const whole = substitute(formula, scope)
      scope[name] = whole
      const reads = [...namesIn(whole)].map((arg) => Number(arg.slice(1))).sort((a, b) => a - b)
      return { formula: whole, key: keyOf(whole), reads }
    })
    prepared.set(kernel, results)
  }
  return results
}

/** What a kernel reads for an argument: a number, or memory. */
export type Input = NumberArgument | Operand

/** Those that are memory. */
export const arraysOf = (inputs: readonly Input[]): Operand[] => inputs.filter((x): x is Operand => !isNumber(x))

/** For kernel keys: which arguments are numbers (`c`), and which are arrays (`a`). */
export const inputKinds = (inputs: readonly Input[]): string => inputs.map((x) => (isNumber(x) ? 'c' : 'a')).join('')
