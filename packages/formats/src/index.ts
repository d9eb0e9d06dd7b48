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
export { decodeNpy, encodeNpy, readNpy, writeNpy } from './numpy/npy.ts'
export { decodeNpz, encodeNpz, readNpz, writeNpz, type ReadNpzOptions, type WriteNpzOptions } from './numpy/npz.ts'
export type { ReadOptions } from './files/files.ts'
export { encodeOnnx, exportOnnx, loadOnnx } from './onnx/onnx.ts'
export type { LoadOnnxOptions, OnnxModel, OnnxTensorInfo } from './onnx/import.ts'
