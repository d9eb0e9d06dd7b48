/** Any model from Keras' config JSON. */
import { deserializeLayer, type CustomLayers, type SerializedLayer, type SymbolicShape } from '@typegrad/layers'
import { ValueError, zeros } from '@typegrad/tensor'
import { Model } from '../model.ts'
import { Sequential } from '../sequential.ts'
import type { CustomObjects } from './compile.ts'

/**
 * The model that Keras' JSON describes, with fresh weights: Sequential or functional, nested to any depth, or a subclass in
 * `custom`. It is compiled if the JSON says how. Layers, losses, metrics and optimizers are found in the tables of this library
 * and in `custom` only; throws a ValueError for any other, and for unknown options.
 */
export function modelFromConfig(serialized: SerializedLayer, custom: CustomObjects = {}): Model {
  const { class_name: kind, build_config: build, compile_config: compiled } = serialized
  const classes: CustomObjects = { Sequential, Functional: Model, Model, ...custom }
  const model: unknown = deserializeLayer(serialized, classes as CustomLayers)
  if (!(model instanceof Model)) throw new ValueError(`modelFromConfig: '${kind}' is no model`, { kind })
  const shape = build?.['input_shape'] as SymbolicShape | readonly SymbolicShape[] | null | undefined
  if (!model.built && shape) {
    const shapes = (Array.isArray(shape[0]) ? shape : [shape]) as readonly SymbolicShape[]
    model.buildOn(shapes.map((one) => zeros(one.map((length) => length ?? 1))))
  }
  if (compiled && Object.keys(compiled).length > 0) model.compileFromConfig(compiled, custom)
  return model
}
