/** Any layer against Keras: config, results, mask, losses, gradients, and weights that the call changed. */
import { GradientTape } from '@typegrad/autograd'
import { clearSession, deserializeLayer, maskOf, type AnyLayer } from '@typegrad/layers'
import { camelCase, isFloat, snakeCase, tensor, type Tensor } from '@typegrad/tensor'
import { expect } from 'vitest'
import {
  conformance,
  fromGolden,
  golden,
  type Check,
  type DefaultsCase,
  type GoldenCase,
  type GoldenTensor,
} from '../conformance.ts'

export interface KerasCase extends GoldenCase {
  readonly class: string
  /** Constructor arguments under Keras' names; nested objects as `{ class_name, config }`. */
  readonly args: Readonly<Record<string, unknown>>
  /** `get_config()` after the call. */
  readonly config: Readonly<Record<string, unknown>>
  /** `single`: called on one input; `list` and `positional`: on several, which is a list here. */
  readonly call_style: 'single' | 'list' | 'positional'
  readonly training?: boolean | null
  /** Further arguments of the call. */
  readonly call?: Readonly<Record<string, unknown>>
  readonly inputs: readonly GoldenTensor[]
  readonly weights: readonly (GoldenTensor & { readonly name: string; readonly trainable: boolean })[]
  readonly outputs: readonly GoldenTensor[]
  readonly losses?: readonly GoldenTensor[]
  readonly weights_after?: readonly GoldenTensor[]
  readonly mask?: GoldenTensor
  readonly doutputs?: readonly GoldenTensor[]
  readonly dinputs?: readonly (GoldenTensor | null)[]
  readonly dweights?: readonly (GoldenTensor | null)[]
}

const isGolden = (value: unknown): value is GoldenTensor => typeof value === 'object' && value !== null && 'data' in value

/** Call arguments with tensors for what the file describes. */
const concrete = (value: unknown): unknown =>
  isGolden(value) ? fromGolden(value) : Array.isArray(value) ? value.map((item: unknown) => concrete(item)) : value

/** Builds the layer of a case and gives it the case's weights. */
export function layerOfCase({ class: name, args, inputs, call_style: style, weights }: KerasCase): AnyLayer {
  clearSession()
  const layer = deserializeLayer({ class_name: name, config: args }) as AnyLayer
  const shapes = inputs.map(({ shape }) => [null, ...shape.slice(1)])
  layer.buildFor(style === 'single' ? shapes[0] : shapes)
  expect(layer.weights.map((weight) => snakeCase(weight.name))).toEqual(weights.map((weight) => weight.name))
  const trainable = new Set(layer.trainableWeights)
  expect(layer.weights.map((weight) => trainable.has(weight))).toEqual(weights.map((weight) => weight.trainable))
  layer.setWeights(weights.map(fromGolden))
  return layer
}

/** The conformance tests of `test/golden/layers-<family>.json`, its configs by default included. */
export function layerConformance(family: string): void {
  const file = golden<KerasCase>(`layers-${family}`)
  conformance(`layers: ${family}`, file, runKerasCase)
  conformance(
    `layers: ${family}, configs by default`,
    { cases: file['defaults'] as DefaultsCase[], tol: file.tol },
    runDefaults,
    {
      backends: ['cpu'],
    },
  )
}

export function runKerasCase(one: KerasCase, check: Check): void {
  const layer = layerOfCase(one)
  const inputs = one.inputs.map(fromGolden)
  const shapes = inputs.map((x) => x.shape)
  const single = one.call_style === 'single'
  const further = Object.fromEntries(Object.entries(one.call ?? {}).map(([key, value]) => [camelCase(key), concrete(value)]))
  const context = { training: one.training ?? false, ...further }
  const tape = new GradientTape()
  const watched = inputs.filter((x) => isFloat(x.dtype))
  watched.forEach((x) => tape.watch(x))
  let outputs: Tensor[] = []
  const target = tape.run((): Tensor => {
    outputs = [layer.apply(single ? inputs[0] : inputs, context) as Tensor | Tensor[]].flat()
    return outputs
      .filter((y) => isFloat(y.dtype))
      .map((y, i) => (one.doutputs?.[i] ? y.mul(fromGolden(one.doutputs[i])).sum() : y.sum().mul(0)))
      .reduce((a, b) => a.add(b), tensor(0))
  })
  expect(outputs.length).toBe(one.outputs.length)
  one.outputs.forEach((expected, i) => check('outputs', outputs[i], expected))

  const inferred = layer.computeOutputShape(single ? shapes[0] : shapes, context)
  expect(Array.isArray(inferred[0]) ? inferred : [inferred]).toEqual(outputs.map((y) => y.shape))
  check('mask', maskOf(outputs[0]), one.mask)
  const { losses } = layer
  expect(losses.length).toBe(one.losses?.length ?? 0)
  one.losses?.forEach((expected, i) => check('losses', losses[i], expected))
  one.weights_after?.forEach((expected, i) => check('weights_after', layer.weights[i].value, expected))
  expect(comparable(layer.getConfig())).toEqual(comparable(one.config))

  if (!one.dinputs) return
  const grads = tape.gradient(target, [...watched, ...layer.weights])
  watched.forEach((x, i) => check('dinputs', grads[i], one.dinputs![inputs.indexOf(x)]))
  one.dweights?.forEach((expected, i) => check('dweights', grads[watched.length + i], expected))
}

/** A layer made with the least arguments, and its config. */
export function runDefaults({ class: name, args, config }: DefaultsCase): void {
  clearSession()
  const layer = deserializeLayer({ class_name: name, config: args }) as AnyLayer
  expect(comparable(layer.getConfig())).toEqual(comparable(config))
}

/** A config without what differs for good reason: the batch in `build_config` is known to Keras, and unknown here. */
export function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    if (key.endsWith('_shape') && key !== 'output_shape' && typeof value[0] !== 'object') return [null, ...value.slice(1)]
    return value.map((item: unknown) => comparable(item, key))
  }
  if (typeof value === 'number') return Number(value.toPrecision(6))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, comparable(item, name)]))
}
