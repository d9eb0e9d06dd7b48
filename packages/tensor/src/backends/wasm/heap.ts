/** A stretch of memory, `start` to `end` in bytes. */
interface Span {
  start: number
  end: number
}

/** Free stretches of memory, by address: the first that is long enough is taken, neighbours grow together. */
export class Heap {
  readonly #free: Span[] = []

  /** The address of `bytes` bytes that were free, or `undefined` where no free stretch is that long. */
  take(bytes: number): number | undefined {
    const i = this.#free.findIndex(({ start, end }) => end - start >= bytes)
    if (i < 0) return undefined
    const span = this.#free[i]
    const address = span.start
    span.start += bytes
    if (span.start === span.end) this.#free.splice(i, 1)
    return address
  }

  /** Makes a stretch free. */
  give(start: number, bytes: number): void {
    if (bytes === 0) return
    const end = start + bytes
    let i = this.#free.findIndex((span) => span.start > start)
    if (i < 0) i = this.#free.length
    const [before, after] = [this.#free[i - 1], this.#free[i]]
    const joinsAfter = after?.start === end
    if (before?.end === start) {
      before.end = joinsAfter ? after.end : end
      if (joinsAfter) this.#free.splice(i, 1)
    } else if (joinsAfter) after.start = start
    else this.#free.splice(i, 0, { start, end })
  }

  /** Bytes that are free, in all. */
  get bytes(): number {
    return this.#free.reduce((sum, { start, end }) => sum + end - start, 0)
  }
}
