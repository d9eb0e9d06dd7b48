/** Ops on symbolic tensors. */
import type { Operation } from '@typegrad/layers/internals'
import { snakeCase, Tensor, tensor, type SliceArgument, type TensorLike } from '@typegrad/tensor'
import { activate } from '../activations.ts'
import type { Builder } from '../builder.ts'
import { need, Unsayable, type Converters } from './converter.ts'

/** A value of the graph among the arguments of an op. */
class Value {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** What an op of these arguments is; `value` makes a value of the graph of one of them. */
type Conversion = (g: Builder, args: readonly any[], value: (arg: unknown) => string) => string

const called =
  (operator: string): Conversion =>
  (g, args, value) =>
    g.add(operator, args.map(value))

/** ReduceSum takes its axes as an input, its relatives as an attribute. */
const reduction =
  (operator: string): Conversion =>
  (g, [x, given = null, { keepdims = false } = {}], value) => {
    const axes = given === null ? undefined : ([given].flat() as number[])
    const kept = { keepdims: Number(keepdims) }
    if (operator === 'ReduceSum') return g.add(operator, [value(x), ...(axes ? [g.integers(axes)] : [])], kept)
    return g.add(operator, [value(x)], { ...kept, ...(axes && { axes }) })
  }

const all = 2 ** 31 - 1

const slice: Conversion = (g, [x, ...ranges], value) => {
  const parts = (ranges as SliceArgument[]).flatMap((range, axis) => {
    if (range === null) return []
    const [start, stop, step] = typeof range === 'number' ? [range, range === -1 ? all : range + 1, 1] : range
    const back = (step ?? 1) < 0
    return [{ axis, start: start ?? (back ? all : 0), stop: stop ?? (back ? -all : all), step: step ?? 1 }]
  })
  const of = (key: 'axis' | 'start' | 'stop' | 'step'): string => g.integers(parts.map((part) => part[key]))
  const y = parts.length === 0 ? value(x) : g.add('Slice', [value(x), of('start'), of('stop'), of('axis'), of('step')])
  const gone = (ranges as SliceArgument[]).flatMap((range, axis) => (typeof range === 'number' ? [axis] : []))
  return gone.length === 0 ? y : g.add('Squeeze', [y, g.integers(gone)])
}

const along =
  (operator: string): Conversion =>
  (g, [x, axis = -1], value) => {
    need(!Array.isArray(axis), `${operator} along several axes`)
    return g.add(operator, [value(x)], { axis })
  }

const conversions: Readonly<Record<string, Conversion>> = {
  ...Object.fromEntries(
    Object.entries({
      add: 'Add',
      sub: 'Sub',
      mul: 'Mul',
      div: 'Div',
      pow: 'Pow',
      matmul: 'MatMul',
      maximum: 'Max',
      minimum: 'Min',
      less: 'Less',
      lessEqual: 'LessOrEqual',
      greater: 'Greater',
      greaterEqual: 'GreaterOrEqual',
      equal: 'Equal',
      where: 'Where',
      clip: 'Clip',
      exp: 'Exp',
      log: 'Log',
      sqrt: 'Sqrt',
      neg: 'Neg',
      abs: 'Abs',
      sign: 'Sign',
      reciprocal: 'Reciprocal',
      floor: 'Floor',
      ceil: 'Ceil',
      sin: 'Sin',
      cos: 'Cos',
      tan: 'Tan',
      sinh: 'Sinh',
      cosh: 'Cosh',
      asin: 'Asin',
      acos: 'Acos',
      atan: 'Atan',
      erf: 'Erf',
    }).map(([op, operator]) => [op, called(operator)]),
  ),
  sum: reduction('ReduceSum'),
  mean: reduction('ReduceMean'),
  max: reduction('ReduceMax'),
  min: reduction('ReduceMin'),
  prod: reduction('ReduceProd'),
  norm: reduction('ReduceL2'),
  logsumexp: reduction('ReduceLogSumExp'),
  square: (g, [x], value) => g.add('Mul', [value(x), value(x)]),
  softmax: along('Softmax'),
  logSoftmax: along('LogSoftmax'),
  reshape: (g, [x, shape], value) => g.add('Reshape', [value(x), g.integers(shape)]),
  transpose: (g, [x, perm], value) => g.add('Transpose', [value(x)], perm ? { perm } : {}),
  expandDims: (g, [x, axis], value) => g.add('Unsqueeze', [value(x), g.integers([axis].flat())]),
  squeeze: (g, [x, axis], value) => g.add('Squeeze', [value(x), ...(axis === undefined ? [] : [g.integers([axis].flat())])]),
  slice,
}

export const operations: Converters = {
  Operation: (g, inputs, layer) => {
    const operation = layer as unknown as Operation
    const { op } = operation.options
    // Comparisons give booleans, where takes them.
    need(
      [operation.input].flat().every(({ dtype }, i) => dtype === 'float32' || (dtype === 'bool' && op === 'where' && i === 0)),
      `the op ${op} of other numbers than float32`,
    )
    const args = operation.argumentsFor(inputs.map((name) => new Value(name)))
    const value = (arg: unknown): string => {
      if (arg instanceof Value) return arg.name
      const given = arg instanceof Tensor ? arg : tensor(arg as TensorLike)
      return g.constant(given.cast('float32'))
    }
    if (Object.hasOwn(conversions, op)) return conversions[op](g, args, value)
    const y = args.length === 1 ? activate(g, snakeCase(op), value(args[0])) : undefined
    if (y === undefined) throw new Unsayable(`ONNX export does not know the op ${op}`)
    return y
  },
}
