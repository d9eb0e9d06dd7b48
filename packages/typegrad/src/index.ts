/**
 * Everything that a user needs, under one roof. What else the packages export is for those who build on the engine itself: ops,
 * listeners, backends and formulas are in `@typegrad/tensor`. The GPU is a package of its own, `@typegrad/gpu`.
 */

// Arrays
export type * from '@typegrad/tensor'
export {
  allclose,
  arange,
  compile,
  concat,
  csr,
  einsum,
  eye,
  fft,
  formatShape,
  fromNdarray,
  full,
  hstack,
  interp,
  linalg,
  linspace,
  meshgrid,
  ones,
  onesLike,
  random,
  resize,
  scatter,
  SparseTensor,
  stack,
  Tensor,
  tensor,
  toModule,
  toTensor,
  Variable,
  vstack,
  where,
  zeros,
  zerosLike,
} from '@typegrad/tensor'

// The machine
export {
  backendNames,
  currentBackend,
  memory,
  scope,
  setBackend,
  setDeterministic,
  setSeed,
  setThreads,
  threads,
} from '@typegrad/tensor'

// Errors
export {
  BackendError,
  DeviceLostError,
  DTypeError,
  GradientError,
  IndexError,
  ShapeError,
  TraceError,
  TypegradError,
  ValueError,
} from '@typegrad/tensor'

// Ops and update rules of your own: formulas, from which kernels are made
export { elementwise, updateKernel } from '@typegrad/tensor'

// Gradients
export type * from '@typegrad/autograd'
export {
  checkGradients,
  checkpoint,
  customGradient,
  grad,
  GradientTape,
  hessian,
  jacobian,
  jvp,
  valueAndGrad,
  vjp,
  vmap,
} from '@typegrad/autograd'

// Layers, initializers, regularizers, constraints, activations
export * from '@typegrad/layers'

// Losses and metrics
export type * from '@typegrad/losses'
export {
  deserializeLoss,
  deserializeMetric,
  Loss,
  losses,
  Mean,
  MeanMetricWrapper,
  Metric,
  metrics,
  serializeLoss,
  serializeMetric,
} from '@typegrad/losses'

// Optimizers and schedules
export * from '@typegrad/optim'

// Models, training, callbacks
export * from '@typegrad/model'

// Data, files, plots
export * from '@typegrad/data'
export * from '@typegrad/formats'
export * from '@typegrad/plots'
