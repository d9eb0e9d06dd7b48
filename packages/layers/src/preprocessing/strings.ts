/** Arrays of strings, which stand where tensors cannot: JavaScript arrays, nested as deep as there are axes. */
import { ShapeError, Tensor, tensor, toTensor, ValueError, type Shape, type TensorLike } from '@typegrad/tensor'
import type { CustomLayers, LayerConfig } from '../layer-config.ts'
import { Layer, type CallContext, type CallOptions, type Inputs, type LayerOptions } from '../layer.ts'
import { SymbolicTensor } from '../symbolic.ts'

/** A string, or an array of strings with any number of axes. */
export type Strings = string | readonly Strings[]

/** The elements of an array in order, and its shape. */
export interface Flat<T> {
  readonly values: readonly T[]
  readonly shape: Shape
}

/** The strings of an array; throws if some are missing, or others than strings. */
export function flattenStrings(strings: Strings, layer: string): Flat<string> {
  const shape: number[] = []
  for (let level: Strings = strings; typeof level !== 'string'; level = level[0]) {
    if (!Array.isArray(level)) throw new ValueError(`${layer}: got ${describe(level)}, expected strings`)
    shape.push(level.length)
    if (level.length === 0) break
  }
  const values: string[] = []
  const visit = (level: Strings, axis: number): void => {
    if (axis === shape.length) {
      if (typeof level !== 'string') throw new ValueError(`${layer}: got ${describe(level)}, expected a string`)
      values.push(level)
      return
    }
    if (!Array.isArray(level) || level.length !== shape[axis])
      throw new ShapeError(`${layer}: ragged arrays of strings, expected ${shape[axis]} at axis ${axis}`, { shape, axis })
    for (const item of level as readonly Strings[]) visit(item, axis + 1)
  }
  visit(strings, 0)
  return { values, shape }
}

const describe = (value: unknown): string => `${typeof value} ${JSON.stringify(value)}`

/** Whether a value is made of strings. */
export function isStrings(value: unknown): value is Strings {
  let level = value
  while (Array.isArray(level)) level = level[0] as unknown
  return typeof level === 'string'
}

/** The array with these elements. */
export function nest<T>({ values, shape }: Flat<T>): any {
  let at = 0
  const build = (axis: number): unknown =>
    axis === shape.length ? values[at++] : Array.from({ length: shape[axis] }, () => build(axis + 1))
  return build(0)
}

/** The integers of an array as int32. */
export const integers = (values: readonly number[], shape: Shape): Tensor => tensor(Int32Array.from(values), { shape })

/** The numbers of an array. */
export function flattenNumbers(x: TensorLike): Flat<number> {
  const given = toExact(x)
  return { values: Array.from(given.toTypedArray()), shape: given.shape }
}

/** A tensor that keeps every digit of an array's integers. */
const toExact = (x: TensorLike): Tensor => toTensor(x, x instanceof Tensor ? undefined : 'float64')

/**
 * A layer of strings, or of integers that stand for something else. It computes on the host, and is no part of a model's
 * graph where its input are strings: call it on data before the model.
 */
export abstract class StringLayer<O extends LayerOptions, C extends CallContext = CallContext> extends Layer<O, Tensor, C> {
  static override readonly traceable = false

  constructor(options: O) {
    super(options)
    this.autocast = false
  }

  /** The result for strings or numbers. */
  protected abstract compute(inputs: Strings | Tensor): any

  call(x: Tensor): Tensor {
    return this.compute(x) as Tensor
  }

  /** The result for strings, or for numbers where the layer takes them. */
  override apply(inputs: Strings): Tensor
  override apply(inputs: Inputs<SymbolicTensor>, context?: CallOptions<C>): SymbolicTensor
  override apply(inputs: Inputs<TensorLike>, context?: CallOptions<C>): Tensor
  override apply(inputs: any, context?: CallOptions<C>): any {
    const first: unknown = Array.isArray(inputs) ? inputs[0] : inputs
    if (inputs instanceof Tensor || first instanceof SymbolicTensor) return super.apply(inputs as Tensor, context)
    return this.compute(isStrings(inputs) ? inputs : toExact(inputs as TensorLike))
  }

  /** Results are int32 or float32 here, whatever integers Keras names. */
  static override fromConfig<T>(this: new (options: any) => T, config: LayerConfig, custom: CustomLayers = {}): T {
    const { vocabulary_size: _, dtype: __, ...rest } = config
    return Layer.fromConfig.call(this, rest, custom) as T
  }
}
