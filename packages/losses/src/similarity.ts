import { eye, formatShape, ShapeError, type Tensor } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { epsilon } from './crossentropy.ts'
import { Loss, lossFunction, type LossOptions } from './loss.ts'

export interface CosineSimilarityOptions extends LossOptions {
  /** The axis of the vectors. @defaultValue `-1` */
  readonly axis?: number
}

/** x scaled to length 1 along an axis; shorter than 1e-7 it is scaled by 1e7. */
const normalize = (x: Tensor, axis: number): Tensor =>
  x.mul(
    x
      .square()
      .sum(axis, { keepdims: true })
      .maximum(epsilon * epsilon)
      .rsqrt(),
  )

/** The cosine of the angle between two vectors along an axis. */
export const cosine = (a: Tensor, b: Tensor, axis: number): Tensor => normalize(a, axis).mul(normalize(b, axis)).sum(axis)

/** `-cos(y, p)`: -1 for vectors of one direction, 0 for orthogonal ones. */
export class CosineSimilarity extends Loss<CosineSimilarityOptions> {
  static override readonly defaults = { ...Loss.defaults, axis: -1 } satisfies Defaults<CosineSimilarityOptions>
  static override readonly unwritten = ['axis']

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return cosine(yTrue, yPred, this.options.axis).neg()
  }
}

export interface CircleOptions extends LossOptions {
  /** How steep the loss is. @defaultValue `80` */
  readonly gamma?: number
  /** How relaxed it is: similar pairs shall be nearer than this, others farther than one minus it. @defaultValue `0.4` */
  readonly margin?: number
  /** Leaves out the pair of a sample with itself. @defaultValue `true` */
  readonly removeDiagonal?: boolean
}

/**
 * `softplus(logΣexp over similar pairs + logΣexp over others)` of weighted cosine distances `d`, for embeddings of length 1
 * (the predictions) and their class numbers (the targets): `-gamma · (margin + d) · (margin - d)` for similar pairs,
 * `gamma · (1 + margin - d) · (1 - margin - d)` for others. Samples without a pair do not count. Sun et al. (2020).
 */
export class Circle extends Loss<CircleOptions> {
  static override readonly defaults = {
    ...Loss.defaults,
    gamma: 80,
    margin: 0.4,
    removeDiagonal: true,
  } satisfies Defaults<CircleOptions>

  protected override align(yTrue: Tensor, yPred: Tensor): [Tensor, Tensor] {
    const labels = yTrue.rank === 2 && yTrue.shape[1] === 1 ? yTrue.squeeze(1) : yTrue
    if (yPred.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== yPred.shape[0]) {
      throw new ShapeError(
        `${this.name}: targets ${formatShape(yTrue.shape)} and predictions ${formatShape(yPred.shape)}, expected class numbers [n] and embeddings [n, size]`,
        { yTrue: yTrue.shape, yPred: yPred.shape },
      )
    }
    return [labels.cast('int32'), yPred]
  }

  protected override counted(_: Tensor, __: Tensor, values: Tensor): Tensor {
    return values.greater(0)
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    const { gamma, margin, removeDiagonal } = this.options
    const distance = yPred.matmul(yPred.transpose()).neg().add(1).maximum(0)
    const same = yTrue.expandDims(1).equal(yTrue.expandDims(0))
    const itself = eye(yTrue.size, yTrue.size, { dtype: 'bool' })
    const similar = removeDiagonal ? same.logicalAnd(itself.logicalNot()) : same
    const near = distance.add(margin).maximum(0).mul(distance.neg().add(margin)).mul(-gamma)
    const far = distance
      .neg()
      .add(1 + margin)
      .maximum(0)
      .mul(distance.neg().add(1 - margin))
      .mul(gamma)
    return similar.where(near, -Infinity).logsumexp(1).add(same.where(-Infinity, far).logsumexp(1)).logaddexp(0)
  }
}

export const cosineSimilarity = lossFunction(CosineSimilarity)
export const circle = lossFunction(Circle)
