/** Every op as a function of arrays of any shape: what the properties of test/trust are tried on. */
import { applyFormula, concat, einsum, formulaOps, linearScan, reductions, resize, stack, type Tensor } from '@typegrad/tensor'

export interface TrustedOp {
  readonly name: string
  /** How many operands; they broadcast if `elementwise`. */
  readonly operands: number
  readonly f: (...xs: Tensor[]) => Tensor
  readonly elementwise?: boolean
  /** Sums in an order of its own: float results agree to rounding, not bit by bit. */
  readonly sums?: boolean
  /** Rounds sums to integers in the end: halves fall to either side. */
  readonly rounds?: boolean
  /** The least rank of its operands. */
  readonly rank?: number
  /** Has no value for arrays without elements. */
  readonly nonempty?: boolean
}

const op = (name: string, f: (x: Tensor) => Tensor, more: Partial<TrustedOp> = {}): TrustedOp => ({
  name,
  f,
  operands: 1,
  ...more,
})

const elementwise = Object.values(formulaOps).map((formula): TrustedOp => ({
  name: formula.name,
  operands: formula.args.length,
  elementwise: true,
  f: (...xs) => applyFormula(formula, xs),
}))

const nonempty = ['max', 'min']
const reduced = Object.keys(reductions).flatMap((name) => {
  const method = name as keyof typeof reductions
  const more = { sums: true, nonempty: nonempty.includes(name) }
  return [
    op(`${name} of all`, (x) => x[method](), more),
    op(`${name} along the last axis`, (x) => x[method](-1), { ...more, rank: 1 }),
    op(`${name} along the first axis, kept`, (x) => x[method](0, { keepdims: true }), { ...more, rank: 1 }),
  ]
})

const indices = [0, -1]

const structured: readonly TrustedOp[] = [
  op('argmax', (x) => x.argmax(0), { rank: 1, nonempty: true }),
  op('argmin', (x) => x.argmin(-1), { rank: 1, nonempty: true }),
  op('softmax', (x) => x.softmax(), { rank: 1, sums: true }),
  op('logSoftmax', (x) => x.logSoftmax(0), { rank: 1, sums: true }),
  op('logsumexp', (x) => x.logsumexp(), { sums: true }),
  op('variance', (x) => x.variance(-1), { rank: 1, sums: true }),
  op('std', (x) => x.std(), { sums: true }),
  op('cumsum', (x) => x.cumsum(0), { rank: 1, sums: true }),
  op('cumprod', (x) => x.cumprod(-1), { rank: 1, sums: true }),
  op('cummax', (x) => x.cummax(-1), { rank: 1 }),
  op('cummin', (x) => x.cummin(0), { rank: 1 }),
  op('logcumsumexp', (x) => x.logcumsumexp(0), { rank: 1 }),
  op('diff', (x) => x.diff(), { rank: 1 }),
  op('sort', (x) => x.sort(), { rank: 1 }),
  op('sort descending along the first axis', (x) => x.sort(0, { descending: true }), { rank: 1 }),
  op('argsort', (x) => x.argsort(0), { rank: 1 }),
  op('topk', (x) => x.topk(1).values, { rank: 1, nonempty: true }),
  op('median', (x) => x.median(), { nonempty: true }),
  op('quantile', (x) => x.quantile(0.3, -1), { rank: 1, nonempty: true }),
  op('percentile', (x) => x.percentile(30, 0), { rank: 1, nonempty: true }),
  op('countNonzero', (x) => x.countNonzero()),
  op('cov', (x) => x.reshape([x.size]).cov({ ddof: 0 }), { nonempty: true, sums: true }),
  op('cross', (x) => x.expandDims(-1).tile([3]).cross([1, 2, 3])),
  op('rot90', (x) => x.rot90(1, [0, -1]), { rank: 2 }),
  op('isclose', (x) => x.isclose(1)),
  op('nanToNum', (x) => x.nanToNum()),
  op('isin', (x) => x.isin([1, 2])),
  op('digitize', (x) => x.digitize([-1, 0, 1])),
  op('take', (x) => x.take(indices, 0), { rank: 1, nonempty: true }),
  op('takeAlongAxis', (x) => x.takeAlongAxis(x.argsort()), { rank: 1 }),
  op('roll', (x) => x.roll(2)),
  op('repeat', (x) => x.repeat(2, 0), { rank: 1 }),
  op('tile', (x) => x.tile([2, 1])),
  op('flip', (x) => x.flip()),
  op('transpose', (x) => x.transpose()),
  op('reshape', (x) => x.transpose().reshape([x.size])),
  op('slice with steps', (x) => x.slice([null, null, -2]), { rank: 1 }),
  op('pad', (x) => x.pad(1, 3)),
  op('pad, reflect', (x) => x.pad(2, 'reflect'), { nonempty: true }),
  op('tril', (x) => x.tril(), { rank: 2 }),
  op('triu', (x) => x.triu(1), { rank: 2 }),
  op('diag', (x) => x.diag(), { rank: 1 }),
  op('diagonal', (x) => x.diagonal(), { rank: 2 }),
  op('unstack and stack', (x) => stack(x.unstack(0), -1), { rank: 1, nonempty: true }),
  op('concat', (x) => concat([x, x], 0), { rank: 1 }),
  op('nonzero', (x) => x.nonzero()),
  op('unique', (x) => x.unique().values),
  op('scatterUpdate', (x) => x.scatterUpdate([[0], [-1]], 5), { rank: 1, nonempty: true }),
  op('gatherNd', (x) => x.gatherNd([[0], [-1]]), { rank: 1, nonempty: true }),
  op('cast to int32', (x) => x.cast('int32')),
  op('cast to bool', (x) => x.cast('bool')),
  op('cast to float32', (x) => x.cast('float32')),
  op('linearScan', (x) => linearScan(x, x, -1), { rank: 1 }),
  op('matmul with its transpose', (x) => x.matmul(x.swapaxes(-1, -2)), { rank: 2, sums: true }),
  op('einsum', (x) => einsum('...ij->...j', x), { rank: 2, sums: true }),
  op('outer', (x) => x.outer(x)),
  op('conv', (x) => x.reshape([1, x.size, 1]).conv([[[1]], [[-2]]], { padding: 'same' }), { sums: true, nonempty: true }),
  op('maxPool', (x) => x.reshape([1, x.size, 1]).maxPool(2, { padding: 'same' }), { nonempty: true }),
  op('averagePool', (x) => x.reshape([1, x.size, 1]).averagePool(2, { padding: 'same' }), { nonempty: true, sums: true }),
  op('resize', (x) => resize(x.reshape([1, x.size, 1]), [3]), { nonempty: true, sums: true, rounds: true }),
]

export const trustedOps: readonly TrustedOp[] = [...elementwise, ...reduced, ...structured]
