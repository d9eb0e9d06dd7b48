const encoder = new TextEncoder()
const float = new DataView(new ArrayBuffer(8))

/** Bytes in the making, written in the number formats of WebAssembly: LEB128 integers, little-endian floats. */
export class Bytes {
  // So short an array lies in the heap of the engine, where it costs least; most functions are short.
  #data = new Uint8Array(64)
  #length = 0

  get length(): number {
    return this.#length
  }

  byte(value: number): void {
    if (this.#length === this.#data.length) this.#makeRoom(1)
    this.#data[this.#length++] = value
  }

  /** LEB128 of an integer in [0, 2^32). */
  unsigned(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** LEB128 of an int32, sign-extended. */
  signed(value: number): void {
    let rest = value | 0
    while (rest < -0x40 || rest >= 0x40) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.byte(rest & 0x7f)
  }

  /** LEB128 of an int64, sign-extended. */
  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value)
    while (rest < -0x40n || rest >= 0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.byte(Number(rest & 0x7fn))
  }

  f32(value: number): void {
    float.setFloat32(0, value, true)
    for (let i = 0; i < 4; i++) this.byte(float.getUint8(i))
  }

  f64(value: number): void {
    float.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) this.byte(float.getUint8(i))
  }

  raw(bytes: ArrayLike<number>): void {
    if (this.#length + bytes.length > this.#data.length) this.#makeRoom(bytes.length)
    this.#data.set(bytes, this.#length)
    this.#length += bytes.length
  }

  append(other: Bytes): void {
    this.raw(other.#data.subarray(0, other.#length))
  }

  /** `content` after its length. */
  sized(content: Bytes): void {
    this.unsigned(content.length)
    this.append(content)
  }

  text(value: string): void {
    const bytes = encoder.encode(value)
    this.unsigned(bytes.length)
    this.raw(bytes)
  }

  toArray(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#length)
  }

  #makeRoom(count: number): void {
    // No more than is soon filled: fresh pages cost more than copies of what was written.
    const data = new Uint8Array(Math.max(2 * this.#data.length, this.#length + count + 64))
    data.set(this.#data)
    this.#data = data
  }
}
