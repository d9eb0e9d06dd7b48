/**
 * The matrices of Winograd's minimal filtering F(m, w), by Cook's and Toom's interpolation, and code that multiplies vectors by them.
 *
 * `m` results of a window of w on `n = m + w - 1` elements are `Aᵀ((G g) ⊙ (Bᵀ d))`, with n products: the values of two polynomials at so
 * many points, of which Bᵀ alone depends. Of six they are 0, ±√½, ±√2 and ∞: with the usual 0, ±1, ±2 errors are twice as large.
 */
import { f32x4, type FunctionBuilder, type Local } from '../assembler/index.ts'

export type Vector = Local<'v128'>
type Matrix = readonly (readonly number[])[]

export interface Filtering {
  /** Results of a tile along an axis. */
  readonly outputs: number
  /** Elements of a tile, and its products, along an axis. */
  readonly points: number
  /** Aᵀ: results of products. */
  readonly results: Matrix
  /** Bᵀ: what is multiplied, of elements. */
  readonly elements: Matrix
  /** G: what is multiplied, of a window. */
  readonly window: Matrix
}

const a = Math.SQRT1_2
const b = Math.SQRT2

/** Points but for ∞, each with the factor of its row of G, and Bᵀ, by their number. */
const interpolations: Readonly<Record<4 | 6, { finite: Matrix; elements: Matrix }>> = {
  4: {
    finite: [
      [0, 1],
      [1, 1 / 2],
      [-1, 1 / 2],
    ],
    elements: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, -1, 0, 1],
    ],
  },
  6: {
    finite: [
      [0, 1],
      [a, -2 / 3],
      [-a, -2 / 3],
      [b, 1 / 6],
      [-b, 1 / 6],
    ],
    elements: [
      [1, 0, -5 / 2, 0, 1, 0],
      [0, -2 * a, -2, a, 1, 0],
      [0, 2 * a, -2, -a, 1, 0],
      [0, -b / 2, -1 / 2, b, 1, 0],
      [0, b / 2, -1 / 2, -b, 1, 0],
      [0, 1, 0, -5 / 2, 0, 1],
    ],
  },
}

function makeFiltering(window: number, points: 4 | 6): Filtering {
  if (window === 1) return { outputs: 1, points: 1, results: [[1]], elements: [[1]], window: [[1]] }
  const { finite, elements } = interpolations[points]
  const outputs = points - window + 1
  const powers = (count: number, isScaled: boolean): number[][] => [
    ...finite.map(([point, factor]) =>
      Array.from({ length: count }, (_, i) => Math.fround(point ** i * (isScaled ? factor : 1))),
    ),
    // At ∞ a polynomial has the value of its last coefficient.
    Array.from({ length: count }, (_, i) => (i === count - 1 ? 1 : 0)),
  ]
  return { outputs, points, results: transposed(powers(outputs, false)), elements, window: powers(window, true) }
}

const made = new Map<number, Filtering>()

/** The filtering of a window by so many points. */
export function filteringOf(window: number, points: 4 | 6): Filtering {
  const key = 8 * window + points
  let filtering = made.get(key)
  if (!filtering) made.set(key, (filtering = makeFiltering(window, points)))
  return filtering
}

/** How a tile is filtered along the axes of an image. */
export interface Tiling {
  readonly down: Filtering
  readonly across: Filtering
}

/** Products of a tile for each channel and filter. */
export const pointsOf = ({ down, across }: Tiling): number => down.points * across.points

export const transposed = (matrix: Matrix): Matrix => matrix[0].map((_, j) => matrix.map((row) => row[j]))

/** Writes the product of a matrix with a vector of vectors; the code of one is to stand where what it was given has been computed. */
type Multiply = (x: readonly Vector[]) => Vector[]

const { add, sub, mul } = f32x4

/**
 * The multiplication by a matrix, whose constants are computed where this is called. Points p and −p give two rows, or two columns, that
 * are the sum and the difference of the same two vectors.
 */
function multiplyBy(f: FunctionBuilder, matrix: Matrix): Multiply {
  const constants = new Map<number, Vector>()
  const constant = (value: number): Vector => constants.get(value)!
  for (const value of matrix.flat())
    if (value !== 0 && Math.abs(value) !== 1 && !constants.has(value)) constants.set(value, f.let(f32x4.const(value)))

  const sum = (row: readonly number[], x: readonly Vector[]): Vector | undefined => {
    const terms = row.flatMap((factor, j) => (factor === 0 ? [] : [{ factor, x: x[j] }]))
    // It begins with one that needs no product.
    terms.sort((one, other) => Number(other.factor === 1) - Number(one.factor === 1))
    const [first, ...rest] = terms
    if (!first) return undefined
    if (first.factor === 1 && rest.length === 0) return first.x
    const all = f.let(
      first.factor === 1 ? first.x : first.factor === -1 ? f32x4.neg(first.x) : mul(constant(first.factor), first.x),
    )
    for (const { factor, x } of rest)
      f.set(all, factor === 1 ? add(all, x) : factor === -1 ? sub(all, x) : f32x4.relaxedMadd(constant(factor), x, all))
    return all
  }

  /** Of rows i and i + 1: what they have in common, and what differs in its sign. */
  const pairOfRows = (rows: Matrix, i: number): [number[], number[]] | undefined => {
    const [row, next] = [rows[i], rows[i + 1]]
    if (!next?.every((value, j) => Math.abs(value) === Math.abs(row[j]))) return undefined
    const same = row.map((value, j) => (value === next[j] ? value : 0))
    const other = row.map((value, j) => (value === next[j] ? 0 : value))
    return [same, other].every((half) => half.some((value) => value !== 0)) ? [same, other] : undefined
  }

  const product = (rows: Matrix, x: readonly Vector[]): Vector[] => {
    const columns = transposed(rows)
    const j = columns.findIndex((_, j) => pairOfRows(columns, j))
    if (j >= 0 && rows.length <= columns.length) {
      const [same, other] = pairOfRows(columns, j)!
      const narrow = transposed([...columns.slice(0, j), ...columns.slice(j + 2), same, other])
      const [y, z] = [x[j], x[j + 1]]
      return product(narrow, [...x.slice(0, j), ...x.slice(j + 2), f.let(add(y, z)), f.let(sub(y, z))])
    }
    const results: Vector[] = []
    while (results.length < rows.length) {
      const i = results.length
      const pair = pairOfRows(rows, i)?.map((half) => sum(half, x)!)
      if (pair) results.push(f.let(add(pair[0], pair[1])), f.let(sub(pair[0], pair[1])))
      else results.push(sum(rows[i], x)!)
    }
    return results
  }
  return (x) => product(matrix, x)
}

/** `M X Nᵀ`, row by row, of the columns of X: code that multiplies by M of one axis and N of the other, and is written at once. */
export function multiplyBoth(
  f: FunctionBuilder,
  tiling: Tiling,
  matrix: (filtering: Filtering) => Matrix,
): (columns: readonly (readonly Vector[])[]) => (() => Vector[])[] {
  const down = multiplyBy(f, matrix(tiling.down))
  const across = multiplyBy(f, matrix(tiling.across))
  return (columns) => {
    const halves = columns.map(down)
    return halves[0].map((_, i) => () => across(halves.map((half) => half[i])))
  }
}
