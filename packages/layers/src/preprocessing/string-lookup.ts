/** Strings as their positions in a vocabulary. */
import { toTensor, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { Defaults } from '../layer-config.ts'
import { common, Lookup, type LookupOptions } from './lookup.ts'
import type { Symbolic } from '../layer.ts'
import type { SymbolicTensor } from '../symbolic.ts'
import { flattenStrings, isStrings, nest, type Flat, type Strings } from './strings.ts'

export interface StringLookupOptions extends LookupOptions<string> {
  /** Strings are Unicode here; accepted for configs of Keras. @defaultValue `'utf-8'` */
  readonly encoding?: string
}

/** Strings as their positions in a vocabulary: arrays of strings give int32 tensors, or vectors. With `invert` the reverse. */
export class StringLookup extends Lookup<string, StringLookupOptions> {
  static override readonly defaults = { ...common, oovToken: '[UNK]', encoding: 'utf-8' } satisfies Defaults<StringLookupOptions>

  constructor(options: StringLookupOptions = {}) {
    super(options)
  }

  protected flatten(inputs: Strings | TensorLike): Flat<string> {
    return flattenStrings(isStrings(inputs) ? inputs : toTensor(inputs), 'StringLookup')
  }

  protected terms(flat: Flat<string>): Strings {
    return nest(flat) as Strings
  }

  /** Positions of strings; with `invert` the strings at positions, as arrays. */
  override apply(inputs: Strings): Tensor
  override apply(inputs: SymbolicTensor): Symbolic<Tensor>
  override apply(inputs: any): any
  override apply(inputs: any): any {
    return super.apply(inputs as Strings)
  }
}
