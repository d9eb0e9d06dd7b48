/**
 * ndarray-ops, where code can be generated. It calls `new Function` as soon as it is loaded, which a page with a strict
 * content-security policy forbids; so it is loaded on the side, when it
 * is first wanted, and until it is there generated loops do the same work.
 */
import type library from 'ndarray-ops'
import { canGenerate } from './loops.ts'

type NdarrayOps = typeof library

let loading = false
let loaded: NdarrayOps | undefined

/** The library, if it is there; the first call has it loaded. */
export function ndarrayOps(): NdarrayOps | undefined {
  if (canGenerate && !loading) {
    loading = true
    void import('ndarray-ops').then((module) => {
      loaded = module.default
    })
  }
  return loaded
}
