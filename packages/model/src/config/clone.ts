import { classNameOf, forCopies } from '@typegrad/layers/internals'
import type { AnyLayer } from '@typegrad/layers'
import type { Model } from '../model.ts'
import { modelFromConfig } from './from-config.ts'

/**
 * A model of the same layers with fresh weights, not compiled; `clone.setWeights(model.getWeights())` gives it the same ones.
 * Functions among the options, as those of Lambda, are the same ones.
 */
export function cloneModel<M extends Model>(model: M): M {
  const classes: Record<string, any> = {}
  const meet = (layer: AnyLayer): void => {
    classes[classNameOf(layer)] = layer.constructor
    layer.sublayers.forEach(meet)
  }
  meet(model)
  const built = model.getBuildConfig()
  return modelFromConfig(
    { class_name: classNameOf(model), config: forCopies(() => model.getConfig()), ...(built && { build_config: built }) },
    classes,
  ) as M
}
