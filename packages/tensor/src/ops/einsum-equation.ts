/** Einstein's summation convention: what an equation says about the axes of its operands. Pure; knows nothing of tensors. */
import { ShapeError, ValueError } from '../errors.ts'
import { formatShape, type Shape } from '../shape.ts'

/** The letters of the axes of each operand and of the result; axes that stood for `...` are named `.0`, `.1` … from the last. */
export interface Equation {
  readonly operands: readonly (readonly string[])[]
  readonly result: readonly string[]
}

const dots = '...'

/** Reads `ab,bc->ac` for operands of these ranks; without `->` the result has the letters that come once, in alphabetical order. */
export function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const fail = (why: string): never => {
    throw new ValueError(`einsum: equation '${equation}', ${why}`, { equation })
  }
  const [left, right, ...more] = equation.replaceAll(' ', '').split('->')
  if (more.length > 0) fail("'->' comes more than once")
  const read = (term: string): string[] => {
    const parts = term.split(dots)
    if (parts.length > 2 || !/^[A-Za-z]*$/.test(parts.join('')))
      fail(`'${term}' is not made of letters and at most one '...': expected operands and a result, such as 'ab,bc->ac'`)
    return parts.length === 1 ? parts[0].split('') : [...parts[0].split(''), dots, ...parts[1].split('')]
  }
  const terms = left.split(',').map(read)
  if (terms.length !== ranks.length) fail(`it has ${terms.length} operands, ${ranks.length} are given`)
  const spread = terms.map((term, i) => {
    const named = term.filter((letter) => letter !== dots).length
    const free = ranks[i] - named
    if (free < 0 || (free > 0 && !term.includes(dots))) fail(`operand ${i} has ${ranks[i]} axes, '${term.join('')}' names others`)
    return free
  })
  const most = Math.max(0, ...spread)
  // The axes of `...` are matched from the last, as in broadcasting.
  const expand = (term: readonly string[], count: number): string[] =>
    term.flatMap((letter) => (letter === dots ? Array.from({ length: count }, (_, i) => `.${count - 1 - i}`) : [letter]))
  const operands = terms.map((term, i) => expand(term, spread[i]))
  const result = right === undefined ? implied(terms, most) : expand(read(right), most)
  if (most > 0 && right !== undefined && !read(right).includes(dots)) fail("the result has no '...'")
  if (new Set(result).size < result.length) fail('a letter comes twice in the result')
  const unknown = result.filter((letter) => !letter.startsWith('.') && !operands.some((term) => term.includes(letter)))
  if (unknown.length > 0) fail(`'${unknown.join('')}' of the result is in no operand`)
  return { operands, result: result.filter((letter) => operands.some((term) => term.includes(letter))) }
}

function implied(terms: readonly (readonly string[])[], most: number): string[] {
  const all = terms.flat().filter((letter) => letter !== dots)
  const once = all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter))
  return [...Array.from({ length: most }, (_, i) => `.${most - 1 - i}`), ...once.sort()]
}

/** The length of every letter's axis, where 1 fits any; throws a ShapeError where operands disagree. */
export function letterLengths(equation: string, { operands }: Equation, shapes: readonly Shape[]): Map<string, number> {
  const known = new Map<string, number>()
  operands.forEach((term, i) =>
    term.forEach((letter, axis) => {
      const length = shapes[i][axis]
      const before = known.get(letter) ?? 1
      if (before !== length && before !== 1 && length !== 1) {
        throw new ShapeError(
          `einsum: equation '${equation}', operands ${shapes.map(formatShape).join(' and ')}, axis '${letter}' has lengths ${before} and ${length}`,
          { equation, shapes },
        )
      }
      known.set(letter, before === 1 ? length : before)
    }),
  )
  return known
}
