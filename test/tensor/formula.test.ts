/** The formula language: reading, differentiating, and that generated code computes what the interpreter does. */
import {
  Variable,
  binary,
  differentiate,
  elementwise,
  formulaOps,
  functions,
  interpret,
  kernel,
  listen,
  parse,
  tensor,
  ternary,
  unary,
  update,
  updateKernel,
  type Formula,
  type Row,
} from '@typegrad/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gradientOf } from '../../packages/tensor/src/formula/differentiate.ts'
import { keyOf, substitute } from '../../packages/tensor/src/formula/parse.ts'
import { erf, erfinv, mod, powInt, roundHalfEven } from '../../packages/tensor/src/formula/special.ts'
import { numbersFrom, read } from './arrays.ts'
import { onEveryBackend } from './backends.ts'
import { smoothOperands } from './calculus.ts'
import { runs } from './properties.ts'
import { rowNames } from './reference.ts'

const evaluate = (formula: string | Formula, values: Readonly<Record<string, number>> = {}): number =>
  interpret(kernel(Object.keys(values), { y: formula }))(Object.values(values))[0]

describe('reading', () => {
  test.each<[string, number]>([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['8 - 4 - 2', 2],
    ['8 / 4 / 2', 1],
    ['-2 * -3', 6],
    ['- -2', 2],
    ['1.5e-3 + .5', 0.5015],
    ['2e2', 200],
    ['1 < 2', 1],
    ['1 + 1 < 2', 0],
    ['1 < 2 == 1', 1],
    ['2 >= 2 && 3 <= 2', 0],
    ['1 || 0 && 0', 1],
    ['!0 + !5', 1],
    ['0 ? 1 : 2', 2],
    ['1 ? 0 ? 1 : 2 : 3', 2],
    ['0 ? 1 : 0 ? 2 : 3', 3],
    ['max(1, min(5, 3)) + abs(-2)', 5],
    ['pow(2, 3)', 8],
    ['flow(0, 1 / 0)', 0],
  ])('%s is %d', (text, value) => {
    expect(evaluate(text)).toBe(value)
  })

  test('it reads JavaScript expressions as JavaScript does', () => {
    const leaf = fc.oneof(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 9 }).map(String))
    const { expression } = fc.letrec<{ expression: string }>((tie) => ({
      expression: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.tuple(tie('expression'), fc.constantFrom('+', '-', '*', '/'), tie('expression')).map((parts) => parts.join(' ')),
        tie('expression').map((inner) => `(${inner})`),
        tie('expression').map((inner) => `- ${inner}`),
        fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a} < ${b} ? ${a} : ${b})`),
      ),
    }))
    fc.assert(
      fc.property(expression, (text) => {
        // oxlint-disable-next-line typescript/no-implied-eval -- The expressions are made four lines above.
        const wanted = new Function('a', 'b', `return ${text}`) as (a: number, b: number) => number
        expect(evaluate(text, { a: 3, b: 0.5 })).toBe(wanted(3, 0.5))
      }),
    )
  })

  test('the key of a formula tells trees apart, and nothing else', () => {
    expect(keyOf(parse('a+(b)'))).toBe(keyOf(parse(' a + b ')))
    for (const other of ['b + a', 'a - b', 'a + 1', 'a + b + b']) expect(keyOf(parse(other))).not.toBe(keyOf(parse('a + b')))
    expect(keyOf(parse('a - (b - c)'))).not.toBe(keyOf(parse('a - b - c')))
  })

  test('substitute replaces all names at once', () => {
    const formula = substitute(parse('a + b * a'), { a: parse('b'), b: parse('a + 1') })
    expect(keyOf(formula)).toBe(keyOf(parse('b + (a + 1) * b')))
  })
})

describe('differentiating', () => {
  test.each([
    ['x * x * x', 3 * 4],
    ['3', 0],
    ['z', 0],
    ['x / z', 0.2],
    ['z / x', -5 / 4],
    ['exp(2 * x)', 2 * Math.exp(4)],
    ['x > 1 ? x * x : x', 4],
    ['x > 3 ? x * x : x', 1],
    ['floor(x) + sign(x)', 0],
  ])('d(%s)/dx at x = 2, z = 5 is %d', (text, slope) => {
    expect(evaluate(differentiate(parse(text), 'x'), { x: 2, z: 5 })).toBeCloseTo(slope, 12)
  })

  // Every node that is left over is computed for every element.
  test.each([
    ['x', '1'],
    ['2 * x', '2'],
    ['x * x', '(+ x x)'],
    ['x + z', '1'],
    ['z - x', '-1'],
    ['-x', '-1'],
    ['z * z', '0'],
    ['floor(x) * x', '(floor x)'],
    ['exp(2 * x)', '(* 2 (exp (* 2 x)))'],
    ['x / z', '(/ 1 z)'],
    ['x * x * z', '(* (+ x x) z)'],
    ['abs(-x)', '(* -1 (sign (neg x)))'],
    ['tanh(x)', '(- 1 (* (tanh x) (tanh x)))'],
    ['x > 1 ? x : z', '(select (> x 1) 1 0)'],
    ['x > 1 ? x : x + 3', '1'],
    ['(x > 1 ? x : z) * z', '(select (> x 1) z 0)'],
    ['max(2 * x, z)', '(select (> (* 2 x) z) 2 (select (== (* 2 x) z) (* 2 0.5) 0))'],
    ['flow(x, z)', 'z'],
  ])('d(%s)/dx has no more nodes than it needs: %s', (text, wanted) => {
    expect(keyOf(differentiate(parse(text), 'x'))).toBe(wanted)
  })

  test.each([
    ['x', 'dy'],
    ['z', '0'],
    ['2 * x', '(* dy 2)'],
    ['1e999 * x', '(flow dy Infinity)'],
    ['x * x', '(flow dy (+ x x))'],
    ['x > 1 ? x : exp(x)', '(select (> x 1) dy (flow dy (exp x)))'],
    ['max(x, 0)', '(select (> x 0) dy (select (== x 0) (* dy 0.5) 0))'],
  ])('the gradient of %s is %s', (text, wanted) => {
    expect(keyOf(gradientOf(parse(text), 'x'))).toBe(wanted)
  })

  test('a side that is not taken does not poison the other', () => {
    expect(evaluate(differentiate(parse('x > 0 ? log(x) : 5 * x'), 'x'), { x: 0 })).toBe(5)
  })

  const rows: Readonly<Record<string, Row>> = { ...unary, ...binary, ...ternary }
  const written = rowNames.flatMap((name) => {
    const { grad } = rows[name]
    if (grad === undefined || grad === null) return []
    const grads = typeof grad === 'string' ? { [formulaOps[name].args[0]]: grad } : grad
    return Object.entries(grads).map(([arg, text]) => [`${name} by ${arg}`, name, arg, text] as const)
  })

  test.each(written)('the written gradient of %s is the derivative of its formula', (_, name, arg, text) => {
    const { args, kernel: own } = formulaOps[name]
    const [{ formula }] = own.results
    const y = interpret(own)
    const [byHand, derived] = [parse(text), differentiate(formula, arg)]
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: -2, max: 2, noNaN: true }), (seed, dy) => {
        const point = smoothOperands(
          (...xs) => y(xs)[0],
          args.map(() => []),
          [],
          numbersFrom(seed),
        ).map((x) => x.values[0])
        const values = { ...Object.fromEntries(args.map((a, i) => [a, point[i]])), y: y(point)[0], dy }
        const wanted = dy * evaluate(derived, values)
        expect(Math.abs(evaluate(byHand, values) - wanted)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(wanted)))
      }),
      runs(0.2),
    )
  })
})

describe('special functions', () => {
  // Python 3.13: math.erf.
  test.each([
    [1e-300, 1.1283791670955126e-300],
    [1e-8, 1.1283791670955126e-8],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1.5, 0.9661051464753108],
    [2.4999, 0.9995928300996666],
    [2.5, 0.999593047982555],
    [4, 0.9999999845827421],
    [5.5, 0.9999999999999927],
    [-0.7, -0.6778011938374184],
    [-3.3, -0.9999969422902035],
    [7, 1],
    [Infinity, 1],
  ])('erf(%d) is %d', (x, y) => {
    expect(Math.abs(erf(x) / y - 1)).toBeLessThan(5e-16)
  })

  // mpmath 1.3 with 40 digits: float(erfinv(mpf(y))).
  test.each([
    [1e-10, 8.862269254527581e-11],
    [0.1, 0.08885599049425769],
    [0.5, 0.4769362762044699],
    [-0.9, -1.1630871536766743],
    [0.99, 1.8213863677184494],
    [0.9954, 2.003789912245192],
    [-0.9956, -2.013814153153042],
    [0.999999, 3.458910737275499],
    [1 - 1e-12, 5.042031898572696],
    [1 - 2 ** -53, 5.8635847487551676],
  ])('erfinv(%d) is %d', (y, x) => {
    expect(Math.abs(erfinv(y) / x - 1)).toBeLessThan(3e-15)
  })

  test.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, -0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999999999999994, 0],
    [-0.2, -0],
    [2 ** 52 + 1, 2 ** 52 + 1],
    [4503599627370495.5, 4503599627370496],
    [-Infinity, -Infinity],
  ])('round(%d) is %d', (x, y) => {
    expect(roundHalfEven(x)).toBe(y)
  })

  // Python's %.
  test.each([
    [7, 3, 1],
    [-7, 3, 2],
    [7, -3, -2],
    [-7, -3, -1],
    [5.5, 2, 1.5],
    [0, -3, -0],
    [-0, 3, 0],
    [6, -3, -0],
    [-1, Infinity, Infinity],
    [1, Infinity, 1],
    [1, 0, NaN],
  ])('mod(%d, %d) is %d', (a, b, result) => {
    expect(mod(a, b)).toBe(result)
  })

  test.each([
    [3, 4, 81],
    [-2, 31, -2147483648],
    [2, 32, 0],
    [7, 0, 1],
    [0, 0, 1],
    [-1, -3, -1],
    [-1, -2, 1],
    [2, -1, 0],
    [0, -1, 0],
    [3, 21, 1870418611],
  ])('the integer power %d^%d is %d', (a, b, result) => {
    expect(powInt(a, b)).toBe(result)
  })

  test('every function has a derivative for every argument, or is constant between jumps', () => {
    const flat = ['not', '<', '<=', '>', '>=', '==', '!=', '&&', '||', 'isnan', 'sign', 'floor', 'ceil', 'trunc', 'round']
    for (const [name, { value, derivatives }] of Object.entries(functions)) {
      expect([name, derivatives?.length ?? 0]).toEqual([name, flat.includes(name) ? 0 : value.length])
    }
  })
})

onEveryBackend(() => {
  describe('updates', () => {
    const variable = (...values: number[]): Variable => new Variable(tensor(values, { dtype: 'float64' }))

    test('all variables get their next values at once, and a later formula sees the earlier results', async () => {
      const rule = updateKernel(['w', 'm'], ['g', 'rate'], { m: '0.9 * m + g', w: 'w - rate * m' })
      const [w, m] = [variable(1, 2), variable(10, 20)]
      update(rule, { w, m }, { g: tensor([1, 1], { dtype: 'float64' }), rate: 0.5 })
      expect((await read(m.value)).values).toEqual([10, 19])
      expect((await read(w.value)).values).toEqual([-4, -7.5])
    })

    test('an expression that is the same text before and after a variable has its next value is two values', async () => {
      // Nesterov's momentum: `mu * m` of the new m is not `mu * m` of the old one.
      const rule = updateKernel(['w', 'm'], ['g', 'mu'], { m: 'mu * m - g', w: 'w + mu * m - g' })
      const [w, m] = [variable(0), variable(8)]
      update(rule, { w, m }, { g: 1, mu: 0.5 })
      expect((await read(m.value)).values).toEqual([3])
      expect((await read(w.value)).values).toEqual([0.5])
    })

    test('what was made of a variable before keeps its numbers', async () => {
      const w = variable(1)
      const before = w.value
      update(updateKernel(['w'], [], { w: 'w + 1' }), { w }, {})
      expect([(await read(before)).values, (await read(w.value)).values]).toEqual([[1], [2]])
    })
  })
})

test('a formula of your own is an op: broadcast, recorded under its name, in the dtype of its operands', () => {
  const hypotenuse = elementwise('hypotenuse', ['a', 'b'], 'sqrt(a * a + b * b)')
  expect(hypotenuse([[3], [5]], tensor([4, 12], { dtype: 'float64' })).toArray()).toEqual([
    [5, Math.sqrt(153)],
    [Math.sqrt(41), 13],
  ])
  expect(hypotenuse(tensor([3], { dtype: 'int32' }), 4).dtype).toBe('float32')
  const names: string[] = []
  listen(
    ({ name }) => names.push(name),
    () => hypotenuse([1], [2]),
  )
  expect(names).toEqual(['hypotenuse'])
  expect(() => hypotenuse([1])).toThrow('hypotenuse: 1 operands, expected 2 (a, b)')
  expect(() => elementwise('wrong', ['a'], 'a + c')).toThrow(/reads 'c'/)
})

onEveryBackend(() => {
  test('sigmoid: the smallest results, which 1 / (1 + exp(-x)) would make 0', async () => {
    const x = [-87, -88.5, -89, -92.5, -96, -100, -102, -103.25, -120, -Infinity, NaN, 0, 90, Infinity]
    const y = await tensor(x).sigmoid().data()
    const smallest = 2 ** -149
    const wanted = x.map((v) => (v < 0 ? Math.exp(v) : 1 / (1 + Math.exp(-v))))
    const wrong = x.filter((v, i) => v === v && !(Math.abs(y[i] - wanted[i]) <= 2 * smallest + 2 ** -22 * wanted[i]))
    expect(wrong).toEqual([])
    expect(y[10]).toBeNaN()
    expect(y[7]).toBeGreaterThan(0)
  })
})
