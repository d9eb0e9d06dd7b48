/** Installs every op as a method of Tensor, typed from the tables. */
import { optionsOf } from './names.ts'
import type { NdArray } from 'ndarray'
import { isFloat, type TypedArray } from './dtype.ts'
import { ValueError } from './errors.ts'
import { onesLike, zerosLike } from './create.ts'
import type { TensorLike } from './convert.ts'
import { toNdarray } from './ndarray.ts'
import { cast } from './ops/cast.ts'
import { binary, ternary, unary } from './ops/elementwise.ts'
import { applyFormula, formulaOp, rowOp, type FormulaOp } from './ops/formula-op.ts'
import { conv, convTranspose, depthwiseConv } from './ops/conv.ts'
import { take, takeAlongAxis, oneHot } from './ops/indexing.ts'
import { diag, diagonal, trace, tril, triu } from './ops/diagonals.ts'
import { isclose, nanToNum } from './ops/close.ts'
import { matmul } from './ops/matmul.ts'
import * as movement from './ops/movement.ts'
import { argsort, sort, topk } from './ops/order.ts'
import { pad } from './ops/pad.ts'
import { averagePool, maxPool } from './ops/pool.ts'
import { cross, dot, kron, outer, tensordot } from './ops/products.ts'
import { chunk, repeat, roll, rot90, unstack } from './ops/rearrange.ts'
import { applyArg, applyReduce, argOp, reduceOp, reductions, type Axes, type ReduceOptions } from './ops/reduce.ts'
import { cummax, cummin, cumprod, cumsum, diff, logcumsumexp } from './ops/scan.ts'
import { gatherNd, scatterUpdate } from './ops/scatter.ts'
import { bincount, booleanMask, digitize, histogram, isin, nonzero, searchsorted, unique } from './ops/search.ts'
import { logSoftmax, logsumexp, softmax, std, variance } from './ops/softmax.ts'
import { corrcoef, countNonzero, cov, median, percentile, quantile } from './ops/statistics.ts'
import { stopGradient } from './ops/stop-gradient.ts'
import { Tensor } from './tensor.ts'

const { transpose, moveaxis, swapaxes, reshape, flatten, squeeze, expandDims, broadcastTo, slice, flip, split, tile } = movement
const structured = {
  cast,
  stopGradient,
  zerosLike,
  onesLike,
  transpose,
  moveaxis,
  swapaxes,
  reshape,
  flatten,
  squeeze,
  expandDims,
  broadcastTo,
  slice,
  flip,
  pad,
  split,
  tile,
  roll,
  repeat,
  unstack,
  chunk,
  rot90,
  diagonal,
  diag,
  trace,
  tril,
  triu,
  matmul,
  dot,
  tensordot,
  outer,
  kron,
  cross,
  softmax,
  logSoftmax,
  logsumexp,
  variance,
  std,
  take,
  takeAlongAxis,
  gatherNd,
  scatterUpdate,
  booleanMask,
  nonzero,
  searchsorted,
  digitize,
  isin,
  unique,
  bincount,
  histogram,
  oneHot,
  sort,
  argsort,
  topk,
  cumsum,
  cumprod,
  cummax,
  cummin,
  logcumsumexp,
  diff,
  median,
  quantile,
  percentile,
  countNonzero,
  cov,
  corrcoef,
  isclose,
  nanToNum,
  conv,
  convTranspose,
  depthwiseConv,
  maxPool,
  averagePool,
} as const

type Unary = {
  [K in keyof typeof unary]: (typeof unary)[K] extends { readonly options: infer O }
    ? (options?: { readonly [P in keyof O]?: TensorLike }) => Tensor
    : () => Tensor
}
type Binary = { [K in keyof typeof binary]: (other: TensorLike) => Tensor }
type Ternary = { [K in keyof typeof ternary]: (second: TensorLike, third: TensorLike) => Tensor }
type Reduce = { [K in keyof typeof reductions]: (axes?: Axes, options?: ReduceOptions) => Tensor }
type Structured = {
  [K in keyof typeof structured]: (typeof structured)[K] extends (x: Tensor, ...args: infer A) => infer R
    ? (...args: A) => R
    : never
}

export interface TensorMethods extends Omit<Unary, 'round'>, Binary, Ternary, Reduce, Structured {
  /** The nearest multiple of `10^-decimals`, ties to the even one; gradient 0. @param decimals - `0` by default, may be negative */
  round(decimals?: number): Tensor
  /** The first position of the largest element along an axis, or of the flattened tensor; NaN counts as the largest. */
  argmax(axis?: number | null, options?: ReduceOptions): Tensor
  /** The first position of the smallest element along an axis, or of the flattened tensor; NaN counts as the smallest. */
  argmin(axis?: number | null, options?: ReduceOptions): Tensor
  /** The tensor as a scijs ndarray over the same memory. */
  readonly ndarray: NdArray<TypedArray>
}

/** Every elementwise op by name, for tests, tools and the compiler. */
export const formulaOps: Readonly<Record<string, FormulaOp>> = Object.fromEntries([
  ...Object.entries(unary).map(([name, row]) => [name, rowOp(name, row, ['x'], 'float')]),
  ...Object.entries(binary).map(([name, row]) => [name, rowOp(name, row, ['a', 'b'], 'number')]),
  ...Object.entries(ternary).map(([name, row]) => [name, rowOp(name, row, row.args, 'same')]),
])

/** The names of all ops that are methods. */
export const methodNames: string[] = []

const install = (name: string, method: (this: Tensor, ...args: any[]) => unknown): void => {
  methodNames.push(name)
  Object.defineProperty(Tensor.prototype, name, { value: method, writable: true, configurable: true })
}

for (const [name, row] of Object.entries(unary)) {
  const op = formulaOps[name]
  if ('options' in row) {
    const defaults: Readonly<Record<string, number>> = row.options
    install(name, function (options?: Readonly<Record<string, TensorLike>>) {
      return applyFormula(op, [
        this,
        ...Object.values(optionsOf<Readonly<Record<string, TensorLike>>, typeof defaults>(name, options, defaults)),
      ])
    })
  } else {
    install(name, function () {
      return applyFormula(op, [this])
    })
  }
}
for (const name of [...Object.keys(binary), ...Object.keys(ternary)]) {
  const op = formulaOps[name]
  install(name, function (...others: TensorLike[]) {
    return applyFormula(op, [this, ...others])
  })
}
for (const [name, row] of Object.entries(reductions)) {
  const op = reduceOp(name, row, (gradient, args, formula) => formulaOp(gradient, args, formula, 'float', undefined))
  install(name, function (axes?: Axes, options?: ReduceOptions) {
    return applyReduce(op, this, axes, options)
  })
}
for (const name of ['argmax', 'argmin'] as const) {
  const op = argOp(name)
  install(name, function (axis?: number | null, options?: ReduceOptions) {
    return applyArg(op, this, axis, options)
  })
}
install('round', function (decimals = 0) {
  if (!Number.isInteger(decimals)) throw new ValueError(`round: decimals must be an integer, got ${decimals}`, { decimals })
  const nearest = (x: Tensor): Tensor => applyFormula(formulaOps['round'], [x])
  if (decimals === 0 || (decimals > 0 && !isFloat(this.dtype))) return nearest(this)
  const scale = 10 ** Math.abs(decimals)
  return decimals > 0
    ? nearest(this.mul(scale)).div(scale)
    : nearest((isFloat(this.dtype) ? this : this.cast('float64')).div(scale))
        .mul(scale)
        .cast(this.dtype)
})
for (const [name, f] of Object.entries(structured)) {
  install(name, function (...args: unknown[]) {
    return (f as (x: Tensor, ...rest: unknown[]) => unknown)(this, ...args)
  })
}
Object.defineProperty(Tensor.prototype, 'ndarray', {
  get(this: Tensor) {
    const array = toNdarray(this)
    // From here on somebody else may write there.
    if (this.buffer.stamp) this.buffer.stamp = 0
    return array
  },
})

/** `a` where the condition holds, `b` elsewhere; all three broadcast. */
export const where = (condition: TensorLike, a: TensorLike, b: TensorLike): Tensor =>
  applyFormula(formulaOps['where'], [condition, a, b])
