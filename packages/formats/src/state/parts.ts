/**
 * The parts of a model and where they are in it. Names of layers are numbered as they are made, so they differ from program to
 * program; a part's path is by place and class, as Keras' files have it: `layers/dense_1`, `layers/bidirectional/forward_layer/cell`.
 */
import { Layer, type AnyLayer } from '@typegrad/layers'
import { classNameOf, layerName } from '@typegrad/layers/internals'
import { Model, Sequential } from '@typegrad/model'
import { snakeCase, ValueError, Variable } from '@typegrad/tensor'

export interface Part {
  /** Empty for the model itself. */
  readonly path: string
  readonly layer: AnyLayer
  /** The part's own weights by the names of their properties: those that train, then the others, as in Keras' files. */
  readonly weights: readonly (readonly [name: string, variable: Variable])[]
}

/** All parts of a model, each once, in the order in which Keras visits them. */
export function partsOf(model: AnyLayer): Part[] {
  const parts: Part[] = []
  const seen = new Set<AnyLayer>()
  const visit = (layer: AnyLayer, path: string): void => {
    if (seen.has(layer)) return
    seen.add(layer)
    parts.push({ path, layer, weights: ownWeights(layer) })
    for (const [name, within] of childrenOf(layer)) {
      const below = path === '' ? name : `${path}/${name}`
      if (within instanceof Layer) visit(within, below)
      else for (const [child, one] of named(within)) visit(one, `${below}/${child}`)
    }
  }
  visit(model, '')
  return parts
}

const isGraph = (layer: AnyLayer): boolean =>
  layer instanceof Sequential || (layer instanceof Model && layer.options.inputs !== undefined)

/** The class that is called otherwise within Keras, where its parts are on private properties: its files show both. */
const inFiles: Readonly<Record<string, string>> = { GroupQueryAttention: 'GroupedQueryAttention' }

/** The layers on the properties of a layer, and lists of them: a graph's layers come first, then what is by name, in order. */
function childrenOf(layer: AnyLayer): [string, AnyLayer | readonly AnyLayer[]][] {
  const hidden = Object.hasOwn(inFiles, classNameOf(layer)) ? '_' : ''
  const held = Object.entries(layer as object).flatMap(([name, value]): [string, AnyLayer | readonly AnyLayer[]][] => {
    if (value instanceof Layer) return [[hidden + snakeCase(name), value]]
    return Array.isArray(value) && value.some((one) => one instanceof Layer)
      ? [[snakeCase(name), value.filter((one): one is AnyLayer => one instanceof Layer)]]
      : []
  })
  held.sort(([a], [b]) => (a < b ? -1 : 1))
  return isGraph(layer) ? [['layers', (layer as Model).layers], ...held] : held
}

/** The layers of a list by class, numbered: `dense`, `dense_1`, `dropout`, `dense_2`. */
function named(layers: readonly AnyLayer[]): [string, AnyLayer][] {
  const counts = new Map<string, number>()
  return layers.map((layer) => {
    const made = classNameOf(layer)
    const name = layerName(Object.hasOwn(inFiles, made) ? inFiles[made] : made)
    const n = counts.get(name) ?? 0
    counts.set(name, n + 1)
    return [n === 0 ? name : `${name}_${n}`, layer]
  })
}

function ownWeights(layer: AnyLayer): [string, Variable][] {
  const own = Object.entries(layer as object).filter((entry): entry is [string, Variable] => entry[1] instanceof Variable)
  return [...own.filter(([, weight]) => weight.trainable), ...own.filter(([, weight]) => !weight.trainable)].map(
    ([name, weight]) => [snakeCase(name), weight],
  )
}

/** All weights of a model by path and name, `layers/dense_1/kernel`, in the model's order. */
export function weightsByPath(model: AnyLayer): Map<string, Variable> {
  const paths = new Map<Variable, string>()
  for (const { path, weights } of partsOf(model)) {
    for (const [name, weight] of weights) if (!paths.has(weight)) paths.set(weight, path === '' ? name : `${path}/${name}`)
  }
  return new Map(
    model.weights.map((weight): [string, Variable] => {
      const path = paths.get(weight)
      if (path === undefined)
        throw new ValueError(`the weight '${weight.name}' is on no property of a layer, so it has no place in a file`)
      return [path, weight]
    }),
  )
}
