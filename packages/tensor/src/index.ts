import { registerBackend, setBackend } from './backends/backend.ts'
import { cpu } from './backends/cpu/index.ts'
import { makeWasmBackend } from './backends/wasm/index.ts'
import { runtime } from './backends/wasm/start.ts'
import './methods.ts'

registerBackend(cpu)
if (runtime) {
  registerBackend(makeWasmBackend(runtime))
  setBackend('wasm')
}

export { Tensor, Variable } from './tensor.ts'
export { arange, eye, full, linspace, ones, onesLike, tensor, zeros, zerosLike, type CreateOptions } from './create.ts'
export { csr, SparseTensor, type CsrParts } from './sparse.ts'
export { scalar, toTensor, type NestedArray, type TensorLike } from './convert.ts'
export { fromNdarray } from './ndarray.ts'
export { where, formulaOps, type TensorMethods } from './methods.ts'
export { concat, stack, broadcastAll, type SliceArgument } from './ops/movement.ts'
export { allclose, type CloseOptions, type NanToNumOptions } from './ops/close.ts'
export { hstack, vstack } from './ops/rearrange.ts'
export { elementwise } from './ops/formula-op.ts'
export { einsum } from './ops/einsum.ts'
export { meshgrid } from './ops/diagonals.ts'
export type { ContractedAxes } from './ops/products.ts'
export type { PadMode, PadWidths } from './ops/pad.ts'
export { scatter, type ScatterReduction } from './ops/scatter.ts'
export { linearScan } from './ops/scan.ts'
export { interp, type BincountOptions, type HistogramOptions, type Unique } from './ops/search.ts'
export type { CovarianceOptions, QuantileMethod, QuantileOptions } from './ops/statistics.ts'
export { interpolations, resize, type Interpolation, type ResizeOptions } from './ops/resize.ts'
export { hostOp, type Elements, type HostOpRow } from './ops/host.ts'
export { binary, ternary, unary, type Row } from './ops/elementwise.ts'
export { formulaOp, applyFormula, type FormulaOp } from './ops/formula-op.ts'
export { outputLength, perAxis, transposedAxis, type AxisWindow, type Padding, type PerAxis } from './ops/windows.ts'
export { reductions, type Axes, type ReduceOptions } from './ops/reduce.ts'
export * as fft from './fft/index.ts'
export * as linalg from './linalg/index.ts'
export * as random from './random.ts'
export { setSeed } from './random.ts'
export { memory } from './memory.ts'
export { setDeterministic, setThreads, threads } from './backends/wasm/start.ts'
export type { ThreadState } from './backends/wasm/threads.ts'
export { backendNames, currentBackend, registerBackend, scope, setBackend, type Backend } from './backends/backend.ts'
export type { AxisPadding, ConvAttributes, PoolAttributes, PoolKind } from './backends/backend.ts'
export * as internals from './internals.ts'
export { apply, currentListeners, listen, unheard, without } from './op.ts'
export type { Batching, Interceptor, Listener, Op, Part, Spec } from './op.ts'
export { compile, isTraceError, type CompiledFunction, type ExplainOptions, type MakingTimes } from './compile/compile.ts'
export { toModule, type ModuleInput } from './compile/to-module.ts'
export {
  hostChoice,
  hostEffect,
  hostNumber,
  hostNumbers,
  inspect,
  traceLoop,
  tracePut,
  traceStack,
  tracing,
  type LoopBody,
} from './compile/host.ts'
export { updateKernel, update, UpdateGroup, type Update } from './update.ts'
export { dtypes, isFloat, type DType, type TypedArray } from './dtype.ts'
export { formatShape, normalizeAxes, normalizeAxis, sameShape, sizeOf, type Shape } from './shape.ts'
export { parse, type Formula } from './formula/parse.ts'
export { differentiate } from './formula/differentiate.ts'
export { kernel, type Kernel } from './formula/kernel.ts'
export { functions } from './formula/functions.ts'
export { interpret } from './formula/render-js.ts'
export {
  assertOptions,
  camelCase,
  checkOptions,
  lookup,
  optionsOf,
  required,
  snakeCase,
  type EveryDefault,
  type Filled,
  type SnakeCase,
} from './names.ts'
export * from './errors.ts'
