/**
 * Where models are kept. The model package knows no file format and no file system: `@typegrad/formats`, which knows both,
 * registers itself here when it is imported (the package `typegrad` does that).
 */
import { TypegradError, type Tensor } from '@typegrad/tensor'
import type { Callback } from './callbacks/callback.ts'
import type { Model } from './model.ts'

/** A path (in Node), a `file:` URL, or in browsers `opfs://name`, `indexeddb://name` or `download://name`. The ending says the format. */
export type SaveTarget = string | URL

/** The same for reading, an address to fetch, a `File` or `Blob`, or the bytes themselves. */
export type LoadSource = string | URL | Blob | ArrayBuffer | Uint8Array

export interface SaveOptions {
  /** Whether the state of the optimizer is kept, to go on training. @defaultValue `true` */
  readonly includeOptimizer?: boolean
}

export interface LoadWeightsOptions {
  /** Told while an address is fetched: bytes so far, and in all if the server says. */
  readonly onProgress?: (received: number, total: number | undefined) => void
}

/** Plain JSON in which tensors may stand for values: what a callback or a training loop remembers. */
export type State = null | boolean | number | string | Tensor | readonly State[] | { readonly [key: string]: State }

/** What a checkpoint holds besides the model, its optimizer and the random generators. */
export interface Checkpoint {
  /** How far training is: epoch, step, whatever the loop needs to go on. */
  readonly progress: State
  /** Their states are kept in this order. */
  readonly callbacks?: readonly Callback[]
}

/** What {@link Model.save} and its relatives call. A file is replaced as a whole or not at all. */
export interface ModelStorage {
  save(model: Model, target: SaveTarget, options: SaveOptions): Promise<void>
  saveWeights(model: Model, target: SaveTarget): Promise<void>
  loadWeights(model: Model, source: LoadSource, options: LoadWeightsOptions): Promise<void>
  saveCheckpoint(model: Model, target: SaveTarget, checkpoint: Checkpoint): Promise<void>
  /** Puts the state back and returns the progress, or `undefined` where there is no such file. */
  loadCheckpoint(model: Model, source: SaveTarget, callbacks: readonly Callback[]): Promise<State | undefined>
  /** Removes what was saved; no error where there is nothing. */
  remove(target: SaveTarget): Promise<void>
}

let registered: ModelStorage | undefined

/** Makes a storage the one that models use. */
export function registerStorage(storage: ModelStorage): void {
  registered = storage
}

/** The storage; throws if none is registered. */
export function storage(op: string): ModelStorage {
  if (!registered) throw new TypegradError(`${op}: nothing is known of files; import '@typegrad/formats' or 'typegrad'`)
  return registered
}
