import { tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { sortedClasses, toLabels, type Labels } from './labels.ts'

/** Numbers the different labels `0 … n - 1` in ascending order, as scikit-learn's `LabelEncoder`. */
export class LabelEncoder {
  #codes: ReadonlyMap<string | number, number> | undefined

  /** The labels in the order of their numbers. */
  get classes(): (string | number)[] {
    return [...this.#fitted('classes').keys()]
  }

  /** Learns the different labels. */
  fit(labels: Labels): this {
    const classes = sortedClasses(toLabels(labels, 'LabelEncoder'), 'LabelEncoder')
    this.#codes = new Map(classes.map((label, code) => [label, code]))
    return this
  }

  /** The numbers of `labels`, int32. @throws {@link ValueError} for a label that `fit` did not see. */
  transform(labels: Labels): Tensor {
    const codes = this.#fitted('transform')
    const list = toLabels(labels, 'LabelEncoder')
    const out = new Int32Array(list.length)
    for (let i = 0; i < out.length; i++) {
      const code = codes.get(list[i])
      if (code === undefined)
        throw new ValueError(`LabelEncoder: label ${JSON.stringify(list[i])} at ${i} was not seen by fit`, { index: i })
      out[i] = code
    }
    return tensor(out)
  }

  /** `fit` and `transform` in one. */
  fitTransform(labels: Labels): Tensor {
    return this.fit(labels).transform(labels)
  }

  /** The labels of the numbers. */
  inverseTransform(codes: ArrayLike<number> | Tensor): (string | number)[] {
    const { classes } = this
    return Array.from(toLabels(codes, 'LabelEncoder'), (code, i) => {
      if (!Object.hasOwn(classes, code))
        throw new ValueError(`LabelEncoder: ${code} at ${i} is not the number of a label, expected 0 to ${classes.length - 1}`, {
          index: i,
        })
      return classes[Number(code)]
    })
  }

  #fitted(what: string): ReadonlyMap<string | number, number> {
    if (!this.#codes) throw new ValueError(`LabelEncoder: ${what} before fit; call fit with the training labels first`)
    return this.#codes
  }
}
