import type { FormatError } from '../errors.ts'

/** Reads little-endian values from bytes, one after another; past the end it throws what `fail` makes. */
export class Cursor {
  readonly bytes: Uint8Array
  at = 0
  readonly #view: DataView
  readonly #fail: (why: string) => FormatError

  constructor(bytes: Uint8Array, fail: (why: string) => FormatError) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fail = fail
  }

  uint8(): number {
    return this.bytes[this.skip(1)]
  }

  uint16(): number {
    return this.#view.getUint16(this.skip(2), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true)
  }

  /** A signed integer of `length` bytes. */
  int(length: number): number {
    const digits = this.take(length)
    if (length > 8) throw this.#fail('an integer is too large')
    const value = digits.reduceRight((sum, digit) => (sum << 8n) | BigInt(digit), 0n)
    const number = Number(BigInt.asIntN(8 * length, value))
    if (!Number.isSafeInteger(number)) throw this.#fail('an integer is too large')
    return number
  }

  /** UTF-8 of `length` bytes; what is longer than any name is refused. */
  text(length: number): string {
    if (length > 256) throw this.#fail(`a text of ${length} bytes has no place in it`)
    return new TextDecoder().decode(this.take(length))
  }

  /** UTF-8 up to a line end. */
  line(): string {
    const end = this.bytes.indexOf(10, this.at)
    if (end < 0) throw this.#fail('it is cut off')
    const text = this.text(end - this.at)
    this.at = end + 1
    return text
  }

  take(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.subarray(start, start + length)
  }

  /** Goes on by `length` bytes and returns where it was. */
  skip(length: number): number {
    const { at } = this
    if (at + length > this.bytes.length) throw this.#fail('it is cut off')
    this.at = at + length
    return at
  }
}
