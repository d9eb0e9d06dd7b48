/** einsum against plain loops over all letters, for hundreds of random equations. */
import { einsum, ShapeError, tensor, ValueError, zeros, type DType } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { build, numbersFrom, randomLayout, read, store } from './arrays.ts'
import { onEveryBackend } from './backends.ts'
import { expectClose } from './close.ts'
import { indices, Naive, product } from './naive.ts'
import { runs } from './properties.ts'

interface Case {
  readonly terms: readonly string[]
  readonly result: string
  readonly lengths: Readonly<Record<string, number>>
  /** Whether an axis is there with length 1 in place of its letter's. */
  readonly thin: readonly boolean[]
  readonly seed: number
}

const letters = 'abcde'
const cases: fc.Arbitrary<Case> = fc
  .array(fc.array(fc.constantFrom(...letters.split('')), { maxLength: 3 }), { minLength: 1, maxLength: 3 })
  .chain((terms) => {
    const used = [...new Set(terms.flat())]
    return fc.record({
      terms: fc.constant(terms.map((term) => term.join(''))),
      result: fc.shuffledSubarray(used).map((kept) => kept.join('')),
      lengths: fc.record(Object.fromEntries(letters.split('').map((letter) => [letter, fc.constantFrom(1, 2, 3, 0)]))),
      thin: fc.array(fc.constantFrom(false, false, true), { minLength: 9, maxLength: 9 }),
      seed: fc.integer(),
    })
  })

/** The sum over all letters, in the order in which they are written. */
function naive({ terms, result, lengths }: Case, operands: readonly Naive[]): { y: Naive; sizes: number[] } {
  const others = [...new Set(terms.join(''))].filter((letter) => !result.includes(letter))
  const lengthsOf = (list: readonly string[]): number[] => list.map((letter) => lengths[letter])
  const sizes: number[] = []
  const y = Naive.from(lengthsOf(result.split('')), (at) => {
    let [sum, size] = [0, 0]
    for (const rest of indices(lengthsOf(others))) {
      const position = (letter: string): number =>
        result.includes(letter) ? at[result.indexOf(letter)] : rest[others.indexOf(letter)]
      const term = operands.reduce(
        (p, x, k) => p * x.at(terms[k].split('').map((letter, axis) => (x.shape[axis] === 1 ? 0 : position(letter)))),
        1,
      )
      sum += term
      size += Math.abs(term)
    }
    sizes.push(size)
    return sum
  })
  return { y, sizes }
}

onEveryBackend((backend) => {
  test.each<DType>(['float64', 'float32', 'int32'])(
    'random equations in %s: repeated letters, diagonals, lengths 0 and 1',
    async (type) => {
      await fc.assert(
        fc.asyncProperty(cases, async (given) => {
          const random = numbersFrom(given.seed)
          let axes = 0
          const shapes = given.terms.map((term) =>
            term
              .split('')
              .map((letter) =>
                term.indexOf(letter) === term.lastIndexOf(letter) && given.thin[axes++ % 9] ? 1 : given.lengths[letter],
              ),
          )
          // A letter that has length 1 everywhere is one of length 1.
          const lengths = Object.fromEntries(
            letters
              .split('')
              .map((letter) => [
                letter,
                largest(given.terms.flatMap((term, k) => term.split('').flatMap((l, i) => (l === letter ? [shapes[k][i]] : [])))),
              ]),
          )
          const operands = shapes.map(
            (shape) =>
              new Naive(
                shape,
                Array.from({ length: product(shape) }, () => store(Math.round(random() * 80 - 40) / 8, type)),
              ),
          )
          const { y, sizes } = naive({ ...given, lengths }, operands)
          const tensors = operands.map((x) => build(randomLayout(x.shape, x.values, random), type))
          const got = einsum(`${given.terms.join(',')}->${given.result}`, ...tensors)
          expect(got.dtype).toBe(type)
          expectClose(
            await read(got),
            y.map((value) => store(value, type)),
            type,
            { tolerance: backend.sums, scales: sizes },
          )
        }),
        runs(3),
      )
    },
  )
})

/** The length of a letter whose axes have these: 1 fits any. */
const largest = (lengths: readonly number[]): number => lengths.find((length) => length !== 1) ?? 1

describe('what is refused', () => {
  test.each<[string, typeof ValueError, RegExp]>([
    ['ab,bc->ad', ValueError, /'d' of the result is in no operand/],
    ['ab,bc->aa', ValueError, /a letter comes twice in the result/],
    ['abc,bc->a', ValueError, /operand 0 has 2 axes/],
    ['ab,ac->bc', ShapeError, /axis 'a' has lengths 2 and 3/],
    ['a…,ab->b', ValueError, /is not made of letters/],
    ['ab->a', ValueError, /it has 1 operands, 2 are given/],
    ['ab,bc->a->c', ValueError, /more than once/],
    ['...b,b...->b', ValueError, /the result has no/],
  ])('%s', (equation, type, message) => {
    const f = (): unknown => einsum(equation, zeros([2, 3]), zeros([3, 2]))
    expect(f).toThrow(type)
    expect(f).toThrow(message)
  })

  test('a diagonal of axes of different lengths', () => {
    expect(() => einsum('ii->i', tensor([[1, 2, 3], [4, 5, 6]]))).toThrow(/axis 'i' has lengths 2 and 3/) // prettier-ignore
  })
})
