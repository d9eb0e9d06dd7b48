import { optionsOf, tensor, ValueError, type Tensor, type TensorLike } from '@typegrad/tensor'

/**
 * One-hot rows of class numbers: shape `[...labels.shape, numClasses]`, float32; a last axis of length 1 is dropped
 * first, as in Keras.
 * @param options the number of classes, or `{ numClasses }`; by default the largest label + 1
 * @throws {@link ValueError} for a label that is not an integer in `[0, numClasses)`
 */
export function toCategorical(labels: TensorLike, options?: number | { numClasses?: number }): Tensor {
  const given = typeof options === 'number' ? { numClasses: options } : options
  const { numClasses } = optionsOf('toCategorical', given, { numClasses: undefined })
  const x = tensor(labels)
  const values = x.toTypedArray()
  const n = numClasses ?? Array.from(values).reduce((most, label) => Math.max(most, label), -1) + 1
  if (!Number.isInteger(n) || n < (numClasses === undefined ? 0 : 1)) {
    throw new ValueError(`toCategorical: numClasses must be a positive integer, got ${n}`, { numClasses })
  }
  const out = new Float32Array(values.length * n)
  for (let i = 0; i < values.length; i++) {
    const label = values[i]
    if (!Number.isInteger(label) || label < 0 || label >= n) {
      throw new ValueError(
        `toCategorical: label ${label} at ${i} is not an integer in [0, ${n}); encode texts with LabelEncoder first`,
        { index: i },
      )
    }
    out[i * n + label] = 1
  }
  const shape = x.shape.length > 1 && x.shape.at(-1) === 1 ? x.shape.slice(0, -1) : x.shape
  return tensor(out, { shape: [...shape, n] })
}
