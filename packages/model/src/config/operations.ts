/** Ops in graphs, as Keras writes them: operations beside the layers, whose constructors take what is no tensor. */
import { layerName, operate, type Operation } from '@typegrad/layers/internals'
import { Concatenate, type LayerConfig, type SerializedLayer, type SymbolicTensor } from '@typegrad/layers'
import { ValueError, type SliceArgument } from '@typegrad/tensor'

/** How the arguments after the first are told. */
interface Style {
  /** The constructor's arguments and those of the call; `undefined` where Keras has no way to say it. */
  write(args: readonly unknown[]): { readonly config: LayerConfig; readonly call: readonly unknown[] } | undefined
  read(config: LayerConfig, call: readonly unknown[]): readonly unknown[]
}

/** All of them in the call: `x.add(y)`. */
const called: Style = { write: (call) => ({ config: {}, call }), read: (_, call) => call }

/** All of them in the constructor, by these names. */
const named = (...names: readonly string[]): Style => ({
  write: (args) =>
    args.length > names.length || args.some((arg) => isOptions(arg))
      ? undefined
      : { config: Object.fromEntries(names.map((name, i) => [name, args[i] ?? null])), call: [] },
  read: (config) => names.map((name) => config[name] ?? undefined),
})

/** An axis or several, and whether they stay. */
const reduction: Style = {
  write: ([axis = null, { keepdims = false } = {}]: readonly any[]) => ({ config: { axis, keepdims }, call: [] }),
  read: ({ axis = null, keepdims = false }) => [axis, { keepdims }],
}

/** Python's `x[1:3, -1]`. */
const item: Style = {
  write(ranges) {
    const key = (ranges as readonly SliceArgument[]).map((range) => {
      if (typeof range === 'number') return range
      const [start = null, stop = null, step = null] = range ?? []
      return { class_name: '__slice__', config: { start, stop, step } }
    })
    return { config: {}, call: [key] }
  },
  read: (_, [key]) =>
    (Array.isArray(key) ? key : [key]).map((range: unknown): SliceArgument => {
      if (typeof range === 'number') return range
      const { class_name: kind, config } = (range ?? {}) as { class_name?: string; config?: Record<string, number | null> }
      if (kind === '__slice__' && config) return [config['start'], config['stop'], config['step']]
      throw new ValueError(`modelFromConfig: GetItem with the key ${JSON.stringify(range)}, expected positions and slices`)
    }),
}

const [numpy, nn] = ['keras.src.ops.numpy', 'keras.src.ops.nn']
type Row = readonly [op: string, kind: string, module: string, style: Style]

/** Ops of one module and style, by their names here and there. */
const group = (module: string, style: Style, kinds: Readonly<Record<string, string>>): Row[] =>
  Object.entries(kinds).map(([op, kind]) => [op, kind, module, style])

const rows: readonly Row[] = [
  ...group(numpy, called, {
    add: 'Add',
    sub: 'Subtract',
    mul: 'Multiply',
    div: 'TrueDivide',
    floorDivide: 'FloorDivide',
    mod: 'Mod',
    pow: 'Power',
    maximum: 'Maximum',
    minimum: 'Minimum',
    matmul: 'Matmul',
    equal: 'Equal',
    notEqual: 'NotEqual',
    less: 'Less',
    lessEqual: 'LessEqual',
    greater: 'Greater',
    greaterEqual: 'GreaterEqual',
    logicalAnd: 'LogicalAnd',
    logicalOr: 'LogicalOr',
    logicalNot: 'LogicalNot',
    where: 'Where',
    neg: 'Negative',
    abs: 'Absolute',
    sign: 'Sign',
    square: 'Square',
    sqrt: 'Sqrt',
    reciprocal: 'Reciprocal',
    exp: 'Exp',
    expm1: 'Expm1',
    log: 'Log',
    log1p: 'Log1p',
    log2: 'Log2',
    log10: 'Log10',
    sin: 'Sin',
    cos: 'Cos',
    tan: 'Tan',
    sinh: 'Sinh',
    cosh: 'Cosh',
    tanh: 'Tanh',
    asin: 'Arcsin',
    acos: 'Arccos',
    atan: 'Arctan',
    atan2: 'Arctan2',
    floor: 'Floor',
    ceil: 'Ceil',
    isnan: 'Isnan',
    isfinite: 'Isfinite',
    outer: 'Outer',
  }),
  ...group(nn, called, {
    relu: 'Relu',
    relu6: 'Relu6',
    sigmoid: 'Sigmoid',
    silu: 'Silu',
    softplus: 'Softplus',
    softsign: 'Softsign',
    selu: 'Selu',
    logSigmoid: 'LogSigmoid',
    hardSigmoid: 'HardSigmoid',
  }),
  ...group(numpy, reduction, {
    sum: 'Sum',
    mean: 'Mean',
    max: 'Max',
    min: 'Min',
    prod: 'Prod',
    variance: 'Var',
    std: 'Std',
    any: 'Any',
    all: 'All',
    argmax: 'Argmax',
    argmin: 'Argmin',
  }),
  ...group(numpy, named('newshape'), { reshape: 'Reshape' }),
  ...group(numpy, named('axes'), { transpose: 'Transpose' }),
  ...group(numpy, named('axis1', 'axis2'), { swapaxes: 'Swapaxes' }),
  ...group(numpy, named('source', 'destination'), { moveaxis: 'Moveaxis' }),
  ...group(numpy, named('axis'), { expandDims: 'ExpandDims' }),
  ...group(numpy, named('axis'), { squeeze: 'Squeeze' }),
  ...group(numpy, named('axis'), { flip: 'Flip' }),
  ...group(numpy, named('shape'), { broadcastTo: 'BroadcastTo' }),
  ...group(numpy, named('x_min', 'x_max'), { clip: 'Clip' }),
  ...group(numpy, named('axis'), { cumsum: 'Cumsum' }),
  ...group(nn, named('axis'), { softmax: 'Softmax' }),
  ...group(nn, named('axis'), { logSoftmax: 'LogSoftmax' }),
  ...group(numpy, item, { slice: 'GetItem' }),
]
const byOp = new Map(rows.map((one) => [one[0], one]))
const byKind = new Map(rows.map((one) => [one[1], one]))
byKind.set('Divide', byOp.get('div')!).set('Abs', byOp.get('abs')!)

/** An op of Keras, or one of ours that it does not have. */
export const isOperation = ({ module, class_name: kind }: SerializedLayer): boolean =>
  /^keras\.(src\.)?ops/.test(module ?? '') || (module === 'typegrad' && kind === 'Operation')

/** Whether {@link readOperation} knows it. */
export const isKnown = ({ module, class_name: kind }: SerializedLayer): boolean =>
  module === 'typegrad' || kind === 'Concatenate' || byKind.has(kind)

/** The operation as Keras writes it, and the arguments of its call on these inputs. */
export function writeOperation(operation: Operation, inputs: readonly unknown[]): { layer: SerializedLayer; args: unknown[] } {
  const { name } = operation
  const { op } = operation.options
  const [first, ...rest] = operation.argumentsFor(inputs)
  const [, kind, module, style] = byOp.get(op) ?? []
  const written = style?.write(rest)
  if (!kind || !module || !written)
    return { layer: { module: 'typegrad', class_name: 'Operation', config: operation.getConfig() }, args: [first, ...rest] }
  // Constructors with arguments of their own take no name in some versions of Keras.
  const config = style === called || style === item ? { name } : written.config
  return { layer: { module, class_name: kind, config, registered_name: kind }, args: [first, ...written.call] }
}

/** Adds the operation that was written to the graph of its arguments. */
export function readOperation(
  { module, class_name: kind, config, name }: SerializedLayer & { readonly name?: string },
  [first, ...call]: readonly unknown[],
): SymbolicTensor | SymbolicTensor[] {
  const given = name ?? (config['name'] as string | undefined) ?? layerName(kind)
  if (kind === 'Concatenate')
    return new Concatenate({ axis: Number(config['axis']), name: given }).apply(first as SymbolicTensor[])
  if (module === 'typegrad') return operate(String(config['op']), [first, ...call], given)
  const [op, , , style] = byKind.get(kind)!
  return operate(op, [first, ...style.read(config, call)], given)
}

function isOptions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
