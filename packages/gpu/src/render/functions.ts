/**
 * The functions of the formula language as expressions of a gpu.js kernel, where `a`, `b` and `c` stand for the arguments
 * (names or numbers, so that they may be repeated). Names that begin with `f_` are in library.ts.
 */
export interface GpuFunction {
  readonly text: string
  /** The text is a truth value, which is 1 or 0 as a number. */
  readonly truth?: boolean
}

const call = (name: string): GpuFunction => ({ text: `${name}(a)` })
const call2 = (name: string): GpuFunction => ({ text: `${name}(a, b)` })
const truth = (text: string): GpuFunction => ({ text, truth: true })

export const functions: Readonly<Record<string, GpuFunction>> = {
  '+': { text: 'a + b' },
  '-': { text: 'a - b' },
  '*': { text: 'a * b' },
  '/': { text: 'a / b' },
  neg: { text: '-a' },
  not: truth('a === 0'),
  '<': truth('a < b'),
  '<=': truth('a <= b'),
  '>': truth('a > b'),
  '>=': truth('a >= b'),
  '==': truth('a === b'),
  // Comparisons of a NaN are all false on a GPU, `!==` too.
  '!=': truth('!(a === b)'),
  '&&': truth('!(a === 0) && !(b === 0)'),
  '||': truth('!(a === 0) || !(b === 0)'),
  select: { text: 'a === 0 ? c : b' },
  flow: { text: 'a === 0 ? 0 : a * b' },
  isnan: truth('!(a === a)'),

  // A NaN fails both comparisons, and the sum hands it on.
  min: { text: 'a < b ? a : b <= a ? b : a + b' },
  max: { text: 'a > b ? a : b >= a ? b : a + b' },
  abs: call('Math.abs'),
  sign: { text: 'a > 0 ? 1 : a < 0 ? -1 : a' },
  floor: call('Math.floor'),
  ceil: call('Math.ceil'),
  trunc: call('f_trunc'),
  round: call('f_round'),
  mod: call2('f_mod'),

  sqrt: call('Math.sqrt'),
  exp: call('f_exp'),
  expm1: call('f_expm1'),
  log: call('f_log'),
  log1p: call('f_log1p'),
  pow: call2('f_pow'),

  sin: call('f_sin'),
  cos: call('f_cos'),
  tan: call('f_tan'),
  asin: call('f_asin'),
  acos: call('f_acos'),
  atan: call('f_atan'),
  atan2: call2('f_atan2'),
  sinh: call('f_sinh'),
  cosh: call('f_cosh'),
  tanh: call('f_tanh'),
  asinh: call('f_asinh'),
  acosh: call('f_acosh'),
  atanh: call('f_atanh'),
  erf: call('f_erf'),
  erfinv: call('f_erfinv'),
}
