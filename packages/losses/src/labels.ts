import { formatShape, IndexError, inspect, sameShape, ShapeError, ValueError, type Tensor } from '@typegrad/tensor'

/**
 * Class numbers as int32, in the shape of the predictions without their class axis (one of length 1 goes). Throws a
 * ShapeError for another shape, an IndexError for a label outside the classes, a ValueError for one that is no integer.
 */
export function classNumbers(name: string, yTrue: Tensor, yPred: Tensor, axis = -1): Tensor {
  const at = axis < 0 ? axis + yPred.rank : axis
  const labels = yTrue.rank === yPred.rank && yTrue.shape[at] === 1 ? yTrue.squeeze(at) : yTrue
  const expected = yPred.shape.filter((_, i) => i !== at)
  if (!sameShape(labels.shape, expected)) {
    throw new ShapeError(
      `${name}: targets ${formatShape(yTrue.shape)} and predictions ${formatShape(yPred.shape)}, expected class numbers of shape ${formatShape(expected)}`,
      { yTrue: yTrue.shape, yPred: yPred.shape },
    )
  }
  return labels
}

/** Throws unless all labels are integers from 0 to `classes` - 1, but for `ignored`; labels on a device are not read. */
export const assertClasses = (name: string, labels: Tensor, classes: number, ignored?: number | null): void =>
  inspect(labels, (all) => assertEach(name, all, classes, ignored))

function assertEach(name: string, labels: Tensor, classes: number, ignored: number | null | undefined): void {
  labels.toTypedArray().forEach((label, i) => {
    if (label === ignored || (label >= 0 && label < classes && Number.isInteger(label))) return
    if (!Number.isInteger(label)) throw new ValueError(`${name}: target ${i} is ${label}, expected a class number`, { label })
    throw new IndexError(`${name}: target ${i} is class ${label}, the predictions have ${classes} classes, 0 to ${classes - 1}`, {
      label,
      classes,
    })
  })
}
