/**
 * The scalar ops, one row each. Everything else about an op (its shape and dtype, every backend's kernel, its gradients
 * of every order, the method on Tensor, its tests) is made from its row.
 *
 * `forward` and `grad` are formulas (see ../formula): of the arguments, and in `grad` also of the output `y` and its
 * gradient `dy`. A row without `grad` has the derivative of `forward`; `grad: null` says that nothing flows.
 * `result` is the dtype: `same` as the arguments promoted, `number` (the same, but bool becomes int32), `float`
 * (integers become float32) or `bool`.
 */
export interface Row {
  readonly forward: string
  readonly grad?: string | Readonly<Record<string, string>> | null
  readonly result?: 'same' | 'number' | 'float' | 'bool'
  /** Named numbers that a formula reads, with their defaults; the method takes them in an options object. */
  readonly options?: Readonly<Record<string, number>>
}

/** Ops of one tensor, `x`. The default result is `float`. */
export const unary = {
  /** `-x`. */
  neg: { forward: '-x', grad: '-dy', result: 'number' },
  /** Absolute value `|x|`; the gradient at 0 is 0. */
  abs: { forward: 'abs(x)', grad: 'dy * sign(x)', result: 'number' },
  /** -1, 0 or 1. */
  sign: { forward: 'sign(x)', grad: null, result: 'number' },
  /** The largest integer ≤ x. */
  floor: { forward: 'floor(x)', grad: null, result: 'number' },
  /** The smallest integer ≥ x. */
  ceil: { forward: 'ceil(x)', grad: null, result: 'number' },
  /** x without its fraction. */
  trunc: { forward: 'trunc(x)', grad: null, result: 'number' },
  /** The nearest integer, halves to even. */
  round: { forward: 'round(x)', grad: null, result: 'number' },
  /** `x²`. */
  square: { forward: 'x * x', grad: 'dy * 2 * x', result: 'number' },
  /** `√x`; the gradient at 0 is 0. */
  sqrt: { forward: 'sqrt(x)', grad: 'y > 0 ? dy * 0.5 / y : 0' },
  /** `1 / √x`. */
  rsqrt: { forward: '1 / sqrt(x)', grad: 'flow(dy, -0.5 * y * y * y)' },
  /** `1 / x`. */
  reciprocal: { forward: '1 / x', grad: 'flow(dy, -y * y)' },

  /** `e^x`. */
  exp: { forward: 'exp(x)', grad: 'dy * y' },
  /** `2^x`. */
  exp2: { forward: 'pow(2, x)', grad: 'dy * y * 0.6931471805599453' },
  /** `e^x - 1`, exact near 0. */
  expm1: { forward: 'expm1(x)', grad: 'dy * (y + 1)' },
  /** Natural logarithm. */
  log: { forward: 'log(x)', grad: 'flow(dy, 1 / x)' },
  /** Logarithm to base 2. */
  log2: { forward: 'log(x) * 1.4426950408889634', grad: 'flow(dy, 1.4426950408889634 / x)' },
  /** Logarithm to base 10. */
  log10: { forward: 'log(x) * 0.4342944819032518', grad: 'flow(dy, 0.4342944819032518 / x)' },
  /** `log(1 + x)`, exact near 0. */
  log1p: { forward: 'log1p(x)', grad: 'flow(dy, 1 / (1 + x))' },

  sin: { forward: 'sin(x)', grad: 'dy * cos(x)' },
  cos: { forward: 'cos(x)', grad: '-dy * sin(x)' },
  tan: { forward: 'tan(x)', grad: 'dy * (1 + y * y)' },
  arcsin: { forward: 'asin(x)', grad: 'flow(dy, 1 / sqrt(1 - x * x))' },
  arccos: { forward: 'acos(x)', grad: 'flow(dy, -1 / sqrt(1 - x * x))' },
  arctan: { forward: 'atan(x)', grad: 'dy / (1 + x * x)' },
  sinh: { forward: 'sinh(x)', grad: 'dy * cosh(x)' },
  cosh: { forward: 'cosh(x)', grad: 'dy * sinh(x)' },
  /** Hyperbolic tangent. */
  tanh: { forward: 'tanh(x)', grad: 'dy * (1 - y * y)' },
  arcsinh: { forward: 'asinh(x)', grad: 'dy / sqrt(1 + x * x)' },
  arccosh: { forward: 'acosh(x)', grad: 'flow(dy, 1 / sqrt(x * x - 1))' },
  arctanh: { forward: 'atanh(x)', grad: 'flow(dy, 1 / (1 - x * x))' },
  /** The error function `2/√π ∫₀ˣ e^(-t²) dt`. */
  erf: { forward: 'erf(x)', grad: 'dy * 1.1283791670955126 * exp(-x * x)' },
  /** `1 - erf(x)`, exact where it is small. */
  erfc: { forward: 'erfc(x)', grad: 'dy * -1.1283791670955126 * exp(-x * x)' },
  /** The inverse of erf on (-1, 1). */
  erfinv: { forward: 'erfinv(x)', grad: 'flow(dy, 0.886226925452758 * exp(y * y))' },

  /** `log |Γ(x)|`. */
  lgamma: { forward: 'lgamma(x)', grad: 'flow(dy, polygamma(0, x))' },
  /** `Γ'(x) / Γ(x)`, the derivative of lgamma. */
  digamma: { forward: 'polygamma(0, x)', grad: 'flow(dy, polygamma(1, x))' },
  /** The modified Bessel function of the first kind `I₀(x)`. */
  i0: { forward: 'i0(x)', grad: 'dy * i1(x)' },
  /** The modified Bessel function of the first kind `I₁(x)`. */
  i1: { forward: 'i1(x)', grad: 'dy * (x == 0 ? 0.5 : i0(x) - y / x)' },

  /** Rectified linear unit `max(x, 0)`. */
  relu: { forward: 'max(x, 0)', grad: 'y > 0 ? dy : 0', result: 'number' },
  /** `min(max(x, 0), 6)`. */
  relu6: { forward: 'min(max(x, 0), 6)', grad: 'y > 0 && y < 6 ? dy : 0', result: 'number' },
  /** `x` above 0, `negativeSlope · x` below. */
  leakyRelu: {
    forward: 'x > 0 ? x : negativeSlope * x',
    grad: 'x > 0 ? dy : negativeSlope * dy',
    options: { negativeSlope: 0.2 },
  },
  /** `min(x, maxValue)` above `threshold`, `negativeSlope · (x - threshold)` below. */
  boundedRelu: {
    forward: 'x <= threshold ? flow(negativeSlope, x - threshold) : min(x, maxValue)',
    grad: 'x > threshold ? (x < maxValue ? dy : 0) : negativeSlope * dy',
    options: { negativeSlope: 0, maxValue: Infinity, threshold: 0 },
  },
  /** `x` above 0, `alpha · (e^x - 1)` below. */
  elu: { forward: 'x > 0 ? x : alpha * expm1(x)', grad: 'x > 0 ? dy : dy * alpha * exp(x)', options: { alpha: 1 } },
  /** Scaled ELU, whose fixed point has mean 0 and variance 1. */
  selu: {
    forward: '1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x))',
    grad: 'dy * 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * exp(x))',
  },
  /** `max(x, 0) + min(0, alpha · (e^(x/alpha) - 1))`. */
  celu: {
    forward: 'x > 0 ? x : alpha * expm1(x / alpha)',
    grad: 'x > 0 ? dy : dy * exp(x / alpha)',
    options: { alpha: 1 },
  },
  /** Gaussian error linear unit `x · Φ(x)`. */
  gelu: {
    forward: '0.5 * x * (1 + erf(x * 0.7071067811865476))',
    grad: 'dy * (0.5 * (1 + erf(x * 0.7071067811865476)) + x * 0.3989422804014327 * exp(-0.5 * x * x))',
  },
  /** The tanh approximation of GELU, `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`. */
  geluTanh: { forward: '0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))' },
  /** Logistic sigmoid `1 / (1 + e^-x)`, written so that the smallest results do not become 0. */
  sigmoid: { forward: '(x >= 0 ? 1 : exp(-abs(x))) / (1 + exp(-abs(x)))', grad: 'dy * y * (1 - y)' },
  /** `log(sigmoid(x))`, without overflow. */
  logSigmoid: { forward: 'min(x, 0) - log1p(exp(-abs(x)))', grad: 'dy / (1 + exp(x))' },
  /** `x · sigmoid(x)`, also known as swish. */
  silu: {
    forward: 'x / (1 + exp(-x))',
    grad: 'dy / (1 + exp(-x)) * (1 + x * (1 - 1 / (1 + exp(-x))))',
  },
  /** `x · tanh(log(1 + e^x))`. */
  mish: { forward: 'x * tanh(max(x, 0) + log1p(exp(-abs(x))))' },
  /** Smooth ReLU `log(1 + e^x)`, written so that large x does not overflow. */
  softplus: { forward: 'max(x, 0) + log1p(exp(-abs(x)))', grad: 'dy / (1 + exp(-x))' },
  /** `x / (1 + |x|)`. */
  softsign: { forward: 'x / (1 + abs(x))', grad: 'dy / ((1 + abs(x)) * (1 + abs(x)))' },
  /** `(x + √(x² + b)) / 2`; relu where b no longer counts, so that x² does not overflow. */
  squareplus: {
    forward: 'abs(x) > 1e8 * sqrt(abs(b)) ? max(x, 0) : 0.5 * (x + sqrt(x * x + b))',
    grad: 'abs(x) > 1e8 * sqrt(abs(b)) ? (x > 0 ? dy : 0) : dy * 0.5 * (1 + x / sqrt(x * x + b))',
    options: { b: 4 },
  },
  /** 0 below -1, x above 1, `(x + 1)² / 4` between. */
  sparsePlus: {
    forward: 'x <= -1 ? 0 : x < 1 ? 0.25 * (x + 1) * (x + 1) : x',
    grad: 'x <= -1 ? 0 : x < 1 ? dy * 0.5 * (x + 1) : dy',
  },
  /** `(x + 1) / 2` limited to [0, 1]. */
  sparseSigmoid: { forward: 'min(max(0.5 * (x + 1), 0), 1)', grad: 'x > -1 && x < 1 ? 0.5 * dy : 0' },
  /** `relu6(x + 3) / 6`. */
  hardSigmoid: { forward: 'min(max(x + 3, 0), 6) / 6', grad: 'x > -3 && x < 3 ? dy / 6 : 0' },
  /** `x · hardSigmoid(x)`, also known as hard swish. */
  hardSilu: {
    forward: 'x * (min(max(x + 3, 0), 6) / 6)',
    grad: 'x <= -3 ? 0 : x < 3 ? dy * (2 * x + 3) / 6 : dy',
  },
  /** x limited to [-1, 1]. */
  hardTanh: { forward: 'min(max(x, -1), 1)', grad: 'x > -1 && x < 1 ? dy : 0' },
  /** x where `|x| > threshold`, else 0. */
  hardShrink: { forward: 'abs(x) <= threshold ? 0 : x', grad: 'abs(x) > threshold ? dy : 0', options: { threshold: 0.5 } },
  /** x moved towards 0 by `threshold`; `x · 0` between, which keeps NaN. */
  softShrink: {
    forward: 'x > threshold ? x - threshold : x < -threshold ? x + threshold : x * 0',
    grad: 'abs(x) > threshold ? dy : 0',
    options: { threshold: 0.5 },
  },
  /** `x - tanh(x)`. */
  tanhShrink: { forward: 'x - tanh(x)', grad: 'dy * tanh(x) * tanh(x)' },
  /** x where `x > threshold`, else `value`. */
  threshold: {
    forward: 'x <= threshold ? value : x',
    grad: 'x > threshold ? dy : 0',
    options: { threshold: 0, value: 0 },
    result: 'number',
  },

  /** 1 - x for truth values. */
  logicalNot: { forward: '!x', result: 'bool' },
  isnan: { forward: 'isnan(x)', result: 'bool' },
  isfinite: { forward: 'x - x == 0', result: 'bool' },
  isinf: { forward: 'x == x && x - x != 0', result: 'bool' },
} as const satisfies Readonly<Record<string, Row>>

/** Ops of two tensors, `a` and `b`, which broadcast. The default result is `number`. */
export const binary = {
  add: { forward: 'a + b', grad: { a: 'dy', b: 'dy' } },
  sub: { forward: 'a - b', grad: { a: 'dy', b: '-dy' } },
  mul: { forward: 'a * b', grad: { a: 'dy * b', b: 'dy * a' } },
  /** True division; integers become float32. */
  div: { forward: 'a / b', grad: { a: 'flow(dy, 1 / b)', b: 'flow(dy, -y / b)' }, result: 'float' },
  /** `a^b`; the gradient with respect to b is 0 at a = 0. */
  pow: {
    forward: 'pow(a, b)',
    grad: { a: 'b == 0 ? 0 : flow(dy, b * pow(a, b - 1))', b: 'a == 0 && b >= 0 ? 0 : flow(dy, y * log(a))' },
  },
  /** `a` above 0, `a · b` below; the gradient at a = 0 is 0. */
  prelu: { forward: 'a > 0 ? a : a * b', grad: { a: 'a > 0 ? dy : a < 0 ? dy * b : 0', b: 'a > 0 ? 0 : dy * a' } },
  /** The larger one; NaN wins; at a tie each has half of the gradient. */
  maximum: {
    forward: 'max(a, b)',
    grad: { a: 'a > b ? dy : a == b ? 0.5 * dy : 0', b: 'b > a ? dy : a == b ? 0.5 * dy : 0' },
    result: 'same',
  },
  /** The smaller one; NaN wins; at a tie each has half of the gradient. */
  minimum: {
    forward: 'min(a, b)',
    grad: { a: 'a < b ? dy : a == b ? 0.5 * dy : 0', b: 'b < a ? dy : a == b ? 0.5 * dy : 0' },
    result: 'same',
  },
  /** `⌊a / b⌋`, exact; of integers 0 where b is 0. */
  floorDivide: {
    forward: 'a == 0 || b == 0 || b - b != 0 ? (a * b < 0 ? -a / a : a / b) : round((a - mod(a, b)) / b) + 0',
    grad: null,
  },
  /** `a - b · ⌊a / b⌋`, with the sign of b. */
  mod: { forward: 'mod(a, b)', grad: { a: 'dy', b: '-dy * floor(a / b)' } },
  /** `(a - b)²`. */
  squaredDifference: { forward: '(a - b) * (a - b)', grad: { a: 'dy * 2 * (a - b)', b: 'dy * 2 * (b - a)' } },
  /** The angle of the point (b, a); the gradient at (0, 0) is 0. */
  arctan2: {
    forward: 'atan2(a, b)',
    grad: { a: 'a * a + b * b == 0 ? 0 : dy * b / (a * a + b * b)', b: 'a * a + b * b == 0 ? 0 : -dy * a / (a * a + b * b)' },
    result: 'float',
  },
  /** `log(e^a + e^b)`, without overflow. */
  logaddexp: {
    forward: 'a == b ? a + 0.6931471805599453 : max(a, b) + log1p(exp(-abs(a - b)))',
    grad: { a: 'a == b ? 0.5 * dy : dy / (1 + exp(b - a))', b: 'a == b ? 0.5 * dy : dy / (1 + exp(a - b))' },
    result: 'float',
  },
  /** `a · log(b)`, and 0 where a is 0. */
  xlogy: { forward: 'flow(a, log(b))', grad: { a: 'flow(dy, log(b))', b: 'flow(dy * a, 1 / b)' }, result: 'float' },

  equal: { forward: 'a == b', result: 'bool' },
  notEqual: { forward: 'a != b', result: 'bool' },
  less: { forward: 'a < b', result: 'bool' },
  lessEqual: { forward: 'a <= b', result: 'bool' },
  greater: { forward: 'a > b', result: 'bool' },
  greaterEqual: { forward: 'a >= b', result: 'bool' },
  logicalAnd: { forward: 'a && b', result: 'bool' },
  logicalOr: { forward: 'a || b', result: 'bool' },
  logicalXor: { forward: '(a != 0) != (b != 0)', result: 'bool' },
} as const satisfies Readonly<Record<string, Row>>

/** Ops of three tensors. `condition` does not take part in the promotion of dtypes. The default result is `same`. */
export const ternary = {
  /** x limited to [low, high], to high where low > high; the gradient flows where `low ≤ x ≤ high`. */
  clip: {
    args: ['x', 'low', 'high'],
    forward: 'min(max(x, low), high)',
    grad: { x: 'x >= low && x <= high ? dy : 0', low: 'x < low && low <= high ? dy : 0', high: 'max(x, low) > high ? dy : 0' },
  },
  /** `a` where the condition holds, `b` elsewhere. */
  where: {
    args: ['condition', 'a', 'b'],
    forward: 'condition ? a : b',
    grad: { a: 'condition ? dy : 0', b: 'condition ? 0 : dy' },
  },
} as const satisfies Readonly<Record<string, Row & { readonly args: readonly string[] }>>
