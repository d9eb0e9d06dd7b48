import type { TypedArray } from '@typegrad/tensor'
import type { Cell } from './cell.ts'
import type { Scope } from './scope.ts'
import type { Buffer } from './tensor.ts'

/** Who frees a buffer: the scope that it was made in, the variables whose value it is, the program that fills it, or the collector. */
type Owner = Scope | 'variables' | 'program' | 'collector'

/** What buffers need of the backend that they belong to. */
export interface Keeper {
  /** The scope that runs now. */
  readonly scope: Scope | undefined
  free(cell: Cell): void
}

/**
 * The buffer of tensors on the device. The collector does not feel device memory and works between jobs only, so scopes
 * free what was made in them; the collector comes last.
 */
export class GpuBuffer implements Buffer {
  readonly device = 'gpu'
  readonly cell: Cell
  readonly keeper: Keeper
  #owner!: Owner
  #holders = 0
  #registered = false

  constructor(cell: Cell, keeper: Keeper, owner: Exclude<Owner, 'variables'>) {
    this.cell = cell
    this.keeper = keeper
    this.#giveTo(owner)
  }

  /** The host array of a float64 buffer that has been computed. */
  get array(): TypedArray | undefined {
    return this.cell.host
  }

  get lifetime(): this {
    return this
  }

  /** What no scope owns is registered with the collector, as the last resort. */
  #giveTo(owner: Owner): void {
    this.#owner = owner
    if (typeof owner === 'object') {
      owner.buffers.add(this)
      if (this.#registered) collected.unregister(this)
      this.#registered = false
    } else if (!this.#registered && owner !== 'program') {
      collected.register(this, { cell: this.cell, keeper: this.keeper }, this)
      this.#registered = true
    }
  }

  /** At the end of its scope: hands on what is `kept`, keeps what variables hold, and frees the rest. */
  leave(kept: boolean, outer: Scope | undefined): void {
    if (kept) this.#giveTo(outer ?? 'collector')
    else if (this.#holders > 0) this.#giveTo('variables')
    else this.keeper.free(this.cell)
  }

  held(): void {
    this.#holders++
  }

  /** When the last variable lets go of what only variables had, the current scope may free it. */
  dropped(): void {
    this.#holders--
    if (this.#holders === 0 && this.#owner === 'variables') this.#giveTo(this.keeper.scope ?? 'collector')
  }

  /** Outside of scopes, a variable's value may be kept by whoever asked for it. */
  seen(): void {
    if (this.#owner === 'variables' && !this.keeper.scope) this.#owner = 'collector'
  }
}

const collected = new FinalizationRegistry<{ readonly cell: Cell; readonly keeper: Keeper }>(({ cell, keeper }) => {
  keeper.free(cell)
})
