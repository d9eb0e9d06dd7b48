/** Integers as their positions in a vocabulary. */
import { formatShape, inspect, isFloat, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'
import type { Defaults } from '../layer-config.ts'
import { common, Lookup, type LookupOptions } from './lookup.ts'
import { flattenNumbers } from './string-layer.ts'
import { isStrings, type Flat, type Strings } from './strings.ts'

export interface IntegerLookupOptions extends LookupOptions<number> {}

/** The ops of a step look integers up in a table of all from the least to the greatest, unless it is longer than this. */
const longestTable = 2 ** 20

/** Positions of all integers from `first` on; the first one and the last one are those of integers before and behind. */
interface PositionTable {
  readonly revision: number
  readonly first: number
  readonly positions: Int32Array
}

/** Integers as their positions in a vocabulary of some integers: int32, or vectors. With `invert` the reverse. */
export class IntegerLookup extends Lookup<number, IntegerLookupOptions> {
  static override readonly defaults = { ...common, oovToken: -1 } satisfies Defaults<IntegerLookupOptions>
  static override readonly fixed = { sparse: false, vocabulary_dtype: 'int64' }

  #table: PositionTable | undefined

  constructor(options: IntegerLookupOptions = {}) {
    super(options)
  }

  /** Whether a vocabulary is there, of integers close to each other that float32 holds, too, and all others have one position. */
  override get traceable(): boolean {
    const { revision } = this
    if (this.#table?.revision === revision) return true
    const { invert, numOovIndices, maskToken } = this.options as Required<IntegerLookupOptions>
    const terms = this.getVocabulary({ includeSpecialTokens: false })
    if (invert || numOovIndices !== 1 || terms.length === 0) return false
    let [least, greatest] = [maskToken ?? terms[0], maskToken ?? terms[0]]
    for (const term of terms) [least, greatest] = [Math.min(least, term), Math.max(greatest, term)]
    const [first, length] = [least - 1, greatest - least + 3]
    if (length > longestTable || -first > 2 ** 24 || greatest >= 2 ** 24) return false
    this.#table = { revision, first, positions: Int32Array.from(this.positions(Array.from({ length }, (_, i) => first + i))) }
    return true
  }

  protected override compute(inputs: Strings | Tensor): any {
    if (isStrings(inputs) || !this.traceable) return super.compute(inputs)
    inspect(inputs, (x) => void this.flatten(x))
    const { first, positions } = this.#table!
    const x = isFloat(inputs.dtype) ? inputs : inputs.cast('int32')
    const last = first + positions.length - 1
    return this.encodedByOps(tensor(positions).take(x.clip(first, last).cast('int32').sub(first)))
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
