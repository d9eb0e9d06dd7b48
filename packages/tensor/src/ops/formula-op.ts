import { isFloat, promote, toFloat, weakDType, type DType } from '../dtype.ts'
import { ValueError } from '../errors.ts'
import { gradientOf } from '../formula/differentiate.ts'
import { kernel, type Kernel } from '../formula/kernel.ts'
import { namesIn, parse, type Formula } from '../formula/parse.ts'
import { backendFor } from '../backends/backend.ts'
import { apply, type Op } from '../op.ts'
import { broadcastShapes, sameShape, type Shape } from '../shape.ts'
import { emptyTensor, Tensor } from '../tensor.ts'
import { scalar, toTensorBeside, type TensorLike } from '../convert.ts'
import { alignBatch, broadcastView, sumTo } from './movement.ts'
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

/** The op of a gradient, and where its operands come from: from an input, by position, from dy or from the output. */
interface Gradient {
  readonly op: FormulaOp
  readonly sources: readonly number[]
}
const fromDy = -1
const fromOutput = -2

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
  const condition = args.indexOf('condition')
  // The gradient of an op that reads dy itself, a gradient already, comes in as ddy, and so on.
  let upstream = 'dy'
  while (args.includes(upstream)) upstream = `d${upstream}`
  const made: (Gradient | null | undefined)[] = []
  const makeGradient = (arg: string): Gradient | null => {
    if (grads === null || result === 'bool' || arg === 'condition') return null
    const formula = grads && Object.hasOwn(grads, arg) ? parse(grads[arg]) : gradientOf(forward, arg, upstream)
    if (formula.op === 'number' && formula.value === 0) return null
    const names = [...namesIn(formula)]
    const source = (id: string): number => (id === upstream ? fromDy : args.includes(id) ? args.indexOf(id) : fromOutput)
    return { op: formulaOp(`${name}.${arg}`, names, formula, 'float', undefined), sources: names.map(source) }
  }
  const op: FormulaOp = {
    name,
    args,
    kernel: computes,
    infer: (inputs) => ({
      shape: commonShape(name, inputs),
      dtype: resultDType(result, promoteAll(inputs, condition)),
    }),
    run(inputs, _, { shape, dtype }) {
      const backend = backendFor(inputs)
      const out = emptyTensor(shape, dtype, backend, true)
      const compute = result === 'bool' ? comparedAs(inputs) : dtype
      // Rounded to float32 or to an integer, a small number would no longer be true.
      const own = inputs.map((x, i) =>
        i === condition && isFloat(x.dtype) && promote(x.dtype, compute) !== compute ? cast(x, 'bool') : x,
      )
      const seen = own.map((input) => broadcastView(input, shape))
      backend.elementwise(computes, seen, [out], compute)
      return out
    },
    gradient(i, dy, inputs, output) {
      const gradient = made[i] === undefined ? (made[i] = makeGradient(args[i])) : made[i]
      if (!gradient) return undefined
      const operand = (source: number): Tensor => (source === fromDy ? dy : source === fromOutput ? output : inputs[source])
      const { op, sources } = gradient
      const dx = op.kernel.key === passThrough ? dy : apply(op, sources.map(operand), undefined)
      return cast(sumTo(dx, inputs[i].shape), inputs[i].dtype)
    },
    batch(inputs, _, __, batched) {
      const rank = Math.max(...inputs.map((x, i) => x.rank - Number(batched[i])))
      return apply(
        op,
        inputs.map((x, i) => (batched[i] ? alignBatch(x, rank) : x)),
        undefined,
      )
    },
  }
  return op
}

function commonShape(name: string, inputs: readonly Tensor[]): Shape {
  const { shape } = inputs[0]
  for (let i = 1; i < inputs.length; i++) {
    if (!sameShape(shape, inputs[i].shape)) return broadcastShapes(name, inputs.map(shapeOf))
  }
  return shape
}

const shapeOf = (x: Tensor): Shape => x.shape

/** The promoted dtype of all inputs, but for the one at `leftOut`. */
function promoteAll(inputs: readonly Tensor[], leftOut = -1): DType {
  let dtype: DType = 'bool'
  for (let i = 0; i < inputs.length; i++) if (i !== leftOut) dtype = promote(dtype, inputs[i].dtype)
  return dtype
}

/** float32 does not hold every int32: those two are compared in float64, which holds both. */
function comparedAs(inputs: readonly Tensor[]): DType {
  const dtype = promoteAll(inputs)
  return dtype === 'float32' && inputs.some((x) => x.dtype === 'int32') ? 'float64' : dtype
}

/** The op of a row of the table. */
export function rowOp(name: string, row: Row, args: readonly string[], result: Result): FormulaOp {
  const all = [...args, ...Object.keys(row.options ?? {})]
  const grads = typeof row.grad === 'string' ? { [args[0]]: row.grad } : row.grad
  return formulaOp(name, all, parse(row.forward), row.result ?? result, grads)
}

/** Applies a formula op; JavaScript numbers among the operands take the dtype of the tensors beside them. */
export function applyFormula(op: FormulaOp, operands: readonly TensorLike[]): Tensor {
  const { length } = op.args
  if (operands.length !== length)
    throw new ValueError(`${op.name}: ${operands.length} operands, expected ${length}: ${op.args.join(', ')}`)
  return apply(op, operands.every(isTensor) ? operands : toTensors(op, operands), undefined)
}

const isTensor = (value: TensorLike): value is Tensor => value instanceof Tensor

/** Tensors decide the dtype of arrays, and both that of numbers. */
function toTensors(op: FormulaOp, operands: readonly TensorLike[]): Tensor[] {
  const condition = op.args.indexOf('condition')
  let dtype: DType | undefined
  const tensors: (Tensor | undefined)[] = []
  for (const arrays of [false, true]) {
    for (let i = 0; i < operands.length; i++) {
      const operand = operands[i]
      if (typeof operand === 'number' || typeof operand === 'boolean' || isTensor(operand) === arrays) continue
      const tensor = toTensorBeside(operand, dtype)
      tensors[i] = tensor
      if (i !== condition) dtype = dtype ? promote(dtype, tensor.dtype) : tensor.dtype
    }
  }
  return operands.map((operand, i) => {
    if (tensors[i]) return tensors[i]
    const value = operand as number | boolean
    return scalar(value, dtype ? weakDType(value, dtype) : undefined)
  })
}

/**
 * A function of tensors of your own, from a formula: computed in one pass, with gradients of every order, and fused like any op by
 * `compile`. `elementwise('swishGate', ['x', 'gate'], 'x / (1 + exp(-gate))')` is called as `f(x, gate)`; operands broadcast, and the
 * result is floating. `gradients`, by argument, are formulas of the arguments, of the result `y` and of its gradient `dy`; an
 * argument without one has the derivative of the formula. Throws for a formula that cannot be parsed, or reads other names.
 */
export function elementwise(
  name: string,
  args: readonly string[],
  formula: string,
  gradients: Readonly<Record<string, string>> = {},
): (...operands: TensorLike[]) => Tensor {
  const op = formulaOp(name, args, parse(formula), 'float', gradients)
  return (...operands) => {
    if (operands.length !== args.length)
      throw new ValueError(`${name}: ${operands.length} operands, expected ${args.length} (${args.join(', ')})`)
    return applyFormula(op, operands)
  }
}
