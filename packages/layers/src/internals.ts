/** What the packages of models and files need of layers, besides the public API. May change between minor versions. */
export { resolveActivation } from './activations.ts'
export { inForm, isNamed } from './layer.ts'
export { layerName } from './names.ts'
export { operate, Operation } from './operation.ts'
export { classNameOf, registerBuiltin } from './serialization.ts'
export { StringLayer } from './preprocessing/string-layer.ts'
export { isStrings, StringTensor, toTensorOrStrings } from './preprocessing/strings.ts'
export { callNode } from './symbolic.ts'
