import { lookup, ValueError } from '@typegrad/tensor'
import { Optimizer } from './optimizer.ts'
import * as optimizers from './optimizers.ts'

/** An optimizer's class name, or the same in lower case as Keras writes it. */
export type OptimizerName = keyof typeof optimizers | Lowercase<keyof typeof optimizers>
export type OptimizerLike = OptimizerName | Optimizer<any>

/** The optimizer that a name stands for, with its defaults, or the optimizer itself. */
export function resolveOptimizer(optimizer: OptimizerLike): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer
  if (typeof optimizer !== 'string') throw new ValueError(`optimizer: expected a name or an Optimizer, got ${String(optimizer)}`)
  const table = Object.fromEntries(
    Object.entries(optimizers).map(([name, Class]) => [name.toLowerCase(), Class as new () => Optimizer]),
  )
  return new (lookup('optimizer', optimizer.toLowerCase(), table))()
}
