import { scalar, update, updateKernel, Variable, zeros, type Tensor, type Update } from '@typegrad/tensor'
import type { Defaults } from '@typegrad/tensor/config'
import { Optimizer, newSlot, type LiveNumbers, type StepNumbers } from './optimizer.ts'
import type { OptimizerOptions } from './options.ts'

export interface AdafactorOptions extends OptimizerOptions {
  /** How fast the memory of squares grows: `β₂ = 1 - t^beta2Decay`. @defaultValue `-0.8` */
  readonly beta2Decay?: number
  /** Added to squared gradients. @defaultValue `1e-30` */
  readonly epsilon1?: number
  /** The smallest size of a variable that steps are scaled by. @defaultValue `0.001` */
  readonly epsilon2?: number
  /** The largest root mean square of an update. @defaultValue `1` */
  readonly clipThreshold?: number
  /** Limits the learning rate by `1 / √t`. As in Keras, the rule does that anyway. @defaultValue `true` */
  readonly relativeStep?: boolean
}

const blend = updateKernel(['mean'], ['x', 'beta'], { mean: 'beta * mean + (1 - beta) * x' })
const move = updateKernel(['w'], ['direction', 'alpha', 'excess'], { w: 'w - alpha * direction / excess' })

const rms = (x: Tensor): Tensor => x.square().mean().sqrt()

/**
 * Shazeer and Stern (2018): Adam-like, but keeps the squares of a matrix as the means of its rows and columns,
 * `v = r cᵀ / mean(r)`; steps are scaled by the size of the variable and limited. Default learning rate 0.001.
 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  static override readonly defaults = {
    ...Optimizer.defaults,
    beta2Decay: -0.8,
    epsilon1: 1e-30,
    epsilon2: 0.001,
    clipThreshold: 1,
    relativeStep: true,
  } satisfies Defaults<AdafactorOptions>

  protected get rule(): Update {
    return move
  }

  protected override get slotGroups(): readonly (readonly string[])[] {
    return [['rows', 'columns', 'velocity']]
  }

  /** Vectors have no rows and columns; Keras keeps an integer 0 for each. */
  protected override makeSlot(slot: string, w: Variable): Variable {
    if (slot === 'velocity') return newSlot(slot, w)
    const shape = slot === 'rows' ? w.shape.slice(0, -1) : [...w.shape.slice(0, -2), w.shape.at(-1)!]
    const value = w.rank < 2 ? scalar(0, 'int32') : zeros(shape, { dtype: w.dtype })
    return new Variable(value, { name: w.name, trainable: false })
  }

  protected numbers(rate: number, t: number): StepNumbers {
    return { rate: Math.min(rate, 1 / Math.sqrt(t)), beta: 1 - t ** this.options.beta2Decay }
  }

  protected override step(w: Variable, g: Tensor, { rate, beta }: LiveNumbers): void {
    const { epsilon1, epsilon2, clipThreshold } = this.options
    const { rows, columns, velocity } = this.slots(w)
    // 1e-30 is above the smallest float32, its square is not: it must be added to the square.
    const squares = g.square().add(epsilon1)
    if (w.rank < 2) update(blend, { mean: velocity }, { x: squares, beta })
    else {
      update(blend, { mean: rows }, { x: squares.mean(-1), beta })
      update(blend, { mean: columns }, { x: squares.mean(-2), beta })
      const share = rows.div(rows.mean(-1, { keepdims: true }))
      velocity.assign(share.expandDims(-1).mul(columns.expandDims(-2)))
    }
    const direction = g.div(velocity.sqrt())
    const alpha = rms(w).maximum(epsilon2).mul(rate)
    update(move, { w }, { direction, alpha, excess: rms(direction).div(clipThreshold).maximum(1) })
  }
}
