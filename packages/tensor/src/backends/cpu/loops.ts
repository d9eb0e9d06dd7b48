/**
 * Writes and caches JavaScript loop nests over strided arrays. Where the page forbids code generation
 * (`new Function` under a strict content-security policy), callers fall back to plain loops over indices.
 */
import { TypegradError } from '../../errors.ts'
import { library } from '../../formula/render-js.ts'

const cache = new Map<string, Function>()

/** Whether `new Function` is allowed here. */
export const canGenerate: boolean = (() => {
  try {
    return new Function('return true')() as boolean
  } catch {
    return false
  }
})()

/** The function with these parameters and this body, made once for each `key`; `F` is the library of formula functions. */
export function generate(key: string, parameters: readonly string[], body: () => string): Function {
  let made = cache.get(key)
  if (!made) {
    if (!canGenerate) throw new TypegradError('generate: this page forbids code generation')
    made = new Function('F', `'use strict'; return function(${parameters.join(', ')}) {\n${body()}\n}`)(library) as Function
    cache.set(key, made)
  }
  return made
}

/** The number of generated functions, for tests of the cache. */
export const generatedCount = (): number => cache.size
