export { SaveError, MismatchError } from './errors.ts'
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  writeSafetensors,
  type NamedTensors,
  type Safetensors,
  type WriteOptions,
} from './safetensors/safetensors.ts'
export { loadModel, type LoadModelOptions } from './storage.ts'
