import { i0, i1 } from './bessel.ts'
import { lgamma, polygamma } from './gamma.ts'
import * as special from './special.ts'

/**
 * The functions of the formula language: each row has its value on numbers and its derivatives by argument, as
 * formulas of `a`, `b`, `c` and the value `y`; a missing derivative is zero. Operators also have the JavaScript text
 * that stands for them in generated loops.
 *
 * How far results of the wasm backend are from the value, in units in the last place (0.5 is the nearest number), and nanoseconds for an
 * element beside those of `Math`, as `npm run ulp -- --every 257 --samples 3000` printed it on a Zen 3 with Node 20; sigmoid
 * and softplus are formulas of several functions, each of which rounds:
 *
 * | function | f32 ulp | % nearest | f64 ulp | % nearest | f32 ns | f64 ns | Math ns |
 * |---|---|---|---|---|---|---|---|
 * | exp | 0.781 | 99.83 | 0.569 | 98.07 | 0.93 | 3.69 | 8.28 |
 * | pow(2, x) | 0.531 | 99.93 | 0.556 | 98.67 | 1.23 | 5.29 | 52.95 |
 * | expm1 | 0.715 | 99.83 | 0.630 | 98.90 | 1.56 | 5.53 | 23.34 |
 * | log | 0.782 | 99.95 | 0.528 | 99.47 | 0.93 | 2.67 | 18.04 |
 * | log1p | 0.800 | 99.91 | 0.643 | 97.73 | 1.46 | 3.89 | 21.67 |
 * | sqrt | 0.500 | 100.00 | 0.500 | 100.00 | 0.33 | 1.09 | 9.70 |
 * | pow | 0.530 | 99.02 | 0.568 | 97.70 | 5.54 | 37.35 | 59.43 |
 * | sin | 0.500 | 100.00 | 0.683 | 97.73 | 1.64 | 6.33 | 24.45 |
 * | cos | 0.500 | 100.00 | 0.662 | 96.97 | 1.81 | 5.91 | 22.84 |
 * | tan | 0.501 | 100.00 | 0.696 | 96.27 | 2.70 | 8.33 | 26.49 |
 * | asin | 0.504 | 100.00 | 0.613 | 99.03 | 2.41 | 4.78 | 21.45 |
 * | acos | 0.504 | 100.00 | 0.550 | 99.70 | 2.54 | 4.50 | 21.08 |
 * | atan | 0.506 | 99.99 | 0.520 | 99.53 | 4.80 | 9.44 | 18.87 |
 * | atan2 | 0.506 | 99.92 | 0.513 | 99.80 | 5.38 | 8.61 | 28.79 |
 * | sinh | 0.705 | 99.80 | 0.831 | 97.13 | 2.36 | 12.21 | 31.44 |
 * | cosh | 0.543 | 99.94 | 0.546 | 98.63 | 1.88 | 10.97 | 24.75 |
 * | tanh | 0.700 | 99.85 | 0.703 | 99.30 | 2.10 | 8.94 | 29.30 |
 * | asinh | 0.500 | 100.00 | 0.656 | 99.40 | 4.15 | 13.45 | 29.86 |
 * | acosh | 0.500 | 100.00 | 0.590 | 99.53 | 3.76 | 12.06 | 27.26 |
 * | atanh | 0.500 | 100.00 | 0.682 | 98.63 | 3.41 | 7.41 | 32.28 |
 * | erf | 0.708 | 99.65 | 0.798 | 94.10 | 3.16 | 13.84 | 127.51 |
 * | erfinv | 0.563 | 97.78 | 1.213 | 85.37 | 5.95 | 20.41 | 526.32 |
 * | mod | 0.500 | 100.00 | 0.500 | 100.00 | 1.42 | 1.94 | 25.80 |
 * | sigmoid | 2.327 | 97.08 | – | – | 1.46 | 4.72 | 21.01 |
 * | softplus | 1.453 | 97.57 | – | – | 4.19 | 12.20 | 32.66 |
 */
export interface FormulaFunction {
  readonly value: (a: number, b: number, c: number) => number
  readonly js?: string
  /** The same for int32 operands, where it differs. */
  readonly int?: FormulaFunction
  readonly derivatives?: readonly string[]
  /** One of the operations that IEEE 754 rounds correctly in every width, so that float32 loops give the bits of float32 hardware. */
  readonly rounds?: boolean
}

export const functions: Readonly<Record<string, FormulaFunction>> = {
  '+': { rounds: true, value: (a, b) => a + b, js: 'a + b', derivatives: ['1', '1'] },
  '-': { rounds: true, value: (a, b) => a - b, js: 'a - b', derivatives: ['1', '-1'] },
  '*': { rounds: true, value: (a, b) => a * b, js: 'a * b', int: { value: Math.imul }, derivatives: ['b', 'a'] },
  '/': { rounds: true, value: (a, b) => a / b, js: 'a / b', derivatives: ['1 / b', '-y / b'] },
  neg: { value: (a) => -a, js: '-a', derivatives: ['-1'] },
  not: { value: (a) => Number(a === 0), js: 'a == 0 ? 1 : 0' },
  '<': { value: (a, b) => Number(a < b), js: 'a < b ? 1 : 0' },
  '<=': { value: (a, b) => Number(a <= b), js: 'a <= b ? 1 : 0' },
  '>': { value: (a, b) => Number(a > b), js: 'a > b ? 1 : 0' },
  '>=': { value: (a, b) => Number(a >= b), js: 'a >= b ? 1 : 0' },
  '==': { value: (a, b) => Number(a === b), js: 'a == b ? 1 : 0' },
  '!=': { value: (a, b) => Number(a !== b), js: 'a != b ? 1 : 0' },
  '&&': { value: (a, b) => Number(a !== 0 && b !== 0), js: 'a != 0 && b != 0 ? 1 : 0' },
  '||': { value: (a, b) => Number(a !== 0 || b !== 0), js: 'a != 0 || b != 0 ? 1 : 0' },
  select: { value: (a, b, c) => (a !== 0 ? b : c), js: 'a != 0 ? b : c', derivatives: ['0', 'a ? 1 : 0', 'a ? 0 : 1'] },
  // A gradient that does not flow (0) stays 0 whatever the slope is, so that 0 · ∞ makes no NaN of a side not taken.
  flow: { rounds: true, value: (a, b) => (a === 0 ? 0 : a * b), js: 'a == 0 ? 0 : a * b', derivatives: ['b', 'a'] },
  isnan: { value: (a) => Number(a !== a), js: 'a != a ? 1 : 0' },

  // NaN in either operand is the result; at a tie each operand has half of the gradient.
  min: { value: Math.min, derivatives: ['a < b ? 1 : a == b ? 0.5 : 0', 'b < a ? 1 : a == b ? 0.5 : 0'] },
  max: { value: Math.max, derivatives: ['a > b ? 1 : a == b ? 0.5 : 0', 'b > a ? 1 : a == b ? 0.5 : 0'] },
  abs: { value: Math.abs, derivatives: ['sign(a)'] },
  sign: { value: Math.sign },
  floor: { value: Math.floor },
  ceil: { value: Math.ceil },
  trunc: { value: Math.trunc },
  round: { value: special.roundHalfEven },
  mod: { value: special.mod, derivatives: ['1', '-floor(a / b)'] },

  sqrt: { rounds: true, value: Math.sqrt, derivatives: ['0.5 / y'] },
  exp: { value: Math.exp, derivatives: ['y'] },
  expm1: { value: Math.expm1, derivatives: ['y + 1'] },
  log: { value: Math.log, derivatives: ['1 / a'] },
  log1p: { value: Math.log1p, derivatives: ['1 / (1 + a)'] },
  pow: {
    value: special.pow,
    int: { value: special.powInt },
    derivatives: ['b == 0 ? 0 : b * pow(a, b - 1)', '(a == 0 && b >= 0) ? 0 : y * log(a)'],
  },

  sin: { value: Math.sin, derivatives: ['cos(a)'] },
  cos: { value: Math.cos, derivatives: ['-sin(a)'] },
  tan: { value: Math.tan, derivatives: ['1 + y * y'] },
  asin: { value: Math.asin, derivatives: ['1 / sqrt(1 - a * a)'] },
  acos: { value: Math.acos, derivatives: ['-1 / sqrt(1 - a * a)'] },
  atan: { value: Math.atan, derivatives: ['1 / (1 + a * a)'] },
  atan2: { value: Math.atan2, derivatives: ['b / (a * a + b * b)', '-a / (a * a + b * b)'] },
  sinh: { value: Math.sinh, derivatives: ['cosh(a)'] },
  cosh: { value: Math.cosh, derivatives: ['sinh(a)'] },
  tanh: { value: Math.tanh, derivatives: ['1 - y * y'] },
  asinh: { value: Math.asinh, derivatives: ['1 / sqrt(1 + a * a)'] },
  acosh: { value: Math.acosh, derivatives: ['1 / sqrt(a * a - 1)'] },
  atanh: { value: Math.atanh, derivatives: ['1 / (1 - a * a)'] },
  erf: { value: special.erf, derivatives: ['1.1283791670955126 * exp(-a * a)'] },
  erfc: { value: special.erfc, derivatives: ['-1.1283791670955126 * exp(-a * a)'] },
  erfinv: { value: special.erfinv, derivatives: ['0.886226925452758 * exp(y * y)'] },
  lgamma: { value: lgamma, derivatives: ['polygamma(0, a)'] },
  // The order is a whole number: it has no derivative.
  polygamma: { value: polygamma, derivatives: ['0', 'polygamma(a + 1, b)'] },
  i0: { value: i0, derivatives: ['i1(a)'] },
  i1: { value: i1, derivatives: ['a == 0 ? 0.5 : i0(a) - y / a'] },
}
