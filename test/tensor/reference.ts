/**
 * An independent second opinion on the scalar ops: plain functions in double precision, by the textbook's formula and
 * not by the row's. A row without an entry here is tested against its own formula, run by the interpreter.
 */
import { binary, formulaOps, interpret, kernel as kernelOf, reductions, ternary, unary } from '@typegrad/tensor'

type Scalar = (...args: number[]) => number

export interface Reference {
  readonly f: Scalar
  /** The same for integers, where doubles are not exact: the result is taken modulo 2^32. */
  readonly int?: Scalar
  /**
   * The row subtracts numbers of the size of its argument or adds to 1 in between, so that its error is relative to those
   * and not to a small result.
   */
  readonly cancels?: boolean
  /** What the error is relative to as well: how much a rounded argument of an exponential changes the result. */
  readonly scale?: Scalar
  /** What a number on the way is multiplied by that may have become too small for its dtype. */
  readonly magnifies?: Scalar
}

const exact =
  (f: (...args: bigint[]) => bigint): Scalar =>
  (...args) =>
    Number(BigInt.asIntN(32, f(...args.map(BigInt))))

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)))
const hardSigmoid = (x: number): number => (x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5)
const isNaN = (x: number): boolean => x !== x
/** NaN if one of the arguments is; else `f`. */
const propagate =
  (f: Scalar): Scalar =>
  (...args) =>
    args.some(isNaN) ? NaN : f(...args)

const maximum = propagate((a, b) => (a > b || (a === b && !Object.is(a, -0)) ? a : b))
const minimum = propagate((a, b) => (a < b || (a === b && Object.is(a, -0)) ? a : b))

/** `2/√π ∫₀ˣ e^(-t²) dt` by Romberg's method. */
function erf(x: number): number {
  if (isNaN(x) || x === 0) return x
  if (Math.abs(x) > 6.5) return Math.sign(x)
  const f = (t: number): number => Math.exp(-t * t)
  let n = 1
  let row = [(x * (f(0) + f(x))) / 2]
  for (let k = 1; k <= 9; k++) {
    let middle = 0
    for (let i = 0; i < n; i++) middle += f((x * (i + 0.5)) / n)
    const next = [(row[0] + (x * middle) / n) / 2]
    n *= 2
    for (let j = 1; j <= k; j++) next.push(next[j - 1] + (next[j - 1] - row[j - 1]) / (4 ** j - 1))
    row = next
  }
  return (2 / Math.sqrt(Math.PI)) * row.at(-1)!
}

/** The root of `erf(x) = y`, by Newton's method. */
function erfinv(y: number): number {
  if (!(Math.abs(y) <= 1)) return NaN
  if (Math.abs(y) === 1) return y * Infinity
  // erf is concave from here on: from the left of the root, Newton's steps go to the right only.
  let x = 0
  for (let i = 0; i < 200; i++) {
    const step = ((Math.abs(y) - erf(x)) * Math.sqrt(Math.PI) * Math.exp(x * x)) / 2
    if (x + step === x || (i > 5 && step <= 0)) break
    x += step
  }
  return Object.is(y, -0) ? y : Math.sign(y) * x
}

/** Python's `%`: the sign is that of b, for a zero too. */
function modulo(a: number, b: number): number {
  const remainder = a % b
  if (remainder === 0) return b < 0 ? -0 : 0
  return Math.sign(remainder) === Math.sign(b) ? remainder : remainder + b
}

/** Python's `//`, and ±∞ for a float divided by 0. */
function floorDivide(a: number, b: number): number {
  if (b === 0 || isNaN(b)) return a / b
  if (!Number.isFinite(a)) return NaN
  if (!Number.isFinite(b)) return a * b < 0 ? -1 : a / b
  const whole = Math.round((a - modulo(a, b)) / b)
  // The sign of 0 is that of the quotient.
  return whole === 0 ? nothingOf(a / b) : whole
}

function roundHalfToEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  const even = down % 2 === 0 ? down : down + 1
  const nearest = rest < 0.5 ? down : rest > 0.5 ? down + 1 : even
  if (!Number.isFinite(x)) return x
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest
}

/** `a^b` modulo 2^32; of a negative power what is left without the fraction. */
function power(a: bigint, b: bigint): bigint {
  if (b < 0n) return a === 1n || (a === -1n && b % 2n === 0n) ? 1n : a === -1n ? -1n : 0n
  if (b === 0n) return 1n
  const half = power(a, b / 2n)
  return BigInt.asIntN(32, half * half * (b % 2n === 0n ? 1n : a))
}

/** A zero with the sign of x; NaN for what is not finite. */
const nothingOf = (x: number): number => (!Number.isFinite(x) ? NaN : x < 0 || Object.is(x, -0) ? -0 : 0)

const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 }
const elu = (x: number, alpha: number): number => (x > 0 ? x : alpha * Math.expm1(x))
/** `(x + √(x² + b)) / 2`, where x² may overflow. */
function squareplus(x: number, b: number): number {
  if (x === -Infinity && Number.isFinite(b)) return 0
  const root = Math.abs(x) > 1e100 || b === 0 ? Math.abs(x) : Math.sqrt(x ** 2 + b)
  return x / 2 + (Number.isFinite(b) ? root : Math.sqrt(x ** 2 + b)) / 2
}

const root2pi = Math.sqrt(2 / Math.PI)

const elementwise: Readonly<Record<string, Scalar | Reference>> = {
  neg: (x) => -1 * x,
  abs: (x) => (x < 0 || Object.is(x, -0) ? -1 * x : x),
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : x),
  floor: (x) => (Number.isInteger(x) ? x : Math.floor(x)),
  ceil: (x) => -Math.floor(-x),
  trunc: (x) => (x < 0 ? Math.ceil(x) : Math.floor(x)),
  round: roundHalfToEven,
  square: { f: (x) => x ** 2, int: exact((x) => x * x) },
  sqrt: (x) => Math.sqrt(x),
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,

  exp: (x) => Math.exp(x),
  exp2: (x) => 2 ** x,
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log2: { f: (x) => Math.log2(x), cancels: true },
  log10: { f: (x) => Math.log10(x), cancels: true },
  log1p: (x) => Math.log1p(x),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tan: (x) => Math.tan(x),
  arcsin: (x) => Math.asin(x),
  arccos: (x) => Math.acos(x),
  arctan: (x) => Math.atan(x),
  sinh: (x) => Math.sinh(x),
  cosh: (x) => Math.cosh(x),
  tanh: (x) => Math.tanh(x),
  arcsinh: (x) => Math.asinh(x),
  arccosh: (x) => Math.acosh(x),
  arctanh: (x) => Math.atanh(x),
  erf,
  erfinv: { f: erfinv, cancels: true },

  relu: (x) => (x <= 0 ? 0 : x),
  relu6: (x) => (x <= 0 ? 0 : x >= 6 ? 6 : x),
  leakyRelu: (x, slope) => (x > 0 ? x : x * slope),
  boundedRelu: (x, slope, top, limit) => (x <= limit ? (slope === 0 ? 0 : (x - limit) * slope) : minimum(top, x)),
  elu,
  selu: (x) => SELU.scale * elu(x, SELU.alpha),
  celu: {
    f: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x / alpha)),
    scale: (x, alpha) => (x > 0 ? 0 : Math.abs(x) * Math.exp(x / alpha)),
    magnifies: (x, alpha) => (x > 0 ? 0 : Math.abs(alpha)),
  },
  gelu: { f: (x) => x * ((1 + erf(x / Math.SQRT2)) / 2), cancels: true },
  geluTanh: { f: (x) => 0.5 * x * (1 + Math.tanh(root2pi * (x + 0.044715 * x ** 3))), cancels: true },
  sigmoid,
  logSigmoid: (x) => 0 - softplus(-x),
  silu: (x) => x * sigmoid(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  softplus,
  softsign: (x) => x / (Math.abs(x) + 1),
  sparsePlus: (x) => (x >= 1 ? x : x <= -1 ? 0 : (x + 1) ** 2 / 4),
  sparseSigmoid: (x) => (x >= 1 ? 1 : x <= -1 ? 0 : (x + 1) / 2),
  squareplus: { f: squareplus, cancels: true },
  hardSigmoid,
  hardSilu: (x) => x * hardSigmoid(x),
  hardTanh: (x) => (x < -1 ? -1 : x > 1 ? 1 : x),
  hardShrink: (x, lambda) => (Math.abs(x) <= lambda ? 0 : x),
  softShrink: (x, lambda) => (x > lambda ? x - lambda : x < -lambda ? x + lambda : nothingOf(x)),
  tanhShrink: { f: (x) => x - Math.tanh(x), cancels: true },
  threshold: (x, limit, value) => (x <= limit ? value : x),

  logicalNot: (x) => Number(!(isNaN(x) || x)),
  isnan: (x) => Number(isNaN(x)),
  isfinite: (x) => Number(Number.isFinite(x)),
  isinf: (x) => Number(x === Infinity || x === -Infinity),

  add: { f: (a, b) => b + a, int: exact((a, b) => a + b) },
  sub: { f: (a, b) => a + -b, int: exact((a, b) => a - b) },
  mul: { f: (a, b) => b * a, int: exact((a, b) => a * b) },
  div: (a, b) => a / b,
  pow: { f: (a, b) => (a === 1 || (a === -1 && !isNaN(b) && !Number.isFinite(b)) ? 1 : a ** b), int: exact(power) },
  maximum,
  minimum,
  floorDivide,
  mod: modulo,
  prelu: { f: (a, b) => (a > 0 ? a : a * b), int: exact((a, b) => (a > 0n ? a : a * b)) },
  squaredDifference: { f: (a, b) => (a - b) ** 2, int: exact((a, b) => (a - b) ** 2n) },
  arctan2: (a, b) => Math.atan2(a, b),
  logaddexp: { f: (a, b) => (a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))), cancels: true },
  xlogy: (a, b) => (a === 0 ? 0 : a * Math.log(b)),
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  less: (a, b) => Number(b > a),
  lessEqual: (a, b) => Number(b >= a),
  greater: (a, b) => Number(b < a),
  greaterEqual: (a, b) => Number(b <= a),
  logicalAnd: (a, b) => Number(a !== 0 && b !== 0),
  logicalOr: (a, b) => Number(a !== 0 || b !== 0),
  logicalXor: (a, b) => Number((a !== 0) !== (b !== 0)),

  clip: (x, low, high) => minimum(high, maximum(low, x)),
  where: (condition, a, b) => (condition === 0 ? b : a),
}

/** The reference of an elementwise op; its own formula where this file knows no better. */
export function referenceOf(name: string): Reference {
  const known = elementwise[name]
  if (typeof known === 'function') return { f: known }
  if (known) return known
  const { kernel } = formulaOps[name]
  const [float, int] = [interpret(kernel), interpret(kernel, 'int32')]
  return { f: (...args) => float(args)[0], int: (...args) => int(args)[0], cancels: true }
}

/** Rows that this file has an opinion on, to see that none is left over. */
export const referenceNames: readonly string[] = Object.keys(elementwise)
export const rowNames: readonly string[] = [...Object.keys(unary), ...Object.keys(binary), ...Object.keys(ternary)]

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

const reduce: Readonly<Record<string, (list: readonly number[]) => number>> = {
  sum,
  mean: (list) => sum(list) / list.length,
  prod: (list) => list.reduce((a, b) => a * b, 1),
  max: (list) => list.reduce((a, b) => (isNaN(a) || a > b ? a : b)),
  min: (list) => list.reduce((a, b) => (isNaN(a) || a < b ? a : b)),
  any: (list) => Number(list.some((x) => x !== 0)),
  all: (list) => Number(list.every((x) => x !== 0)),
  norm: (list) => Math.sqrt(sum(list.map((x) => x * x))),
}

/** Exact products of integers, modulo 2^32. */
const reduceIntegers: Readonly<Record<string, (list: readonly number[]) => number>> = {
  prod: (list) => (list.length === 0 ? 1 : exact((...args) => args.reduce((a, b) => BigInt.asIntN(32, a * b)))(...list)),
}

/** The reference of a reduction on the list of elements that one result is made of. */
export function reductionReference(name: string, integers = false): (list: readonly number[]) => number {
  if (integers && reduceIntegers[name]) return reduceIntegers[name]
  if (reduce[name]) return reduce[name]
  const row: { init: number; step: string; finish?: string } = reductions[name as keyof typeof reductions]
  const step = interpret(kernelOf(['acc', 'x'], { acc: row.step }))
  const finish = interpret(kernelOf(['acc', 'n'], { acc: row.finish ?? 'acc' }))
  return (list) => finish([list.reduce((acc, x) => step([acc, x])[0], row.init), list.length])[0]
}
