import { DTypeError, optionsOf, tensor, ValueError, type DType, type Tensor } from '@typegrad/tensor'

export interface PadSequencesOptions {
  /** Length of every row. @defaultValue the longest sequence's */
  maxlen?: number
  /** @defaultValue 'int32' */
  dtype?: DType
  /** At which end short sequences are filled up. @defaultValue 'pre' */
  padding?: 'pre' | 'post'
  /** At which end long sequences are cut. @defaultValue 'pre' */
  truncating?: 'pre' | 'post'
  /** What they are filled with. @defaultValue 0 */
  value?: number
}

/** Sequences of different length as the rows of one tensor `[sequences.length, maxlen]`; as Keras' `pad_sequences`. */
export function padSequences(sequences: ArrayLike<ArrayLike<number>>, options?: PadSequencesOptions): Tensor {
  const defaults = { maxlen: undefined, dtype: 'int32', padding: 'pre', truncating: 'pre', value: 0 } as const
  const { dtype, padding, truncating, value, ...rest } = optionsOf('padSequences', options, defaults)
  for (const [name, end] of Object.entries({ padding, truncating })) {
    if (end !== 'pre' && end !== 'post')
      throw new ValueError(`padSequences: ${name} must be 'pre' or 'post', got '${String(end)}'`)
  }
  let { maxlen } = rest
  if (maxlen === undefined) {
    maxlen = 0
    for (let i = 0; i < sequences.length; i++) maxlen = Math.max(maxlen, sequences[i].length)
  }
  if (!Number.isInteger(maxlen) || maxlen < 0)
    throw new ValueError(`padSequences: maxlen must be an integer ≥ 0, got ${maxlen}`, { maxlen })

  const whole = dtype !== 'float32' && dtype !== 'float64'
  const check = (v: number, row: number): number => {
    if (typeof v === 'number' && (!whole || (v | 0) === v)) return v
    throw new DTypeError(
      `padSequences: ${row < 0 ? 'value' : `row ${row}`} is or holds ${String(v)}, which ${dtype} cannot hold`,
      { row },
    )
  }
  const out = new Float64Array(sequences.length * maxlen).fill(check(value, -1))
  for (let i = 0; i < sequences.length; i++) {
    const sequence = sequences[i]
    const kept = Math.min(sequence.length, maxlen)
    const from = truncating === 'pre' ? sequence.length - kept : 0
    const to = i * maxlen + (padding === 'pre' ? maxlen - kept : 0)
    for (let k = 0; k < kept; k++) out[to + k] = check(sequence[from + k], i)
  }
  return tensor(out, { dtype, shape: [sequences.length, maxlen] })
}
