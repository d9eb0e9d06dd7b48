import { ValueError } from '@typegrad/tensor'

/** Validate every n-th epoch, or these epochs (counted from 1), as in `fit`. */
export type ValidationFreq = number | readonly number[]

/**
 * The epochs that the `length` values of the list `key` belong to. A list that is shorter than the training comes from
 * `validationFreq`: where that is not given, it is the largest n for which "every n-th epoch" gives so many values.
 */
export function epochsOf(
  op: string,
  key: string,
  length: number,
  epochs: readonly number[],
  freq?: ValidationFreq,
): readonly number[] {
  if (length === epochs.length) return epochs
  if (length === 0) return []
  const given = key.startsWith('val_') ? freq : undefined
  for (const candidate of given === undefined ? frequencies(epochs, length) : [given]) {
    const validated = select(epochs, candidate)
    if (validated.length === length) return validated
  }
  throw new ValueError(
    `${op}: '${key}' has ${length} values for ${epochs.length} epochs, ` +
      (given === undefined
        ? 'and no validationFreq gives so many: give the validationFreq of fit, or pad the list with null'
        : `and validationFreq ${JSON.stringify(given)} gives ${select(epochs, given).length}`),
    { key, length, epochs, validationFreq: given },
  )
}

function select(epochs: readonly number[], freq: ValidationFreq): number[] {
  return epochs.filter((epoch) => (typeof freq === 'number' ? epoch % freq === 0 : freq.includes(epoch)))
}

function* frequencies(epochs: readonly number[], length: number): Generator<number> {
  // More than this many epochs between two validations gives fewer values, whatever the first epoch is.
  for (let n = Math.ceil((epochs.length + 1) / length); n > 1; n--) yield n
}
