import { ShapeError, Tensor, ValueError } from '@typegrad/tensor'
import { Series } from '../table/series.ts'

/** Class labels: texts or numbers, as an array, a column or a tensor. */
export type Labels = ArrayLike<string | number> | Series | Tensor

/** The labels as a plain array. */
export function toLabels(labels: Labels, op: string): ArrayLike<string | number> {
  if (labels instanceof Series) return labels.values
  if (!(labels instanceof Tensor)) return labels
  const long = labels.shape.filter((length) => length !== 1).length
  if (long > 1)
    throw new ShapeError(`${op}: labels of shape [${labels.shape.join(', ')}], expected one axis`, { shape: labels.shape })
  return labels.toTypedArray()
}

/** The different labels, ascending: all numbers, or all texts. */
export function sortedClasses(labels: ArrayLike<string | number>, op: string): (string | number)[] {
  const classes = [...new Set(Array.from(labels))]
  const numeric = classes.every((label) => typeof label === 'number')
  const odd = classes.find((label) => (typeof label !== 'string' && typeof label !== 'number') || Number.isNaN(label))
  if (odd !== undefined || classes.includes(undefined!))
    throw new ValueError(`${op}: ${String(odd)} is not a label, expected texts or numbers`)
  if (!numeric && classes.some((label) => typeof label === 'number')) {
    throw new ValueError(`${op}: the labels mix texts and numbers`, { classes: classes.slice(0, 10) })
  }
  return classes.sort((a, b) => (a < b ? -1 : 1))
}
