/**
 * A grid of characters to draw curves on: dots of a quarter of a character's height and half its width (braille), or
 * one letter per character.
 */
export class Canvas {
  readonly width: number
  readonly height: number
  readonly #dots: Uint8Array
  readonly #letters: (string | undefined)[]

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    this.#dots = new Uint8Array(width * height)
    this.#letters = Array.from<string | undefined>({ length: width * height })
  }

  /** Put a dot at `x`, `y` in characters from the upper left corner; outside is nowhere. */
  dot(x: number, y: number): void {
    if (!this.#inside(x, y)) return
    const [column, row] = [Math.floor(x), Math.floor(y)]
    const [right, down] = [Math.floor((x - column) * 2), Math.floor((y - row) * 4)]
    this.#dots[row * this.width + column] |= bits[right][down]
  }

  /** Join two points with dots. */
  line(x0: number, y0: number, x1: number, y1: number): void {
    // What is far outside is not walked: a spike may be astronomically long.
    const [ya, yb] = [y0, y1].map((y) => Math.max(-1, Math.min(this.height + 1, y)))
    const slope = y1 === y0 ? 0 : (x1 - x0) / (y1 - y0)
    const [xa, xb] = [ya === y0 ? x0 : x1 + (ya - y1) * slope, yb === y1 ? x1 : x0 + (yb - y0) * slope]
    const steps = Math.ceil(Math.max(Math.abs(xb - xa) * 2, Math.abs(yb - ya) * 4)) || 1
    for (let i = 0; i <= steps; i++) this.dot(xa + ((xb - xa) * i) / steps, ya + ((yb - ya) * i) / steps)
  }

  /** Write characters of one column each over what stands at `x`, `y` and to the right of it. */
  write(x: number, y: number, text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (this.#inside(x + i, y)) this.#letters[Math.floor(y) * this.width + Math.floor(x + i)] = text[i]
    }
  }

  rows(): string[] {
    const cell = (i: number): string => this.#letters[i] ?? (this.#dots[i] ? String.fromCodePoint(0x2800 + this.#dots[i]) : ' ')
    return Array.from({ length: this.height }, (_, row) =>
      Array.from({ length: this.width }, (_, column) => cell(row * this.width + column)).join(''),
    )
  }

  #inside(x: number, y: number): boolean {
    return x >= 0 && x < this.width && y >= 0 && y < this.height
  }
}

/** The bits of the Unicode braille patterns, by column and row. */
const bits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
]
