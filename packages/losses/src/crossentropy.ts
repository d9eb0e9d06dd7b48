import { elementwise, formatShape, ShapeError, type Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { assertClasses, classNumbers } from './labels.ts'
import { Loss, lossFunction, type LossOptions } from './loss.ts'

/** Probabilities are kept this far from 0 and 1, as Keras does. */
export const epsilon = 1e-7

export interface CrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities: more exact, and without saturation. @defaultValue `false` */
  readonly fromLogits?: boolean
  /** Moves targets this share of the way to the uniform distribution. @defaultValue `0` */
  readonly labelSmoothing?: number
  /** The axis of the classes. @defaultValue `-1` */
  readonly axis?: number
}

/** The bounds in formulas, which have `p` for probabilities kept within them. */
const [low, high] = [`${epsilon}`, `${1 - epsilon}`]
const kept = `min(max(p, ${low}), ${high})`
const within = `p >= ${low} && p <= ${high}`

const crossentropyOf = {
  probabilities: elementwise(
    'binaryCrossentropy',
    ['t', 'p'],
    `-(t * log(${kept}) + (1 - t) * log(1 - ${kept}))`,
    { p: `${within} ? flow(-dy * t, 1 / ${kept}) - flow(-dy * (1 - t), 1 / (1 - ${kept})) : 0` }, // prettier-ignore
  ),
  logits: elementwise(
    'binaryCrossentropy',
    ['t', 'x'],
    '-(t * (min(x, 0) - log1p(exp(-abs(x)))) + (1 - t) * (min(-x, 0) - log1p(exp(-abs(x)))))',
    { x: '-(dy * t / (1 + exp(x))) + dy * (1 - t) / (1 + exp(-x))' },
  ),
}

/** `t · log(p)` of every element. */
const timesLog = elementwise('timesLog', ['t', 'p'], `t * log(${kept})`, {
  p: `${within} ? flow(dy * t, 1 / ${kept}) : 0`,
})

/** `-y · log(p) - (1 - y) · log(1 - p)` of every element, p from probabilities or logits. */
export const binaryCrossentropyOf = (target: Tensor, output: Tensor, fromLogits: boolean): Tensor =>
  crossentropyOf[fromLogits ? 'logits' : 'probabilities'](target, output)

/** Class probabilities scaled to sum 1. */
const scaledProbabilities = (output: Tensor, axis: number): Tensor => output.div(output.sum(axis, { keepdims: true }))

/** Class probabilities scaled to sum 1 and kept off 0 and 1. */
export const safeProbabilities = (output: Tensor, axis: number): Tensor =>
  scaledProbabilities(output, axis).clip(epsilon, 1 - epsilon)

/** The logarithms of class probabilities, from logits or from probabilities that are scaled to sum 1. */
const logProbabilities = (output: Tensor, fromLogits: boolean, axis: number): Tensor =>
  fromLogits ? output.logSoftmax(axis) : safeProbabilities(output, axis).log()

/** Targets moved the share `smoothing` of the way to `1 / classes`. */
export const smoothed = (target: Tensor, smoothing: number, classes: number): Tensor =>
  smoothing === 0 ? target : target.mul(1 - smoothing).add(smoothing / classes)

/** The number of classes; throws a ShapeError for one, where every loss would be 0. */
export function classesOf(name: string, yPred: Tensor, axis: number): number {
  const classes = yPred.shape.at(axis)!
  if (classes > 1) return classes
  throw new ShapeError(`${name}: predictions ${formatShape(yPred.shape)} have one class; use a binary crossentropy`)
}

/** `mean(-y · log(p) - (1 - y) · log(1 - p))`: independent yes/no targets in [0, 1]. */
export class BinaryCrossentropy extends Loss<CrossentropyOptions> {
  static override readonly defaults = {
    ...Loss.defaults,
    fromLogits: false,
    labelSmoothing: 0,
    axis: -1,
  } satisfies Defaults<CrossentropyOptions>

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, labelSmoothing, axis } = this.options
    return binaryCrossentropyOf(smoothed(yTrue, labelSmoothing, 2), yPred, fromLogits).mean(axis)
  }
}

/** `-Σ y · log(p)` over the classes; targets are one-hot or distributions. */
export class CategoricalCrossentropy extends Loss<CrossentropyOptions> {
  static override readonly defaults = BinaryCrossentropy.defaults

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, labelSmoothing, axis } = this.options
    const target = smoothed(yTrue, labelSmoothing, classesOf(this.name, yPred, axis))
    const product = fromLogits ? target.mul(yPred.logSoftmax(axis)) : timesLog(target, scaledProbabilities(yPred, axis))
    return product.sum(axis).neg()
  }
}

export interface SparseCrossentropyOptions extends LossOptions {
  /** Predictions are logits, not probabilities. @defaultValue `false` */
  readonly fromLogits?: boolean
  /** Samples with this label count nothing. @defaultValue `null` */
  readonly ignoreClass?: number | null
  /** The axis of the classes. @defaultValue `-1` */
  readonly axis?: number
}

/** `-log(p[y])`: targets are class numbers. Throws an IndexError for a label outside the classes. */
export class SparseCategoricalCrossentropy extends Loss<SparseCrossentropyOptions> {
  static override readonly defaults = {
    ...Loss.defaults,
    fromLogits: false,
    ignoreClass: null,
    axis: -1,
  } satisfies Defaults<SparseCrossentropyOptions>
  static override readonly unwritten = ['axis']

  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const { axis, ignoreClass } = this.options
    const labels = classNumbers(this.name, yTrue, yPred, axis)
    assertClasses(this.name, labels, yPred.shape.at(axis)!, ignoreClass)
    return [labels.cast('int32'), yPred]
  }

  protected override counted(yTrue: Tensor): Tensor | undefined {
    return this.options.ignoreClass === null ? undefined : yTrue.notEqual(this.options.ignoreClass)
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, axis } = this.options
    const counted = this.counted(yTrue)
    const labels = counted ? counted.where(yTrue, 0) : yTrue
    // What is predicted where nothing counts, be it NaN, must not reach a gradient.
    const output = counted ? counted.expandDims(axis).where(yPred, 1) : yPred
    const losses = logProbabilities(output, fromLogits, axis).takeAlongAxis(labels.expandDims(axis), axis).squeeze(axis).neg()
    return counted ? counted.where(losses, 0) : losses
  }
}

export const binaryCrossentropy = lossFunction(BinaryCrossentropy)
export const categoricalCrossentropy = lossFunction(CategoricalCrossentropy)
export const sparseCategoricalCrossentropy = lossFunction(SparseCategoricalCrossentropy)
