import { promote, toFloat, weakDType, type DType } from '../dtype.ts'
import { gradientOf } from '../formula/differentiate.ts'
import { kernel, type Kernel } from '../formula/kernel.ts'
import { namesIn, parse, type Formula } from '../formula/parse.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { broadcastShapes } from '../shape.ts'
import { emptyTensor, type Tensor } from '../tensor.ts'
import { scalar, toTensor, type TensorLike } from '../convert.ts'
import { broadcastView, sumTo } from './movement.ts'
import { cast } from './cast.ts'
import type { Row } from './elementwise.ts'

type Result = NonNullable<Row['result']>

/** An op made from formulas: one elementwise kernel forward, and another such op for each gradient. */
export interface FormulaOp extends Op<undefined> {
  readonly kernel: Kernel
  readonly args: readonly string[]
}

const resultDType = (result: Result, promoted: DType): DType => {
  if (result === 'bool') return 'bool'
  if (result === 'float') return toFloat(promoted)
  return result === 'number' && promoted === 'bool' ? 'int32' : promoted
}

/** The key of the gradient of `a + b`: dy itself, with nothing to compute. */
const passThrough = 'dy|y=dy'

/** The op that evaluates `forward` of `args`; `grads` are its gradient formulas by argument, derived where absent. */
export function formulaOp(
  name: string,
  args: readonly string[],
  forward: Formula,
  result: Result,
  grads: Readonly<Record<string, string>> | null | undefined,
): FormulaOp {
  const computes = kernel(args, { y: forward })
  const upstream = args.includes('dy') ? `d${args.find((arg) => /^d+y$/.test(arg))}` : 'dy'
  const made = new Map<string, FormulaOp | undefined>()
  const gradientOp = (arg: string): FormulaOp | undefined => {
    if (grads === null || result === 'bool' || arg === 'condition') return undefined
    if (!made.has(arg)) {
      const formula = grads && Object.hasOwn(grads, arg) ? parse(grads[arg]) : gradientOf(forward, arg, upstream)
      const zero = formula.op === 'number' && formula.value === 0
      made.set(arg, zero ? undefined : formulaOp(`${name}.${arg}`, [...namesIn(formula)], formula, 'float', undefined))
    }
    return made.get(arg)
  }
  return {
    name,
    args,
    kernel: computes,
    infer(inputs) {
      let dtype: DType = 'bool'
      inputs.forEach((input, i) => {
        if (args[i] !== 'condition') dtype = promote(dtype, input.dtype)
      })
      return {
        shape: broadcastShapes(
          name,
          inputs.map((input) => input.shape),
        ),
        dtype: resultDType(result, dtype),
      }
    },
    run(inputs, _, spec) {
      const backend = backendFor(inputs)
      const out = emptyTensor(spec.shape, spec.dtype, backend)
      const seen = inputs.map((input) => broadcastView(input, spec.shape))
      const compute =
        result === 'bool' ? inputs.reduce((dtype, input) => promote(dtype, input.dtype), 'bool' as DType) : spec.dtype
      backend.elementwise(computes, seen, [out], compute)
      return out
    },
    gradient(i, dy, inputs, output) {
      const op = gradientOp(args[i])
      if (!op) return undefined
      const named = (arg: string): Tensor =>
        arg === upstream ? dy : arg === 'y' && !args.includes('y') ? output : inputs[args.indexOf(arg)]
      const dx = op.kernel.key === passThrough ? dy : apply(op, op.args.map(named), undefined)
      return cast(sumTo(dx, inputs[i].shape), inputs[i].dtype)
    },
  }
}

/** The op of a row of the table. */
export function rowOp(name: string, row: Row, args: readonly string[], result: Result): FormulaOp {
  const all = [...args, ...Object.keys(row.options ?? {})]
  const grads = typeof row.grad === 'string' ? { [args[0]]: row.grad } : row.grad
  return formulaOp(name, all, parse(row.forward), row.result ?? result, grads)
}

/** Applies a formula op; JavaScript numbers among the operands take the dtype of the tensors beside them. */
export function applyFormula(op: FormulaOp, operands: readonly TensorLike[]): Tensor {
  let dtype: DType | undefined
  const tensors = operands.map((operand, i) => {
    if (typeof operand === 'number' || typeof operand === 'boolean') return undefined
    const tensor = toTensor(operand)
    if (op.args[i] !== 'condition') dtype = dtype ? promote(dtype, tensor.dtype) : tensor.dtype
    return tensor
  })
  return apply(
    op,
    tensors.map((tensor, i) => {
      if (tensor) return tensor
      const value = operands[i] as number | boolean
      return scalar(value, dtype ? weakDType(value, dtype) : undefined)
    }),
    undefined,
  )
}
