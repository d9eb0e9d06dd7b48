/**
 * ndarray-ops, where code can be generated. It calls `new Function` as soon as it is loaded, which a page with a strict
 * content-security policy forbids; so it is loaded on the side, and until it is there generated loops do the same work.
 */
import type ndarrayOps from 'ndarray-ops'
import { canGenerate } from './loops.ts'

type NdarrayOps = typeof ndarrayOps

export let ops: NdarrayOps | undefined

/** Settles when {@link ops} is there, or never will be. */
export const ready: Promise<void> = canGenerate
  ? import('ndarray-ops').then((module) => {
      ops = module.default
    })
  : Promise.resolve()
