/** The layers of several inputs as functions. */
import { toTensor, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { LayerOptions } from './layer.ts'
import { Concatenate, Dot, type ConcatenateOptions, type DotOptions } from './merging-axes.ts'
import { Add, Average, Maximum, Minimum, Multiply, Subtract } from './merging.ts'
import { SymbolicTensor } from './symbolic.ts'

/** What a layer of several inputs is called on. */
interface Merging {
  apply(inputs: readonly SymbolicTensor[]): SymbolicTensor
  apply(inputs: readonly TensorLike[]): Tensor
}

/** A function of a list of tensors, or of symbolic ones. */
interface MergeFunction<O> {
  (inputs: readonly SymbolicTensor[], options?: O): SymbolicTensor
  (inputs: readonly TensorLike[], options?: O): Tensor
}

const functional =
  (made: new (options: any) => Merging) =>
  (inputs: readonly any[], options?: LayerOptions): any =>
    new made(options).apply(inputs.map((x) => (x instanceof SymbolicTensor ? x : toTensor(x))) as readonly Tensor[])

/** {@link Add} of a list. */
export const add: MergeFunction<LayerOptions> = functional(Add)
/** {@link Subtract} of two. */
export const subtract: MergeFunction<LayerOptions> = functional(Subtract)
/** {@link Multiply} of a list. */
export const multiply: MergeFunction<LayerOptions> = functional(Multiply)
/** {@link Average} of a list. */
export const average: MergeFunction<LayerOptions> = functional(Average)
/** {@link Maximum} of a list. */
export const maximum: MergeFunction<LayerOptions> = functional(Maximum)
/** {@link Minimum} of a list. */
export const minimum: MergeFunction<LayerOptions> = functional(Minimum)
/** {@link Concatenate} of a list. */
export const concatenate: MergeFunction<ConcatenateOptions> = functional(Concatenate)
/** {@link Dot} of two, along their last axes unless `axes` says otherwise. */
export const dot: MergeFunction<Partial<DotOptions>> = (inputs: readonly any[], options?: Partial<DotOptions>): any =>
  functional(Dot)(inputs, { axes: -1, ...options })
