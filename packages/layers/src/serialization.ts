/** Layers to and from Keras' JSON: here every layer of this package is known by name. */
import { registerBuiltin } from './layer-config.ts'
import * as layers from './layers.ts'

registerBuiltin(layers)

export { deserializeLayer, registerLayer, serializeLayer } from './layer-config.ts'
