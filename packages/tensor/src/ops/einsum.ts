/** Sums of products by their axes' letters, made of diagonals, transposes and batched matrix products. */
import type { TensorLike } from '../convert.ts'
import { toTensor } from '../convert.ts'
import { sizeOf } from '../shape.ts'
import type { Tensor } from '../tensor.ts'
import { diagonal } from './diagonals.ts'
import { letterLengths, parseEquation } from './einsum-equation.ts'
import { matmul } from './matmul.ts'
import { reshape, transpose } from './movement.ts'

/** A tensor and the letters of its axes. */
interface Term {
  readonly x: Tensor
  readonly letters: readonly string[]
}

/**
 * The sum of products that an equation in Einstein's notation says: `einsum('ij,jk->ik', a, b)` is the matrix product.
 * Any number of operands; letters that are not in the result are summed over, a letter that comes twice in an operand is its
 * diagonal, `...` stands for axes that broadcast, and length 1 fits any. Without `->` the result has the letters that come once.
 */
export function einsum(equation: string, ...operands: TensorLike[]): Tensor {
  const tensors = operands.map((operand) => toTensor(operand))
  const parsed = parseEquation(
    equation,
    tensors.map(({ rank }) => rank),
  )
  const lengths = letterLengths(
    equation,
    parsed,
    tensors.map(({ shape }) => shape),
  )
  let terms = parsed.operands.map((letters, i) => prepared({ x: tensors[i], letters }, lengths))
  while (terms.length > 1) {
    const [i, j] = cheapest(terms, parsed.result, lengths)
    const rest = terms.filter((_, k) => k !== i && k !== j)
    terms = [...rest, contract(terms[i], terms[j], lettersKept(rest, parsed.result))]
  }
  const { x, letters } = summed(terms[0], parsed.result)
  return ordered(x, letters, parsed.result)
}

/** Without repeated letters, and without axes of length 1 that broadcast. */
function prepared({ x, letters }: Term, lengths: ReadonlyMap<string, number>): Term {
  const second = letters.findIndex((letter, axis) => letters.indexOf(letter) < axis)
  if (second >= 0) {
    const first = letters.indexOf(letters[second])
    const rest = letters.filter((_, axis) => axis !== first && axis !== second)
    return prepared({ x: diagonal(x, 0, first, second), letters: [...rest, letters[first]] }, lengths)
  }
  const kept = [...letters.keys()].filter((axis) => x.shape[axis] === lengths.get(letters[axis]))
  return {
    x: reshape(
      x,
      kept.map((axis) => x.shape[axis]),
    ),
    letters: kept.map((axis) => letters[axis]),
  }
}

const lettersKept = (others: readonly Term[], result: readonly string[]): Set<string> =>
  new Set([...result, ...others.flatMap(({ letters }) => letters)])

/** The pair whose product is smallest. */
function cheapest(terms: readonly Term[], result: readonly string[], lengths: ReadonlyMap<string, number>): [number, number] {
  let best: [number, number] = [0, 1]
  let least = Infinity
  for (let i = 0; terms.length > 2 && i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const kept = lettersKept(
        terms.filter((_, k) => k !== i && k !== j),
        result,
      )
      const letters = new Set([...terms[i].letters, ...terms[j].letters].filter((letter) => kept.has(letter)))
      const size = sizeOf([...letters].map((letter) => lengths.get(letter)!))
      if (size < least) [best, least] = [[i, j], size]
    }
  }
  return best
}

/** Summed over the letters that are not kept. */
function summed({ x, letters }: Term, kept: readonly string[] | ReadonlySet<string>): Term {
  const keep = new Set(kept)
  const gone = [...letters.keys()].filter((axis) => !keep.has(letters[axis]))
  return gone.length === 0 ? { x, letters } : { x: x.sum(gone), letters: letters.filter((letter) => keep.has(letter)) }
}

/** The axes in the order of `to`, of which each is a letter of x. */
function ordered(x: Tensor, letters: readonly string[], to: readonly string[]): Tensor {
  const order = to.map((letter) => letters.indexOf(letter))
  return order.every((from, at) => from === at) ? x.value : transpose(x, order)
}

/** The product of two terms, summed over the letters that are not kept. */
function contract(left: Term, right: Term, kept: ReadonlySet<string>): Term {
  const a = summed(left, new Set([...kept, ...right.letters]))
  const b = summed(right, new Set([...kept, ...left.letters]))
  const both = a.letters.filter((letter) => b.letters.includes(letter))
  const batch = both.filter((letter) => kept.has(letter))
  const inner = both.filter((letter) => !kept.has(letter))
  const rows = a.letters.filter((letter) => !both.includes(letter))
  const columns = b.letters.filter((letter) => !both.includes(letter))
  const letters = [...batch, ...rows, ...columns]
  if (inner.length === 0) return { x: aligned(a, letters).mul(aligned(b, letters)), letters }
  const p = matrices(a, batch, rows, inner)
  const q = matrices(b, batch, inner, columns)
  const lengthOf = (letter: string): number => {
    const axis = a.letters.indexOf(letter)
    return axis >= 0 ? a.x.shape[axis] : b.x.shape[b.letters.indexOf(letter)]
  }
  return { x: reshape(matmul(p, q), letters.map(lengthOf)), letters }
}

/** x with an axis for each letter, of length 1 for those that it lacks. */
function aligned({ x, letters }: Term, to: readonly string[]): Tensor {
  const own = ordered(
    x,
    letters,
    to.filter((letter) => letters.includes(letter)),
  )
  return reshape(
    own,
    to.map((letter) => (letters.includes(letter) ? x.shape[letters.indexOf(letter)] : 1)),
  )
}

/** x as matrices `[…batch, rows, columns]`. */
function matrices({ x, letters }: Term, batch: readonly string[], rows: readonly string[], columns: readonly string[]): Tensor {
  const { shape } = (x = ordered(x, letters, [...batch, ...rows, ...columns]))
  const end = batch.length + rows.length
  return reshape(x, [...shape.slice(0, batch.length), sizeOf(shape.slice(batch.length, end)), sizeOf(shape.slice(end))])
}
