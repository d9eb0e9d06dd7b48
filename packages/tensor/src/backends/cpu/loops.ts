/**
 * Writes and caches JavaScript loop nests over strided arrays. Where the page forbids code generation
 * (`new Function` under a strict content-security policy), callers fall back to plain loops over indices.
 */
import { TypegradError } from '../../errors.ts'
import { library } from '../../formula/render-js.ts'

/** Whether `new Function` is allowed here. */
export const canGenerate: boolean = (() => {
  try {
    return new Function('return true')() as boolean
  } catch {
    return false
  }
})()

/** The function with these parameters and this body; `F` in it is the library of formula functions. */
export function compileLoop(parameters: readonly string[], body: string): Function {
  if (!canGenerate) throw new TypegradError('compileLoop: this page forbids code generation')
  return new Function('F', `'use strict'; return function(${parameters.join(', ')}) {\n${body}\n}`)(library) as Function
}

/** A cache of functions per owner (a kernel, a reduction) and pattern (a number made of what the function depends on). */
export class LoopCache<Owner extends object> {
  readonly #loops = new WeakMap<Owner, Map<number, Function>>()

  get(owner: Owner, pattern: number, make: () => Function): Function {
    let loops = this.#loops.get(owner)
    if (!loops) this.#loops.set(owner, (loops = new Map()))
    let loop = loops.get(pattern)
    if (!loop) loops.set(pattern, (loop = make()))
    return loop
  }
}
