import { limits } from './limits.ts'
import type { Real } from './stage.ts'

/** `size` elements from `low` on of the array with this stamp, in the type of a kernel. */
interface Stretch {
  readonly stamp: number
  readonly low: number
  readonly size: number
  readonly type: Real
}

interface Copy extends Stretch {
  readonly address: number
  readonly bytes: number
  /** The call that used it last. */
  turn: number
}

/** Where copies lie: memory that stays as it is until it is given back. */
interface Space {
  /** Undefined where there is no more. */
  take(bytes: number): number | undefined
  give(address: number, bytes: number): void
}

/**
 * Copies of host arrays in memory, for the next call that needs the same: a training step multiplies by its inputs, its weights and its
 * gradients twice. Elements never change while their buffer keeps its stamp, so what was copied once stays true. The copies know numbers
 * only, and keep no array alive; those that were used longest ago make room.
 */
export class Copies {
  readonly #space: Space
  readonly #all: Copy[] = []
  #bytes = 0
  #turn = 0

  constructor(space: Space) {
    this.#space = space
  }

  /** Begins a call: until the next one begins, nothing goes that this one has asked for. */
  begin(): void {
    this.#turn++
  }

  /** The address of a stretch that lies in memory. */
  find({ stamp, low, size, type }: Stretch): number | undefined {
    for (const copy of this.#all) {
      if (copy.stamp !== stamp || copy.low !== low || copy.size !== size || copy.type !== type) continue
      copy.turn = this.#turn
      return copy.address
    }
    return undefined
  }

  /** An address for a stretch, which the caller copies there at once; undefined for one that is not worth it, or where there is no room. */
  add({ stamp, low, size, type }: Stretch, bytes: number): number | undefined {
    const { from, bytes: most, count } = limits.copies
    if (stamp === 0 || bytes < from || bytes > most) return undefined
    while (this.#bytes + bytes > most || this.#all.length >= count) if (!this.#dropOldest()) return undefined
    const address = this.#space.take(bytes)
    if (address === undefined) return undefined
    this.#all.push({ stamp, low, size, type, address, bytes, turn: this.#turn })
    this.#bytes += bytes
    return address
  }

  /** Gives back all that this call does not need; false if that is nothing. */
  drop(): boolean {
    const before = this.#all.length
    while (this.#dropOldest());
    return this.#all.length < before
  }

  #dropOldest(): boolean {
    const all = this.#all
    let [oldest] = all
    for (const copy of all) if (copy.turn < oldest.turn) oldest = copy
    if (!oldest || oldest.turn === this.#turn) return false
    all[all.indexOf(oldest)] = all.at(-1)!
    all.pop()
    this.#bytes -= oldest.bytes
    this.#space.give(oldest.address, oldest.bytes)
    return true
  }

  /** How many there are, and their bytes. */
  get state(): { readonly count: number; readonly bytes: number } {
    return { count: this.#all.length, bytes: this.#bytes }
  }
}
