import { optionsOf } from '../names.ts'
import { toFloat, type DType } from '../dtype.ts'
import { ShapeError } from '../errors.ts'
import { parse } from '../formula/parse.ts'
import { backendFor, type Reduction } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { formatShape, normalizeAxes, normalizeAxis, reducedShape, sameShape, type Shape } from '../shape.ts'
import { emptyTensor, Tensor } from '../tensor.ts'
import { scalar } from '../convert.ts'
import { concat } from './movement.ts'
import { contiguousLayout } from '../layout.ts'

export interface ReduceOptions {
  /** Keep the reduced axes, with length 1. */
  readonly keepdims?: boolean
}

export type Axes = number | readonly number[] | null

type Gradient = (dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]) => Tensor

/**
 * A reduction is a row: `acc` starts at `init`, takes `step` for each element, and `finish` ends it; `grad` is a formula
 * of x, the output `y`, its gradient `dy` and the count `n`, or a function where a formula cannot say it.
 */
interface Row extends Reduction {
  readonly grad?: string | Gradient
  readonly result: 'sum' | 'same' | 'float' | 'bool'
  /** Has no value for zero elements. */
  readonly nonempty?: boolean
}

/** The extreme's gradient, shared equally by all elements that attain it. */
const shareTies: Gradient = (dy, x, y, axes) => {
  const attained = x.equal(y).cast(dy.dtype)
  return attained.mul(dy).div(attained.sum(axes, { keepdims: true }))
}

/** The product of all others, times dy. */
const timesOthers: Gradient = (dy, x, _, axes) => dy.mul(productOfOthers(x, axes))

export const reductions = {
  /** Sum of the elements; of integers and bool as int32. */
  sum: { init: 0, step: 'acc + x', grad: 'dy', result: 'sum' },
  /** Arithmetic mean `Σx / n`; NaN for no elements. */
  mean: { init: 0, step: 'acc + x', finish: 'acc / n', grad: 'dy / n', result: 'float' },
  /** Product of the elements. */
  prod: { init: 1, step: 'acc * x', grad: timesOthers, result: 'sum' },
  /** The largest element; NaN if there is one. */
  max: { init: -Infinity, step: 'max(acc, x)', grad: shareTies, result: 'same', nonempty: true },
  /** The smallest element; NaN if there is one. */
  min: { init: Infinity, step: 'min(acc, x)', grad: shareTies, result: 'same', nonempty: true },
  /** True if any element is not 0. */
  any: { init: 0, step: 'acc || x', result: 'bool' },
  /** True if no element is 0. */
  all: { init: 1, step: 'acc && x', result: 'bool' },
  /** Euclidean norm `√Σx²`; the gradient at 0 is 0. */
  norm: { init: 0, step: 'acc + x * x', finish: 'sqrt(acc)', grad: 'y > 0 ? dy * (x / y) : 0', result: 'float' },
} as const satisfies Readonly<Record<string, Row>>

export interface ReduceAttributes {
  readonly axes: readonly number[]
  readonly keepdims: boolean
}

/** What formula-op.ts gives to this file, so that neither needs the other's file: an elementwise op from a formula. */
type MakeFormulaOp = (name: string, args: readonly string[], formula: ReturnType<typeof parse>) => Op<undefined>

const resultOf: Record<Row['result'], (dtype: DType) => DType> = {
  sum: (dtype) => (dtype === 'bool' || dtype === 'uint8' ? 'int32' : dtype),
  same: (dtype) => dtype,
  float: toFloat,
  bool: () => 'bool',
}

/** The op of a row of the table. */
export function reduceOp(name: string, row: Row, makeFormulaOp: MakeFormulaOp): Op<ReduceAttributes> {
  const { grad } = row
  const args = typeof grad === 'string' ? ['x', 'y', 'dy', 'n'].filter((arg) => new RegExp(`\\b${arg}\\b`).test(grad)) : []
  const gradient = typeof grad === 'string' ? makeFormulaOp(`${name}.x`, args, parse(grad)) : undefined
  const op: Op<ReduceAttributes> = {
    name,
    infer([x], { axes, keepdims }) {
      if (row.nonempty && x.size === 0 && axes.some((axis) => x.shape[axis] === 0)) {
        const empty = axes.find((axis) => x.shape[axis] === 0)
        throw new ShapeError(`${name}: shape ${formatShape(x.shape)} has no elements along axis ${empty}`, {
          shape: x.shape,
          axes,
        })
      }
      return { shape: reducedShape(x.shape, axes, keepdims), dtype: resultOf[row.result](x.dtype) }
    },
    run([x], { axes }, spec) {
      const backend = backendFor([x])
      const out = emptyTensor(spec.shape, spec.dtype, backend, true)
      backend.reduce(row, x, axes, withShape(out, reducedShape(x.shape, axes, false)))
      return out
    },
    gradient(_, dy, [x], output, { axes }) {
      if (!grad) return undefined
      // Broadcasting aligns at the last axis: without its leading axes a shape fits as well.
      const isLeading = axes.every((axis, i) => axis === i)
      const kept = isLeading && typeof grad === 'string' ? x.shape.slice(axes.length) : reducedShape(x.shape, axes, true)
      const dyKept = dy.reshape(kept)
      if (typeof grad === 'function') return grad(dyKept, x, output.reshape(kept), axes)
      if (grad === 'dy') return dyKept.broadcastTo(x.shape)
      const n = axes.reduce((count, axis) => count * x.shape[axis], 1)
      const values: Record<string, () => Tensor> = {
        x: () => x,
        y: () => output.reshape(kept),
        dy: () => dyKept,
        n: () => scalar(n, dy.dtype),
      }
      return apply(
        gradient!,
        args.map((arg) => values[arg]()),
        undefined,
      ).broadcastTo(x.shape)
    },
    batch: ([x], { axes, keepdims }) => apply(op, [x], { axes: axes.map((axis) => axis + 1), keepdims }),
  }
  return op
}

const withShape = (out: Tensor, shape: Shape): Tensor =>
  sameShape(out.shape, shape) ? out : new Tensor(out.buffer, contiguousLayout(shape, out.layout.offset), out.dtype)

/** Normalises the arguments of a reduction method and applies its op; reducing no axes at all is a reduction too. */
export const applyReduce = (op: Op<ReduceAttributes>, x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor =>
  apply(op, [x], { axes: normalizeAxes(axes, x.rank, op.name), keepdims: keeps(op.name, options) })

const keeps = (op: string, options: ReduceOptions | undefined): boolean =>
  options !== undefined && optionsOf(op, options, { keepdims: false }).keepdims

/**
 * For every element the product of all others along `axes`, without division, so that zeros are right and further
 * derivatives too: the two halves of the line, each times the product of the other half.
 */
function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  const others = [...x.shape.keys()].filter((axis) => !axes.includes(axis))
  const order = [...others, ...axes]
  const length = axes.reduce((n, axis) => n * x.shape[axis], 1)
  const line = x.transpose(order).reshape([...others.map((axis) => x.shape[axis]), length])
  const back = order.map((_, i) => order.indexOf(i))
  return exclusiveProduct(line)
    .reshape(order.map((axis) => x.shape[axis]))
    .transpose(back)
}

function exclusiveProduct(line: Tensor): Tensor {
  const n = line.shape.at(-1)!
  if (n <= 1) return line.onesLike()
  const half = n >> 1
  const [left, right] = line.split([half, n - half], -1)
  const keepdims = { keepdims: true }
  return concat([exclusiveProduct(left).mul(right.prod(-1, keepdims)), exclusiveProduct(right).mul(left.prod(-1, keepdims))], -1)
}

export interface ArgAttributes {
  readonly axis: number
  readonly keepdims: boolean
}

/** `argmax` and `argmin`: the first position of the extreme along an axis, as int32. */
export const argOp = (name: 'argmax' | 'argmin'): Op<ArgAttributes> => ({
  name,
  infer([x], { axis, keepdims }) {
    if (x.shape[axis] === 0)
      throw new ShapeError(`${name}: shape ${formatShape(x.shape)} has no elements along axis ${axis}`, { shape: x.shape })
    return { shape: reducedShape(x.shape, [axis], keepdims), dtype: 'int32' }
  },
  run([x], { axis }, spec) {
    const backend = backendFor([x])
    const out = emptyTensor(spec.shape, 'int32', backend)
    backend.argReduce(name === 'argmax' ? 'max' : 'min', x, axis, withShape(out, reducedShape(x.shape, [axis], false)))
    return out
  },
})

export function applyArg(op: Op<ArgAttributes>, x: Tensor, axis?: number | null, options?: ReduceOptions): Tensor {
  const keepdims = keeps(op.name, options)
  if (axis === undefined || axis === null) {
    if (x.size === 0) throw new ShapeError(`${op.name}: shape ${formatShape(x.shape)} has no elements`, { shape: x.shape })
    const flat = apply(op, [x.reshape([-1])], { axis: 0, keepdims: false })
    return keepdims ? flat.reshape(x.shape.map(() => 1)) : flat
  }
  return apply(op, [x], { axis: normalizeAxis(axis, x.rank, op.name), keepdims })
}
