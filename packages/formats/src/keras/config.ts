/** Models from the JSON of a file: all that is not known in it is found out at once. */
import type { FormatError } from '@typegrad/data'
import { deserializeLayer, type CustomLayers, type SerializedLayer } from '@typegrad/layers'
import { modelFromConfig, type CustomObjects, type Model } from '@typegrad/model'
import { TypegradError } from '@typegrad/tensor'
import { refuse } from '../errors.ts'
import { isRecord } from '../json.ts'

/** Options of optimizers that are whole numbers in Keras; all others are floats there, which it insists on. */
const whole = /steps|frequency|boundaries/

/** A model's architecture, and how it is trained, as the text of `config.json`. */
export function kerasJson(model: Model): string {
  const json = model.toJSON() as SerializedLayer & { compile_config?: { optimizer?: unknown } }
  const float = (key: string, value: unknown): unknown =>
    Number.isInteger(value) && !whole.test(key)
      ? `\0${String(value)}`
      : Array.isArray(value)
        ? value.map((item) => float(key, item))
        : isRecord(value)
          ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, float(name, item)]))
          : value
  const optimizer = json.compile_config?.optimizer
  const marked = optimizer ? { ...json, compile_config: { ...json.compile_config, optimizer: float('', optimizer) } } : json
  return JSON.stringify(marked).replaceAll(/"\\u0000(-?\d+)"/g, '$1.0')
}

interface Options {
  readonly compile: boolean
  readonly customObjects: CustomObjects
}

/** The model that JSON from a file describes. @throws MismatchError with everything in it that is not known */
export function modelOf(
  json: unknown,
  what: string,
  fail: (why: string) => FormatError,
  { compile, customObjects }: Options,
): Model {
  if (!isSerialized(json)) throw fail('its config is no model')
  const { compile_config: compiled, ...architecture } = json as SerializedLayer & {
    compile_config?: Readonly<Record<string, unknown>>
  }
  try {
    return modelFromConfig(compile && compiled ? { ...architecture, compile_config: compiled } : architecture, customObjects)
  } catch (error) {
    refuse(`${what} holds what is not supported`, problemsIn(json, customObjects as CustomLayers))
    if (error instanceof TypegradError) throw error
    throw fail(`its config is not one of a model (${(error as Error).message})`)
  }
}

const isSerialized = (value: unknown): value is SerializedLayer =>
  isRecord(value) && typeof value['class_name'] === 'string' && isRecord(value['config'])

/** What is wrong with each of the layers in a config, nested ones included. */
function problemsIn({ config }: SerializedLayer, custom: CustomLayers): string[] {
  const layers = config['layers']
  if (!Array.isArray(layers)) return []
  return layers.flatMap((layer: unknown): string[] => {
    if (!isSerialized(layer)) return [`${JSON.stringify(layer)?.slice(0, 100)} is no layer`]
    const within = problemsIn(layer, custom)
    if (within.length > 0 || Array.isArray(layer.config['layers'])) return within
    try {
      deserializeLayer(layer, custom)
      return []
    } catch (error) {
      return [`layer '${String(layer.config['name'])}': ${(error as Error).message}`]
    }
  })
}
