/**
 * Where determinism is asked for, a compiled function has the bits of the function itself, and else nearly: every row of the
 * tables with its gradients, at numbers of every kind.
 */
import { vjp } from '@typegrad/autograd'
import {
  applyFormula,
  compile,
  currentBackend,
  formulaOps,
  random,
  reductions,
  setDeterministic,
  tensor,
  TraceError,
  type DType,
  type Tensor,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { gradientRows, type GradientRow } from '../tensor/gradient-rows.ts'
import { numbersFrom } from '../tensor/numbers.ts'

/** A function of some inputs, and its name. */
type Case = readonly [name: string, f: (...inputs: Tensor[]) => readonly Tensor[], ...inputs: Tensor[]]

const isFloat = (dtype: DType): boolean => dtype.startsWith('float')

const special = [0.5, -1.5, 2, -0, Infinity, NaN, 3.25, -7, 0.125, 1, -0.75, 1e-40]

/** So many numbers, of every kind. */
const numbers = (count: number, dtype: DType): Tensor =>
  tensor(
    Array.from({ length: count }, (_, i) => special[i % special.length] * (1 + (i % 7))),
    { dtype },
  )

/** A function's result and, given some gradient of it, those of its inputs. */
const withGradients =
  (f: (...xs: Tensor[]) => Tensor) =>
  (...xs: Tensor[]): readonly Tensor[] => {
    const { value, pullback } = vjp(f, ...xs)
    const dy = new random.Generator(1).normal([...value.shape]).cast(value.dtype)
    return [value, ...pullback(dy)]
  }

/** Every formula of strided operands: of enough elements, a matter of WebAssembly op by op, too. */
function formulas(dtype: DType, rows: number, columns: number): Case[] {
  const x = numbers(rows * columns, dtype).reshape([rows, columns])
  const turned = x.flip(0).transpose()
  return Object.entries(formulaOps).map(([name, op]): Case => {
    const f = (a: Tensor, b: Tensor): Tensor => {
      const operands = [a, b.transpose(), a.slice([1, 2]), b.flip(0).transpose()]
      const taken = op.args.map((_, i) => operands[i % 4])
      return applyFormula(op, taken)
    }
    return [name, isFloat(f(x, turned).dtype) && isFloat(dtype) ? withGradients(f) : (a, b) => [f(a, b)], x, turned]
  })
}

const alongAxis = ['argmax', 'argmin', 'argsort', 'sort', 'cumsum', 'cumprod', 'softmax', 'logSoftmax', 'logsumexp'] as const
const ofFew = ['cummax'] as const

/** Reductions and what else goes along axes, of a tensor and of a view of it. */
function reduced(x: Tensor): Case[] {
  const all = Object.keys(reductions) as (keyof typeof reductions)[]
  const calls = [
    ...all.flatMap((name) =>
      [null, 0, [1, 2]].map((axes) => [`${name} of ${String(axes)}`, (a: Tensor) => a[name](axes)] as const),
    ),
    ...[...alongAxis, ...(x.size < 100 ? ofFew : [])].flatMap((name) =>
      [0, 1, 2].map((axis) => [`${name} of ${axis}`, (a: Tensor) => a[name](axis)] as const),
    ),
  ]
  return calls.map(([name, f]): Case => [name, (a) => [f(a), f(a.transpose([2, 0, 1]).flip(1))], x])
}

/** Ops that look at numbers to know shapes, which no program can. */
const readers = ['unique', 'histogram of weights']

/** Every other differentiable op. */
const structured = (dtype: DType): Case[] =>
  gradientRows.filter(([name]) => !readers.includes(name)).map((row, seed) => drawn(row, seed, dtype))

function drawn([name, f, ...shapes]: GradientRow, seed: number, dtype: DType): Case {
  const next = numbersFrom(seed)
  const points = shapes.map((shape) => {
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 3 * next() - 1.2)
    return tensor(values, { dtype }).reshape(shape)
  })
  return [name, withGradients(f), ...points]
}

/** By night more: a program takes its time to make. */
const isNight = (fc.readConfigureGlobal().numRuns ?? 100) > 100

const cases = (dtype: DType): Case[] => {
  const isLarge = dtype === 'float32'
  const x = isLarge ? new random.Generator(2).normal([17, 25, 20]) : numbers(24, dtype).reshape([4, 3, 2])
  return [...(isLarge ? formulas(dtype, 25, 40) : formulas(dtype, 3, 4)), ...reduced(x)]
}

/** The first difference of each result of each case, computed op by op and by a program that has many, as `same` has it. */
function differences(all: readonly Case[], same: (wanted: number, got: number, scale: number) => boolean): string[] {
  const found: string[] = []
  for (let from = 0; from < all.length; from += 24) {
    const some = all.slice(from, from + 24)
    const inputs = some.map(([, , ...xs]) => xs)
    const f = (given: readonly (readonly Tensor[])[]): (readonly Tensor[])[] => some.map(([, of], k) => of(...given[k]))
    const wanted = f(inputs)
    compile(f)(inputs).forEach((results, k) =>
      results.forEach((got, n) => {
        const expected = wanted[k][n]
        const [a, b] = [expected, got].map((x) => Float64Array.from(x.toTypedArray()))
        const scale = a.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1)
        const i = a.findIndex((x, at) => !same(x, b[at], scale))
        const isLike = got.dtype === expected.dtype && String(got.shape) === String(expected.shape)
        if (i >= 0 || !isLike) found.push(`${some[k][0]}, result ${n}: [${i}] is ${b[i]} of ${got.dtype}, op by op ${a[i]}`)
      }),
    )
  }
  return found
}

afterEach(() => {
  setDeterministic(false)
})

describe.runIf(currentBackend().program !== undefined)('compiled and op by op', () => {
  test.each(['float32', 'float64', 'int32', 'uint8', 'bool'] as const)('the same bits: %s', (dtype) => {
    setDeterministic(true)
    const isWhole = dtype === 'float32' || (dtype === 'float64' && isNight)
    expect(differences([...cases(dtype), ...(isWhole ? structured(dtype) : [])], Object.is)).toEqual([])
  })

  // Products may round once or twice, sums go in another order.
  test('nearly, as fast as can be', () => {
    const rows = isNight ? [...cases('float32'), ...structured('float32')] : structured('float32').slice(0, 96)
    const near = (a: number, b: number, scale: number): boolean => Object.is(a, b) || Math.abs(a - b) <= 1e-6 * scale
    expect(differences(rows, near)).toEqual([])
  })

  test.each(readers)('%s reads numbers, and says so', (name) => {
    const row = gradientRows.find(([title]) => title === name)!
    const [, f, ...xs] = drawn(row, 1, 'float32')
    expect(() => compile(f)(...xs)).toThrow(TraceError)
  })
})
