import { optionsOf, tensor, ValueError, type Tensor } from '@typegrad/tensor'
import { sortedClasses, toLabels, type Labels } from './labels.ts'

/**
 * How often each true label (row) was predicted as each label (column), int32 `[classes, classes]`; as scikit-learn's
 * `confusion_matrix`: `confusionMatrix(yTest, (await model.predict(xTest)).argmax(1))`.
 * @param options `labels`: the labels in the order of rows and columns, others do not count; by default all that occur, ascending
 */
export function confusionMatrix(yTrue: Labels, yPred: Labels, options?: { labels?: Labels }): Tensor {
  const { labels } = optionsOf(op, options, { labels: undefined })
  const [truth, predicted] = [yTrue, yPred].map((given) => Array.from(toLabels(given, op)))
  if (truth.length !== predicted.length)
    throw new ValueError(`${op}: ${truth.length} true and ${predicted.length} predicted labels, expected the same number`)
  const occurring = sortedClasses([...truth, ...predicted], op)
  const classes = labels === undefined ? occurring : Array.from(toLabels(labels, op))
  const positions = new Map(classes.map((label, i) => [label, i]))
  const counts = new Int32Array(classes.length ** 2)
  truth.forEach((label, i) => {
    const [row, column] = [positions.get(label), positions.get(predicted[i])]
    if (row !== undefined && column !== undefined) counts[row * classes.length + column]++
  })
  return tensor(counts, { shape: [classes.length, classes.length] })
}

const op = 'confusionMatrix'
