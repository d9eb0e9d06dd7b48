import type { DType, TypedArray } from '@typegrad/tensor'
import { GpuFreedError } from './errors.ts'
import type { Handle } from './runtime/runtime.ts'

/** Device memory that cells share; it is freed with the last of them. */
export class Storage {
  readonly handle: Handle
  #users = 0
  readonly #free: (handle: Handle) => void

  constructor(handle: Handle, free: (handle: Handle) => void) {
    this.handle = handle
    this.#free = free
  }

  retain(): this {
    this.#users++
    return this
  }

  release(): void {
    if (--this.#users === 0) this.#free(this.handle)
  }
}

/**
 * The contents of a buffer: zeros at first, then a part of a storage, given to it when the queue comes to the kernel that
 * computes it. float64 has no device form: its elements stay in a host array.
 */
export class Cell {
  readonly dtype: DType
  readonly length: number
  /** True as soon as something was asked to write here; until then all is zero, and takes no memory. */
  written = false
  /** Where in the storage the elements begin. */
  base = 0
  host: TypedArray | undefined
  /** What the elements are, where the host happens to know: indices that it has just checked and uploaded. */
  known: TypedArray | undefined
  /** Set for a number that the host has, and changes: it has no memory. */
  number: { readonly value: number } | undefined
  #storage: Storage | undefined
  #failure: { readonly error: unknown } | undefined
  #freed = false

  constructor(dtype: DType, length: number) {
    this.dtype = dtype
    this.length = length
  }

  get storage(): Storage | undefined {
    this.check()
    return this.#storage
  }

  /** Throws if the kernel that should have written here failed, or if the memory was freed. */
  check(): void {
    if (this.#failure) throw this.#failure.error
    if (this.#freed) throw freedError()
  }

  set(storage: Storage, base: number): void {
    if (this.#freed) return
    storage.retain()
    this.#storage?.release()
    this.#storage = storage
    this.base = base
    this.known = undefined
    this.#failure = undefined
  }

  fail(error: unknown): void {
    this.#failure = { error }
  }

  get freed(): boolean {
    return this.#freed
  }

  /** Lets go of the memory, until it is written again. */
  clear(): void {
    this.#storage?.release()
    this.#storage = undefined
    this.host = this.known = undefined
  }

  free(): void {
    if (this.#freed) return
    this.#freed = true
    this.clear()
  }
}

export const freedError = (): GpuFreedError =>
  new GpuFreedError(
    'gpu: this tensor was freed at the end of the scope that made it: return it from the scope, or assign it to a variable',
  )
