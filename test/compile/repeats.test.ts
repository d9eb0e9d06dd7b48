/** What several items of a program have in common is written once, as a function of where they lie. */
import { compile, currentBackend, tensor, toModule, Variable, type Tensor } from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runs } from '../tensor/properties.ts'

const numbers = (x: Tensor): number[] => [...x.toTypedArray()]

/** Small integers, whose sums are exact in any order. */
const integers = (shape: readonly number[], first: number): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((7 * i + first) % 11) - 5),
    { dtype: 'float32' },
  ).reshape(shape)

const kinds = ['update', 'alone', 'row', 'kept', 'sums', 'product', 'squared', 'square'] as const
const part = fc.record({ kind: fc.constantFrom(...kinds), rows: fc.constantFrom(1, 3), columns: fc.constantFrom(1, 3, 4, 9) })

describe.runIf(currentBackend().name === 'wasm')('what repeats', () => {
  test('gives the same bits wherever it lies and however long it is', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 16 }), (parts) => {
        const weights = parts.map(({ rows, columns }, i) => new Variable(integers([rows, columns], i)))
        const start = weights.map((weight) => weight.value)
        // Each waits for the one before, so that equal ones stay loops of their own.
        const f = (rate: Tensor): Tensor[] => {
          let last = rate
          return parts.flatMap(({ kind }, i) => {
            const x = weights[i].value
            const y = x.add(last)
            if (kind === 'update') weights[i].assign(x.sub(last.mul(x.square())))
            const square = y.matmul(y.transpose())
            const made = {
              update: () => y,
              alone: () => x.mul(x).add(x),
              row: () => y.sub(y.slice([0, 1])),
              kept: () => y.sub(y.slice([0, 1])),
              sums: () => y.sum(0),
              product: () => square,
              squared: () => square.matmul(square),
              square: () => square.matmul(square.add(last)),
            }[kind]()
            last = made.sum().sign()
            return kind === 'kept' ? [made, y] : [made]
          })
        }
        const all = (results: Tensor[]): number[][] => [...results, ...weights.map((weight) => weight.value)].map(numbers)
        const rate = tensor(2)
        const wanted = all(f(rate))
        weights.forEach((weight, i) => weight.assign(start[i]))
        expect(all(compile(f)(rate))).toEqual(wanted)
      }),
      runs(0.5),
    )
  })

  const alone = (x: Tensor): Tensor => x.mul(x).add(x)
  test.each<[string, (x: Tensor, y: Tensor) => Tensor[]]>([
    ['one number, then many', (x, y) => [alone(x.slice([0, 1], [0, 1])), alone(y)]],
    [
      'rows that are no whole vectors, to free space, then over what is read',
      (x, y) => {
        const kept = x.matmul(y)
        const first = kept.sub(y.slice([0, 1]))
        return [kept, first, first.matmul(y).sub(y.slice([0, 1]))]
      },
    ],
  ])('gives the same bits: %s', (_, f) => {
    const [x, y] = [integers([3, 3], 1), integers([3, 3], 2)]
    expect(compile(f)(x, y).map(numbers)).toEqual(f(x, y).map(numbers))
  })

  test('is not written again: a module hardly grows with its layers', () => {
    const sizeOf = (layers: number): number =>
      toModule(
        (x: Tensor) => Array.from({ length: layers }).reduce<Tensor>((y) => y.matmul(x).sub(y.sum(0)).tanh(), x),
        [{ name: 'x', shape: [9, 9] }],
      ).length
    const [two, three, nine] = [2, 3, 9].map(sizeOf)
    expect(nine - three).toBeLessThan(6 * 400)
    expect(two).toBeGreaterThan(4000)
  })
})
