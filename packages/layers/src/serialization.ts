/** Layers to and from Keras' JSON: here every layer of this package is known by name. */
import * as config from './layer-config.ts'
import * as layers from './layers.ts'

let known = false

/** Called by the functions below, too: a bundler may leave out what a module does when it is loaded. */
function register(): void {
  if (known) return
  known = true
  for (const [name, made] of Object.entries(layers)) config.registerBuiltin(name, made)
}

register()

/** A layer or a model as Keras writes it: `{ module, class_name, config, registered_name, build_config }`. */
export const serializeLayer: typeof config.serializeLayer = (layer) => {
  register()
  return config.serializeLayer(layer)
}

/**
 * The layer that {@link serializeLayer} or Keras wrote, unbuilt. Only classes of this library, registered ones and `custom` can be named.
 */
export const deserializeLayer: typeof config.deserializeLayer = (serialized, custom) => {
  register()
  return config.deserializeLayer(serialized, custom)
}

/** @internal The name of a layer's class in files. */
export const classNameOf: typeof config.classNameOf = (layer) => {
  register()
  return config.classNameOf(layer)
}

export { registerBuiltin, registerLayer } from './layer-config.ts'
