/** Sums of products by their axes' letters, made of transposes and one batched matrix product. */
import { formatShape, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'
import type { SymbolicShape } from '../symbolic.ts'

/** The letters of the axes of two operands and of the result; axes that stood for `...` have letters of their own. */
export interface Equation {
  readonly left: readonly string[]
  readonly right: readonly string[]
  readonly result: readonly string[]
}

const dots = '...'

/** The letters of a term without dots. */
export const lettersOf = (term: string): string[] => term.split('')

/** Reads `ab,bc->ac`, for operands of these ranks: `...` stands for as many axes as are left over. */
export function parseEquation(equation: string, leftRank: number, rightRank: number): Equation {
  const fail = (why: string): never => {
    throw new ValueError(`einsum: equation '${equation}', ${why}`, { equation })
  }
  const match = /^([^,>-]*),([^,>-]*)->([^,>-]*)$/.exec(equation.replaceAll(' ', ''))
  if (!match) return fail("expected two operands and a result, such as 'ab,bc->ac'")
  const [left, right, result] = match.slice(1).map((term) => {
    const letters = term.split(dots)
    if (letters.length > 2 || !/^[A-Za-z]*$/.test(letters.join('')))
      fail(`'${term}' is not made of letters and at most one '...'`)
    return letters.length === 1 ? lettersOf(letters[0]) : [...lettersOf(letters[0]), dots, ...lettersOf(letters[1])]
  })
  const spread = [left, right].map((term, i) => {
    const rank = [leftRank, rightRank][i]
    const free = rank - term.filter((letter) => letter !== dots).length
    if (free < 0 || (free > 0 && !term.includes(dots))) fail(`operand ${i} has ${rank} axes, '${term.join('')}' names others`)
    return term.includes(dots) ? free : 0
  })
  const most = Math.max(...spread)
  if (most > 0 && !result.includes(dots)) fail("the result has no '...'")
  // The axes of `...` are matched from the last, as in broadcasting.
  const expand = (term: readonly string[], count: number): string[] =>
    term.flatMap((letter) => (letter === dots ? Array.from({ length: count }, (_, i) => `.${most - count + i}`) : [letter]))
  const expanded = { left: expand(left, spread[0]), right: expand(right, spread[1]), result: expand(result, most) }
  for (const term of [expanded.left, expanded.right, expanded.result]) {
    if (new Set(term).size < term.length) fail(`a letter comes twice in one term`)
  }
  const unknown = expanded.result.filter((letter) => !expanded.left.includes(letter) && !expanded.right.includes(letter))
  if (unknown.length > 0) fail(`'${unknown.join('')}' of the result is in no operand`)
  return expanded
}

/** `Σ a · b` over the axes whose letters are not in the result: `einsum('ab,bc->ac', a, b)` is the matrix product. */
export function einsum(equation: string, a: Tensor, b: Tensor): Tensor {
  const { left, right, result } = parseEquation(equation, a.rank, b.rank)
  lengths(equation, [left, right], [a.shape, b.shape])
  return product(a, left, b, right, result)
}

function product(a: Tensor, left: readonly string[], b: Tensor, right: readonly string[], result: readonly string[]): Tensor {
  const inBoth = left.filter((letter) => right.includes(letter))
  const batch = result.filter((letter) => inBoth.includes(letter))
  const summed = inBoth.filter((letter) => !result.includes(letter))
  const rows = result.filter((letter) => left.includes(letter) && !right.includes(letter))
  const columns = result.filter((letter) => right.includes(letter) && !left.includes(letter))
  // Rows come before columns in the matrix product; the operands change places where the result is so in order.
  if (columns.length > 0 && rows.length > 0 && result.indexOf(columns[0]) < result.indexOf(rows[0]))
    return product(b, right, a, left, result)
  const x = matrices(a, left, batch, rows, summed)
  const y = matrices(b, right, batch, summed, columns)
  const shape = [...x.product.shape.slice(0, batch.length), ...x.rowLengths, ...y.columnLengths]
  const z = x.product.matmul(y.product)
  const lengthsOfBatch = z.shape.slice(0, batch.length)
  const open = z.reshape([...lengthsOfBatch, ...shape.slice(batch.length)])
  const order = [...batch, ...rows, ...columns]
  const moved = result.map((letter) => order.indexOf(letter))
  return moved.every((from, to) => from === to) ? open : open.transpose(moved)
}

/** x as matrices `[…batch, rows, columns]`; letters in neither are summed over. */
function matrices(
  x: Tensor,
  letters: readonly string[],
  batch: readonly string[],
  rows: readonly string[],
  columns: readonly string[],
): { product: Tensor; rowLengths: readonly number[]; columnLengths: readonly number[] } {
  const kept = [...batch, ...rows, ...columns]
  const gone = letters.flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]))
  const reduced = gone.length > 0 ? x.sum(gone) : x
  const left = letters.filter((letter) => kept.includes(letter))
  const order = kept.map((letter) => left.indexOf(letter))
  const ordered = order.every((from, to) => from === to) ? reduced : reduced.transpose(order)
  const { shape } = ordered
  const rowLengths = shape.slice(batch.length, batch.length + rows.length)
  const columnLengths = shape.slice(batch.length + rows.length)
  const size = (lengths: readonly number[]): number => lengths.reduce((n, length) => n * length, 1)
  return {
    product: ordered.reshape([...shape.slice(0, batch.length), size(rowLengths), size(columnLengths)]),
    rowLengths,
    columnLengths,
  }
}

/** The length of every letter's axis; throws a ShapeError where operands disagree (1 fits any, for the axes of `...`). */
export function lengths(
  equation: string,
  terms: readonly (readonly string[])[],
  shapes: readonly SymbolicShape[],
): Map<string, number | null> {
  const known = new Map<string, number | null>()
  terms.forEach((term, i) =>
    term.forEach((letter, axis) => {
      const length = shapes[i][axis]
      const before = known.get(letter) ?? null
      const fits =
        before === null || length === null || before === length || (letter.startsWith('.') && (before === 1 || length === 1))
      if (!fits) {
        throw new ShapeError(
          `einsum: equation '${equation}', operands ${shapes.map((shape) => formatShape(shape)).join(' and ')}, axis '${letter}' has lengths ${before} and ${length}`,
        )
      }
      if (before === null || before === 1) known.set(letter, length)
    }),
  )
  return known
}
