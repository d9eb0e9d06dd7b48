const encoder = new TextEncoder()
const float = new DataView(new ArrayBuffer(8))

/** Bytes in the making, written in the number formats of WebAssembly: LEB128 integers, little-endian floats. */
export class Bytes {
  // A plain array grows cheaper than a typed one, and most functions are short.
  #data: number[] = []
  /** What was appended, and what stood before it: copied once, at the end. */
  readonly #parts: number[][] = []
  #before = 0

  get length(): number {
    return this.#before + this.#data.length
  }

  byte(value: number): void {
    this.#data.push(value)
  }

  /** LEB128 of an integer in [0, 2^32). */
  unsigned(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.#data.push((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.#data.push(rest)
  }

  /** LEB128 of an int32, sign-extended. */
  signed(value: number): void {
    let rest = value | 0
    while (rest < -0x40 || rest >= 0x40) {
      this.#data.push((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.#data.push(rest & 0x7f)
  }

  /** LEB128 of an int64, sign-extended. */
  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value)
    while (rest < -0x40n || rest >= 0x40n) {
      this.#data.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.#data.push(Number(rest & 0x7fn))
  }

  f32(value: number): void {
    float.setFloat32(0, value, true)
    for (let i = 0; i < 4; i++) this.#data.push(float.getUint8(i))
  }

  f64(value: number): void {
    float.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) this.#data.push(float.getUint8(i))
  }

  raw(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.#data.push(bytes[i])
  }

  /** Puts other bytes here, to which nothing may be added any more. */
  append(other: Bytes): void {
    this.#parts.push(this.#data, ...other.#parts, other.#data)
    this.#before = this.length + other.length
    this.#data = []
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
    const all = new Uint8Array(this.length)
    let at = 0
    for (const part of [...this.#parts, this.#data]) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
}
