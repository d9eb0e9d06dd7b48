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
export { recordDraws } from './draws.ts'
export { copyOn, sameTensor } from './tensor.ts'
export { keyOf, namesIn, number, substitute } from './formula/parse.ts'
export * from './layout.ts'
export { allocate, hostBuffer, type Buffer, type Lifetime, type Slot } from './memory.ts'
