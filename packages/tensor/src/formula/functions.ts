import { i0, i1 } from './bessel.ts'
import { lgamma, polygamma } from './gamma.ts'
import * as special from './special.ts'

/**
 * The functions of the formula language: each row has its value on numbers and its derivatives by argument, as
 * formulas of `a`, `b`, `c` and the value `y`; a missing derivative is zero. Operators also have the JavaScript text
 * that stands for them in generated loops.
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
    value: Math.pow,
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
