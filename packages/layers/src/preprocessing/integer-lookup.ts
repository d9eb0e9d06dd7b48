/** Integers as their positions in a vocabulary. */
import { formatShape, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { Defaults } from '../layer-config.ts'
import { common, Lookup, type LookupOptions } from './lookup.ts'
import { flattenNumbers } from './string-layer.ts'
import { isStrings, type Flat, type Strings } from './strings.ts'

export interface IntegerLookupOptions extends LookupOptions<number> {}

/** Integers as their positions in a vocabulary of some integers: int32, or vectors. With `invert` the reverse. */
export class IntegerLookup extends Lookup<number, IntegerLookupOptions> {
  static override readonly defaults = { ...common, oovToken: -1 } satisfies Defaults<IntegerLookupOptions>
  static override readonly fixed = { sparse: false, vocabulary_dtype: 'int64' }

  constructor(options: IntegerLookupOptions = {}) {
    super(options)
  }

  protected flatten(inputs: Strings | TensorLike): Flat<number> {
    if (isStrings(inputs)) throw new ValueError('IntegerLookup: got strings, expected integers: use StringLookup')
    const { values, shape } = flattenNumbers(inputs)
    const wrong = values.find((value) => !Number.isSafeInteger(value))
    if (wrong !== undefined)
      throw new ValueError(`IntegerLookup: got ${wrong}, expected integers (input ${formatShape(shape)})`, { value: wrong })
    return { values, shape }
  }

  protected terms({ values, shape }: Flat<number>): Tensor {
    const small = values.every((value) => value === (value | 0))
    return tensor(Float64Array.from(values), { shape, dtype: small ? 'int32' : 'float64' })
  }
}
