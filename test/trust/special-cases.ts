/**
 * What the array API standard (data-apis.org/array-api) asks of zeros, infinities and NaN, in a notation of our own: `operands → result`,
 * one line for each of its cases. An operand is a number or a class of them, a result a number, an operand, or a sign.
 * The standard leaves ∞ // 1 and 1 // -∞ open between two answers: ours are Python's.
 */
const top = 3.4028234663852886e38
const positive = [2 ** -149, 2 ** -126, 0.25, 1, 1.5, 2, 3, 1e10, top]
const negative = positive.map((x) => -x)
const zeros = [0, -0]
const nonzero = [...positive, ...negative]
const infinite = [Infinity, -Infinity]
const numbers = [...nonzero, ...zeros, ...infinite]
const odd = (x: number): boolean => Math.abs(x % 2) === 1

export const classes: Readonly<Record<string, readonly number[]>> = {
  NaN: [NaN],
  '0': [0],
  '-0': [-0],
  '±0': zeros,
  '1': [1],
  '-1': [-1],
  '±1': [1, -1],
  '∞': [Infinity],
  '-∞': [-Infinity],
  '±∞': infinite,
  /** Finite and positive. */
  '>0': positive,
  '<0': negative,
  '≠0': nonzero,
  finite: [...nonzero, ...zeros],
  number: numbers,
  any: [...numbers, NaN],
  '≠1': [...numbers, NaN].filter((x) => x !== 1),
  '>1': [1 + 2 ** -23, 2, top, Infinity],
  '<-1': [-1 - 2 ** -23, -2, -top, -Infinity],
  '<1': [1 - 2 ** -24, 0, -0, -1, -top, -Infinity],
  '-∞…-1': [-1 - 2 ** -23, -2, -top],
  '|x|>1': numbers.filter((x) => Math.abs(x) > 1),
  '|x|<1': numbers.filter((x) => Math.abs(x) < 1),
  'odd>0': positive.filter(odd),
  'odd<0': negative.filter(odd),
  'even or fraction>0': positive.filter((x) => !odd(x)),
  'even or fraction<0': negative.filter((x) => !odd(x)),
  integer: [1, -1, 2, 3, -3, 1e10, 2 ** 31, -(2 ** 40)],
  fraction: [0.5, -0.5, 1.5, -2.5],
}

const constants: Readonly<Record<string, number>> = {
  NaN,
  '0': 0,
  '-0': -0,
  '1': 1,
  '-1': -1,
  '∞': Infinity,
  '-∞': -Infinity,
  true: 1,
  false: 0,
  π: Math.PI,
  'π/2': Math.PI / 2,
  'π/4': Math.PI / 4,
  '3π/4': (3 * Math.PI) / 4,
  '-π': -Math.PI,
  '-π/2': -Math.PI / 2,
  '-π/4': -Math.PI / 4,
  '-3π/4': (-3 * Math.PI) / 4,
}

/** Whether a result is what a case says it is. */
export function fits(result: string, got: number, [a, b]: readonly number[]): boolean {
  if (result === '+' || result === '-') return result === '-' ? got < 0 || Object.is(got, -0) : got > 0 || Object.is(got, 0)
  const wanted = result === 'a' ? a : result === 'b' ? b : result === 'even' ? 2 * Math.round(a / 2) : constants[result]
  if (wanted === undefined) throw new Error(`no result is called ${result}`)
  return Object.is(got, wanted) || (result.includes('π') && Math.abs(got - wanted) <= 2e-7 * Math.abs(wanted))
}

const rounding = 'integer → a; ∞ → ∞; -∞ → -∞; 0 → 0; -0 → -0; NaN → NaN'
const logarithm = 'NaN → NaN; <0 → NaN; -∞ → NaN; 0 → -∞; -0 → -∞; 1 → 0; ∞ → ∞'
const odd0 = 'NaN → NaN; 0 → 0; -0 → -0'
const nanOfBoth = 'NaN, any → NaN; any, NaN → NaN'
const quotient = `${nanOfBoth}; ±∞, ±∞ → NaN; ±0, ±0 → NaN; 0, >0 → 0; -0, >0 → -0; 0, <0 → -0; -0, <0 → 0; >0, 0 → ∞; >0, -0 → -∞; <0, 0 → -∞; <0, -0 → ∞`
const sameSigns = '>0, >0 → +; <0, <0 → +; >0, <0 → -; <0, >0 → -'
const ofNaN = (result: string): string => `NaN, any → ${result}; any, NaN → ${result}`

/** The ops by our names. */
export const elementwiseCases: Readonly<Record<string, string>> = {
  abs: 'NaN → NaN; -0 → 0; -∞ → ∞',
  arccos: 'NaN → NaN; >1 → NaN; <-1 → NaN; 1 → 0',
  arccosh: 'NaN → NaN; <1 → NaN; 1 → 0; ∞ → ∞',
  arcsin: `${odd0}; >1 → NaN; <-1 → NaN`,
  arcsinh: `${odd0}; ∞ → ∞; -∞ → -∞`,
  arctan: `${odd0}; ∞ → π/2; -∞ → -π/2`,
  arctanh: `${odd0}; <-1 → NaN; >1 → NaN; -1 → -∞; 1 → ∞`,
  ceil: rounding,
  cos: 'NaN → NaN; 0 → 1; -0 → 1; ∞ → NaN; -∞ → NaN',
  cosh: 'NaN → NaN; 0 → 1; -0 → 1; ∞ → ∞; -∞ → ∞',
  exp: 'NaN → NaN; 0 → 1; -0 → 1; ∞ → ∞; -∞ → 0',
  expm1: `${odd0}; ∞ → ∞; -∞ → -1`,
  floor: rounding,
  isfinite: '∞ → false; -∞ → false; NaN → false; finite → true',
  isinf: '∞ → true; -∞ → true; NaN → false; finite → false',
  isnan: 'NaN → true; number → false',
  log: logarithm,
  log10: logarithm,
  log1p: `${odd0}; -∞…-1 → NaN; -∞ → NaN; -1 → -∞; ∞ → ∞`,
  log2: logarithm,
  neg: 'NaN → NaN; 0 → -0; -0 → 0; ∞ → -∞; -∞ → ∞; >0 → -; <0 → +',
  reciprocal: 'NaN → NaN; 0 → ∞; -0 → -∞; ∞ → 0; -∞ → -0',
  round: `${rounding}; fraction → even`,
  sign: 'NaN → NaN; <0 → -1; -∞ → -1; 0 → 0; -0 → -0; >0 → 1; ∞ → 1',
  sin: `${odd0}; ∞ → NaN; -∞ → NaN`,
  sinh: `${odd0}; ∞ → ∞; -∞ → -∞`,
  sqrt: `${odd0}; <0 → NaN; -∞ → NaN; ∞ → ∞`,
  square: 'NaN → NaN; ±0 → 0; ±∞ → ∞',
  tan: `${odd0}; ∞ → NaN; -∞ → NaN`,
  tanh: `${odd0}; ∞ → 1; -∞ → -1`,
  trunc: rounding,
  logicalNot: 'NaN → false; ±0 → true; ≠0 → false; ±∞ → false',

  add: `${nanOfBoth}; ∞, -∞ → NaN; -∞, ∞ → NaN; ∞, ∞ → ∞; -∞, -∞ → -∞; ∞, finite → ∞; -∞, finite → -∞; finite, ∞ → ∞; finite, -∞ → -∞; -0, -0 → -0; -0, 0 → 0; 0, -0 → 0; 0, 0 → 0; ±0, ≠0 → b; ≠0, ±0 → a`,
  sub: `${nanOfBoth}; ∞, ∞ → NaN; -∞, -∞ → NaN; ∞, -∞ → ∞; -∞, ∞ → -∞; ∞, finite → ∞; -∞, finite → -∞; finite, -∞ → ∞; finite, ∞ → -∞; -0, 0 → -0; -0, -0 → 0; 0, 0 → 0; 0, -0 → 0; ≠0, ±0 → a`,
  mul: `${nanOfBoth}; ±∞, ±0 → NaN; ±0, ±∞ → NaN; ${sameSigns}; ∞, ∞ → ∞; -∞, -∞ → ∞; ∞, -∞ → -∞; -∞, ∞ → -∞; ∞, >0 → ∞; ∞, <0 → -∞; -∞, >0 → -∞; -∞, <0 → ∞; >0, ∞ → ∞; >0, -∞ → -∞; <0, ∞ → -∞; <0, -∞ → ∞; 0, >0 → 0; 0, <0 → -0; -0, >0 → -0; -0, <0 → 0`,
  div: `${quotient}; ∞, >0 → ∞; ∞, <0 → -∞; -∞, >0 → -∞; -∞, <0 → ∞; >0, ∞ → 0; >0, -∞ → -0; <0, ∞ → -0; <0, -∞ → 0; ${sameSigns}`,
  floorDivide: `${quotient}; ±∞, ≠0 → NaN; >0, ∞ → 0; >0, -∞ → -1; <0, ∞ → -1; <0, -∞ → 0; ${sameSigns}`,
  mod: `${nanOfBoth}; ±∞, any → NaN; ±0, ±0 → NaN; 0, >0 → 0; -0, >0 → 0; 0, <0 → -0; -0, <0 → -0; >0, 0 → NaN; >0, -0 → NaN; <0, 0 → NaN; <0, -0 → NaN; >0, ∞ → a; >0, -∞ → b; <0, ∞ → b; <0, -∞ → a; >0, >0 → +; <0, <0 → -; >0, <0 → -; <0, >0 → +`,
  pow: '≠1, NaN → NaN; 1, any → 1; any, 0 → 1; any, -0 → 1; NaN, ≠0 → NaN; NaN, ±∞ → NaN; |x|>1, ∞ → ∞; |x|>1, -∞ → 0; ±1, ∞ → 1; ±1, -∞ → 1; |x|<1, ∞ → 0; |x|<1, -∞ → ∞; ∞, >0 → ∞; ∞, <0 → 0; -∞, odd>0 → -∞; -∞, even or fraction>0 → ∞; -∞, odd<0 → -0; -∞, even or fraction<0 → 0; 0, >0 → 0; 0, <0 → ∞; -0, odd>0 → -0; -0, even or fraction>0 → 0; -0, odd<0 → -∞; -0, even or fraction<0 → ∞; <0, fraction → NaN',
  arctan2: `${nanOfBoth}; >0, ±0 → π/2; 0, >0 → 0; 0, 0 → 0; 0, -0 → π; 0, <0 → π; -0, >0 → -0; -0, 0 → -0; -0, -0 → -π; -0, <0 → -π; <0, ±0 → -π/2; >0, ∞ → 0; >0, -∞ → π; <0, ∞ → -0; <0, -∞ → -π; ∞, finite → π/2; -∞, finite → -π/2; ∞, ∞ → π/4; ∞, -∞ → 3π/4; -∞, ∞ → -π/4; -∞, -∞ → -3π/4`,
  logaddexp: `${nanOfBoth}; ∞, number → ∞; number, ∞ → ∞; -∞, ≠0 → b; ≠0, -∞ → a; -∞, -∞ → -∞`,
  maximum: `${nanOfBoth}; ∞, number → ∞; -∞, number → b; 0, -0 → 0; -0, 0 → 0`,
  minimum: `${nanOfBoth}; -∞, number → -∞; ∞, number → b; 0, -0 → -0; -0, 0 → -0`,
  equal: `${ofNaN('false')}; ∞, ∞ → true; -∞, -∞ → true; ±0, ±0 → true; ∞, finite → false; -∞, finite → false; ∞, -∞ → false; ±0, ≠0 → false`,
  notEqual: `${ofNaN('true')}; ∞, ∞ → false; -∞, -∞ → false; ±0, ±0 → false; ∞, finite → true; -∞, finite → true; ∞, -∞ → true; ±0, ≠0 → true`,
  less: `${ofNaN('false')}; -∞, finite → true; finite, ∞ → true; ±0, ±0 → false; ∞, number → false`,
  lessEqual: `${ofNaN('false')}; -∞, number → true; number, ∞ → true; ±0, ±0 → true`,
  greater: `${ofNaN('false')}; ∞, finite → true; finite, -∞ → true; ±0, ±0 → false; -∞, number → false`,
  greaterEqual: `${ofNaN('false')}; ∞, number → true; number, -∞ → true; ±0, ±0 → true`,
  logicalAnd: 'NaN, NaN → true; ±0, any → false; any, ±0 → false; ±∞, ≠0 → true',
  logicalOr: 'NaN, any → true; any, NaN → true; ±0, ±0 → false; ±∞, any → true',
  logicalXor: 'NaN, NaN → false; NaN, ±0 → true; ±0, ±∞ → true; ±0, ±0 → false',
}

/** Statistics and running sums of a few elements: which they are, and what every element of the result is. */
export const statisticalCases: Readonly<Record<string, readonly (readonly [elements: readonly number[], result: readonly number[]])[]>> = {
  sum: [[[], [0]], [[1, NaN, 2], [NaN]], [[Infinity, 1], [Infinity]], [[Infinity, -Infinity], [NaN]]],
  prod: [[[], [1]], [[1, NaN, 0], [NaN]], [[Infinity, 0], [NaN]], [[-2, Infinity], [-Infinity]]],
  mean: [[[], [NaN]], [[1, NaN], [NaN]], [[Infinity, 1], [Infinity]], [[Infinity, -Infinity], [NaN]]],
  max: [[[1, NaN, 2], [NaN]], [[NaN, Infinity], [NaN]], [[-Infinity], [-Infinity]]],
  min: [[[1, NaN, 2], [NaN]], [[-Infinity, NaN], [NaN]], [[Infinity], [Infinity]]],
  variance: [[[], [NaN]], [[1, NaN], [NaN]], [[Infinity, 1], [NaN]], [[3], [0]]],
  std: [[[], [NaN]], [[1, NaN], [NaN]], [[Infinity, 1], [NaN]], [[3], [0]]],
  all: [[[], [1]], [[NaN, Infinity], [1]], [[NaN, -0], [0]]],
  any: [[[], [0]], [[NaN, 0], [1]], [[-0, 0], [0]], [[0, -Infinity], [1]]],
  cumsum: [[[], []], [[1, NaN, 2], [1, NaN, NaN]], [[1, Infinity, -Infinity], [1, Infinity, NaN]]],
  cumprod: [[[], []], [[2, NaN, 0], [2, NaN, NaN]], [[0, Infinity], [0, NaN]], [[-0, 1], [-0, -0]]],
  diff: [[[1], []], [[1, NaN, 2], [NaN, NaN]], [[Infinity, Infinity], [NaN]]],
} // prettier-ignore

/** The cases of a line of {@link elementwiseCases}, each with all its operands. */
export const casesOf = (text: string): { text: string; operands: number[][]; result: string }[] =>
  text.split('; ').map((line) => {
    const [left, result] = line.split(' → ')
    const lists = left.split(', ').map((name) => {
      if (classes[name] === undefined) throw new Error(`no numbers are called ${name}`)
      return classes[name]
    })
    const operands = lists.reduce<number[][]>((rows, list) => rows.flatMap((row) => list.map((x) => [...row, x])), [[]])
    return { text: line, operands, result }
  })

export const caseCount =
  Object.values(elementwiseCases).reduce((n, text) => n + casesOf(text).length, 0) +
  Object.values(statisticalCases).reduce((n, list) => n + list.length, 0)
