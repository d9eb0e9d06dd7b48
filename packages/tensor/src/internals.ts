/** What a backend in a package of its own is made of, besides the public API. May change between minor versions. */
export {
  backendNamed,
  backendOn,
  type ConvAttributes,
  type PoolAttributes,
  type PoolKind,
  type Reduction,
  registerStarter,
  type ScanOptions,
  startBackend,
  withBackend,
} from './backends/backend.ts'
export { fuse, type Item, type Loop, type LoopType } from './compile/fuse.ts'
export type { Draw } from './compile/host.ts'
export { lower } from './compile/lower.ts'
export type { Program } from './compile/program.ts'
export { simplify } from './compile/simplify.ts'
export { callNode, type Graph, isWhole, type Node, type Value, valueOf } from './compile/trace.ts'
export { dtypeOfArray } from './dtype.ts'
export { recordDraws } from './draws.ts'
export { copyOn, sameTensor } from './tensor.ts'
export { keyOf, namesIn, number, substitute } from './formula/parse.ts'
export * from './layout.ts'
export { methodNames } from './methods.ts'
export { allocate, hostBuffer, ownBuffer, type Buffer, type Lifetime, type Slot } from './memory.ts'
export type { SparseParts } from './ops/sparse-matmul.ts'
