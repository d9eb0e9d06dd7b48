/**
 * Scalar functions in the language of gpu.js kernels, for what GPUs lack or do badly: WGSL promises `atan` to 4096 ulp and
 * `sin` to 2^-11, its `tanh` is NaN for large arguments, its `pow` knows no negative base and its `min` and `max` no NaN.
 * All are written for single precision; a kernel gets the text of those that it calls.
 */
import { circular } from './library/circular.ts'
import { errorFunction } from './library/error-function.ts'
import { exponential } from './library/exponential.ts'
import { rounding } from './library/rounding.ts'
import type { LibraryFunction } from './library/types.ts'

export const library: Readonly<Record<string, LibraryFunction>> = { ...rounding, ...exponential, ...circular, ...errorFunction }

/** A function of the library as gpu.js takes it. */
export interface KernelFunction {
  readonly source: string
  readonly settings: { readonly name: string; readonly argumentTypes: readonly string[]; readonly returnType: 'Number' }
}

/** The functions of these names and all that they call. Their types are given, not left to gpu.js' inference. */
export function libraryFunctions(names: Iterable<string>): KernelFunction[] {
  const found = new Map<string, KernelFunction>()
  const visit = (name: string): void => {
    if (found.has(name)) return
    const { text, uses = [], takes = 'Number' } = library[name]
    uses.forEach(visit)
    const parameters = text.slice(text.indexOf('(') + 1, text.indexOf(')')).split(',')
    found.set(name, { source: text, settings: { name, argumentTypes: parameters.map(() => takes), returnType: 'Number' } })
  }
  for (const name of names) visit(name)
  return [...found.values()]
}
