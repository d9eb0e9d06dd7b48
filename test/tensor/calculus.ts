/** Derivatives of scalar functions by differences, and points where there is a derivative. */
import { indices, Naive } from './naive.ts'

type Scalar = (...args: number[]) => number

/** `∂f/∂args[i]` by 4-point central differences. */
export function slope(f: Scalar, args: readonly number[], i: number, h = 2e-4): number {
  const at = (by: number): number => f(...args.map((x, k) => (k === i ? x + by : x)))
  return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
}

/** Whether f has two derivatives around the point, as far as differences of several widths can tell: no jump, no kink, no end. */
function isSmooth(f: Scalar, args: readonly number[]): boolean {
  const near = (a: number, b: number, tolerance: number): boolean =>
    Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b))
  return args.every((_, i) => {
    const at = (by: number): number => f(...args.map((x, k) => (k === i ? x + by : x)))
    const bend = (h: number): number => (at(h) - 2 * at(0) + at(-h)) / (h * h)
    const [wide, middle, narrow] = [slope(f, args, i, 1e-2), slope(f, args, i, 3e-3), slope(f, args, i, 2e-4)]
    return near(wide, narrow, 1e-3) && near(middle, narrow, 1e-4) && near(bend(1e-2), bend(1e-3), 3e-2) && Math.abs(narrow) < 1e3
  })
}

const ranges = [
  [-3, 3],
  [0.05, 0.95],
  [1.1, 4],
  [-0.9, 0.9],
  [-4, -0.1],
] as const

/**
 * Operands of the given shapes, such that f is smooth wherever they meet under broadcasting. No table of domains is needed:
 * a new op's domain is found by trying.
 */
export function smoothOperands(
  f: Scalar,
  shapes: readonly (readonly number[])[],
  shape: readonly number[],
  random: () => number,
): Naive[] {
  const meetings = indices(shape)
  for (let attempt = 0; attempt < 3000; attempt++) {
    const operands = shapes.map((own) => {
      const [low, high] = ranges[Math.floor(random() * ranges.length)]
      return Naive.from(own, () => low + (high - low) * random())
    })
    // An element that fits nowhere spoils an attempt of many: later elements are drawn again first.
    const fits = (index: readonly number[]): boolean =>
      isSmooth(
        f,
        operands.map((x) => x.broadcastAt(index)),
      )
    for (let again = 0; again < 5; again++) {
      const bad = meetings.filter((index) => !fits(index))
      if (bad.length === 0) return operands
      const k = Math.floor(random() * operands.length)
      const values = [...operands[k].values]
      const [low, high] = ranges[Math.floor(random() * ranges.length)]
      const own = operands[k].shape
      for (const index of bad) {
        values[operands[k].broadcastPosition(index)] = low + (high - low) * random()
      }
      operands[k] = new Naive(own, values)
    }
  }
  throw new Error(`no smooth points of the function were found for shapes ${JSON.stringify(shapes)}`)
}
