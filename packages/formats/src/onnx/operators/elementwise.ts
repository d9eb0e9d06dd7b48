/** Operators that compute element by element. */
import { isFloat, tensor, where, type DType, type Tensor } from '@typegrad/tensor'
import { dtypeOf } from '../decode.ts'
import { operator, plain, Unsupported, type Operator } from './operator.ts'

/** A function of one tensor, computed in floats; whole numbers stay whole. */
const unary = (f: (x: Tensor) => Tensor): Operator => plain(1, ([x]) => (isFloat(x.dtype) ? f(x) : f(x).cast(x.dtype)))

const logical = (f: (x: Tensor) => Tensor): Operator => plain(1, ([x]) => f(x))

const binary = (f: (a: Tensor, b: Tensor) => Tensor): Operator => plain(2, ([a, b]) => f(a, b))

const folded = (f: (a: Tensor, b: Tensor) => Tensor): Operator => operator(1, Infinity, () => (inputs) => inputs.reduce(f))

/** One number, an attribute, and what is done with it. */
const scaled = (name: string, fallback: number, f: (x: Tensor, alpha: number) => Tensor): Operator =>
  operator(1, 1, (a) => {
    const alpha = a.number(name, fallback)
    return ([x]) => f(x, alpha)
  })

/** ONNX' integers are divided as C divides them: without the fraction, and for `fmod` the rest has the sign of the first. */
const truncated = (a: Tensor, b: Tensor): Tensor => a.cast('float64').div(b.cast('float64')).trunc()

const divide = (a: Tensor, b: Tensor): Tensor => (isFloat(a.dtype) || isFloat(b.dtype) ? a.div(b) : truncated(a, b).cast(a.dtype))

const modulo: Operator = operator(2, 2, (attributes) => {
  const asInC = attributes.flag('fmod')
  return ([a, b]) => (asInC ? a.sub(a.div(b).trunc().mul(b)).cast(a.dtype) : a.mod(b))
})

/** What stands at the end of ranges that have none is a float64, and no sum is to become one by it. */
const beside = (x: Tensor, bound: Tensor | undefined): Tensor | undefined => bound?.cast(x.dtype)

const clip: Operator = operator(1, 3, (a) => {
  const given = [a.number('min'), a.number('max')].map((bound) => (bound === undefined ? undefined : tensor(bound)))
  return ([x, low = given[0], high = given[1]]: readonly (Tensor | undefined)[]) => {
    const least = low ? x!.maximum(beside(x!, low)!) : x!
    return high ? least.minimum(beside(x!, high)!) : least
  }
})

/** The dtype that a number of ONNX stands for. */
function dtype(type: number): DType {
  const found = dtypeOf(type)
  if (found === undefined) throw new Unsupported(`elements of type ${type}`)
  return found
}

const gelu: Operator = operator(1, 1, (a) => {
  const approximate = a.oneOf('approximate', ['none', 'tanh'], 'none')
  return ([x]) => (approximate === 'tanh' ? x.geluTanh() : x.gelu())
})

const bothOf = (x: Tensor, positive: boolean, negative: boolean): Tensor => {
  const infinite = x.isinf()
  if (positive && negative) return infinite
  return infinite.logicalAnd(positive ? x.greater(0) : x.less(positive || negative ? 0 : -Infinity))
}

export const elementwise: Readonly<Record<string, Operator>> = {
  Identity: plain(1, ([x]) => x.value),
  Abs: unary((x) => x.abs()),
  Neg: unary((x) => x.neg()),
  Sign: unary((x) => x.sign()),
  Ceil: unary((x) => x.ceil()),
  Floor: unary((x) => x.floor()),
  Round: unary((x) => x.round()),
  Sqrt: unary((x) => x.sqrt()),
  Reciprocal: unary((x) => x.reciprocal()),
  Exp: unary((x) => x.exp()),
  Log: unary((x) => x.log()),
  Erf: unary((x) => x.erf()),
  Sin: unary((x) => x.sin()),
  Cos: unary((x) => x.cos()),
  Tan: unary((x) => x.tan()),
  Asin: unary((x) => x.arcsin()),
  Acos: unary((x) => x.arccos()),
  Atan: unary((x) => x.arctan()),
  Sinh: unary((x) => x.sinh()),
  Cosh: unary((x) => x.cosh()),
  Tanh: unary((x) => x.tanh()),
  Asinh: unary((x) => x.arcsinh()),
  Acosh: unary((x) => x.arccosh()),
  Atanh: unary((x) => x.arctanh()),
  Relu: unary((x) => x.relu()),
  Sigmoid: unary((x) => x.sigmoid()),
  Softplus: unary((x) => x.softplus()),
  Softsign: unary((x) => x.softsign()),
  HardSwish: unary((x) => x.hardSilu()),
  Mish: unary((x) => x.mish()),
  Gelu: gelu,
  LeakyRelu: scaled('alpha', 0.01, (x, alpha) => x.leakyRelu({ negativeSlope: alpha })),
  Elu: scaled('alpha', 1, (x, alpha) => x.elu({ alpha })),
  Celu: scaled('alpha', 1, (x, alpha) => x.celu({ alpha })),
  Swish: scaled('alpha', 1, (x, alpha) => x.mul(x.mul(alpha).sigmoid())),
  ThresholdedRelu: scaled('alpha', 1, (x, alpha) => x.threshold({ threshold: alpha })),
  Selu: operator(1, 1, (a) => {
    const [alpha, gamma] = [a.number('alpha', 1.6732632423543772), a.number('gamma', 1.0507009873554805)]
    return ([x]) => where(x.greater(0), x, x.expm1().mul(alpha)).mul(gamma)
  }),
  HardSigmoid: operator(1, 1, (a) => {
    const [alpha, beta] = [a.number('alpha', 0.2), a.number('beta', 0.5)]
    return ([x]) => x.mul(alpha).add(beta).clip(0, 1)
  }),
  Shrink: operator(1, 1, (a) => {
    const [bias, lambd] = [a.number('bias', 0), a.number('lambd', 0.5)]
    return ([x]) => where(x.less(-lambd), x.add(bias), where(x.greater(lambd), x.sub(bias), 0)).cast(x.dtype)
  }),
  Clip: clip,
  Not: logical((x) => x.logicalNot()),
  IsNaN: logical((x) => x.isnan()),
  IsInf: operator(1, 1, (a) => {
    const [positive, negative] = [a.flag('detect_positive', true), a.flag('detect_negative', true)]
    return ([x]) => bothOf(x, positive, negative)
  }),
  Cast: operator(1, 1, (a) => {
    a.number('saturate', 1)
    const to = dtype(a.number('to', 0))
    return ([x]) => x.cast(to)
  }),
  CastLike: operator(2, 2, (a) => {
    a.number('saturate', 1)
    return ([x, like]) => x.cast(like.dtype)
  }),
  Add: binary((a, b) => a.add(b)),
  Sub: binary((a, b) => a.sub(b)),
  Mul: binary((a, b) => a.mul(b)),
  Div: binary(divide),
  Pow: binary((a, b) => a.pow(b.cast(isFloat(a.dtype) ? a.dtype : b.dtype)).cast(a.dtype)),
  Mod: modulo,
  PRelu: binary((x, slope) => x.prelu(slope)),
  And: binary((a, b) => a.logicalAnd(b)),
  Or: binary((a, b) => a.logicalOr(b)),
  Xor: binary((a, b) => a.logicalXor(b)),
  Equal: binary((a, b) => a.equal(b)),
  Less: binary((a, b) => a.less(b)),
  LessOrEqual: binary((a, b) => a.lessEqual(b)),
  Greater: binary((a, b) => a.greater(b)),
  GreaterOrEqual: binary((a, b) => a.greaterEqual(b)),
  Max: folded((a, b) => a.maximum(b)),
  Min: folded((a, b) => a.minimum(b)),
  Sum: folded((a, b) => a.add(b)),
  Mean: operator(1, Infinity, () => (inputs) => inputs.reduce((a, b) => a.add(b)).div(inputs.length)),
  Where: plain(3, ([condition, a, b]) => where(condition, a, b)),
}
