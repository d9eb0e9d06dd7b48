/** Layers of strings. */
import { Tensor, tensor, toTensor, type Shape, type TensorLike } from '@typegrad/tensor'
import type { CustomLayers, LayerConfig } from '../layer-config.ts'
import { Layer, type CallContext, type CallOptions, type Inputs, type LayerOptions, type Symbolic } from '../layer.ts'
import { SymbolicTensor } from '../symbolic.ts'
import { isStrings, type Flat, type Strings } from './strings.ts'

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
 * A layer of strings, or of integers that stand for something else. It computes on the host. At the head of a model it meets each batch
 * before the step, so that the rest can be compiled.
 */
export abstract class StringLayer<O extends LayerOptions, C extends CallContext = CallContext> extends Layer<O, Tensor, C> {
  static override readonly traceable = false
  static override readonly takesStrings: boolean = true

  constructor(options: O) {
    super(options)
    this.autocast = false
  }

  /** @internal The size that a file says of a vocabulary that is to come. */
  expectedSize: number | null = null

  /** The result for strings or numbers. */
  protected abstract compute(inputs: Strings | Tensor): any

  call(x: Tensor): Tensor {
    return this.compute(x) as Tensor
  }

  /** The result for strings, or for numbers where the layer takes them. */
  override apply(inputs: Strings): Tensor
  override apply(inputs: Inputs<SymbolicTensor>, context?: CallOptions<C>): Symbolic<Tensor>
  override apply(inputs: Inputs<TensorLike>, context?: CallOptions<C>): Tensor
  override apply(inputs: any, context?: CallOptions<C>): any {
    const first: unknown = Array.isArray(inputs) ? inputs[0] : inputs
    if (inputs instanceof Tensor || first instanceof SymbolicTensor) return super.apply(inputs as Tensor, context)
    return this.compute(isStrings(inputs) ? inputs : toExact(inputs as TensorLike))
  }

  /** Results are int32 or float32 here, whatever integers Keras names. */
  static override fromConfig<T>(this: new (options: any) => T, config: LayerConfig, custom: CustomLayers = {}): T {
    const { vocabulary_size: size, dtype: _, ...rest } = config
    const layer = Layer.fromConfig.call(this, rest, custom) as T
    if (layer instanceof StringLayer && typeof size === 'number') layer.expectedSize = size
    return layer
  }
}
