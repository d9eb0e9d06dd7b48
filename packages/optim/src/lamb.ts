import { update, updateKernel, type Tensor, type Update, type Variable } from '@typegrad/tensor'
import { moments, momentsDefaults, type MomentsOptions } from './adam.ts'
import { Optimizer, type LiveNumbers, type StepNumbers } from './optimizer.ts'

const average = updateKernel(['momentum', 'velocity'], ['g', 'beta1', 'beta2'], moments)
const move = updateKernel(['w'], ['direction', 'ratio', 'rate'], { w: 'w - rate * ratio * direction' })

/**
 * You et al. (2019): {@link Adam} whose step has the length of the weights, `r = m̂ / (√v̂ + ε); w ← w - rate · |w| / |r| · r`
 * (the ratio is 1 where a norm is 0). For large batches. Default learning rate 0.001.
 */
export class Lamb extends Optimizer<MomentsOptions> {
  static override readonly defaults = momentsDefaults

  protected get rule(): Update {
    return average
  }

  protected numbers(rate: number, t: number): StepNumbers {
    const { beta1, beta2, epsilon } = this.options
    return { rate, beta1, beta2, epsilon, unbias1: 1 / (1 - beta1 ** t), unbias2: 1 / (1 - beta2 ** t) }
  }

  protected override step(w: Variable, g: Tensor, { rate, beta1, beta2, epsilon, unbias1, unbias2 }: LiveNumbers): void {
    const { momentum, velocity } = this.slots(w)
    update(average, { momentum, velocity }, { g, beta1, beta2 })
    const direction = momentum.mul(unbias1).div(velocity.mul(unbias2).sqrt().add(epsilon))
    const [size, length] = [w.norm(), direction.norm()]
    const ratio = size.greater(0).logicalAnd(length.greater(0)).where(size.div(length), 1)
    update(move, { w }, { direction, ratio, rate })
  }
}
