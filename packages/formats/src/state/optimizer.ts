/** What an optimizer needs to go on: its slots, its step, its learning rate. */
import { LearningRateSchedule, optimizers, serializeSchedule, type Optimizer } from '@typegrad/optim'
import type { Model } from '@typegrad/model'
import { ValueError, type Tensor, type Variable } from '@typegrad/tensor'
import type { Assignment } from './assign.ts'

/** The numbers and options of an optimizer, as JSON. */
export interface OptimizerState {
  readonly class_name: string
  /** Options under Keras' names, without the learning rate. */
  readonly config: Readonly<Record<string, unknown>>
  /** Calls of `apply` so far. */
  readonly steps: number
  /** A number, a schedule as Keras writes it, or `null` for a function of yours, which a file cannot hold. */
  readonly learning_rate: number | object | null
}

/** The optimizer of a compiled model, with its slots, which it else makes at the first step. */
export function optimizerOf(model: Model): Optimizer | undefined {
  if (!model.compiled) return undefined
  if (model.built) model.optimizer.build(model.trainableWeights)
  return model.optimizer
}

/** All that an optimizer keeps, by the path of the variable it is for and the name of the slot. */
export function optimizerVariables(optimizer: Optimizer, weights: ReadonlyMap<string, Variable>): Map<string, Variable> {
  const paths = new Map([...weights].map(([path, weight]) => [weight, path]))
  const named = new Map<string, Variable>()
  for (const [variable, slots] of optimizer.allSlots) {
    const path = paths.get(variable)
    if (path === undefined)
      throw new ValueError(`the optimizer has trained the variable '${variable.name}', which is none of the model's weights`)
    for (const [slot, value] of Object.entries(slots)) named.set(`${path}/${slot}`, value)
  }
  optimizer.ownVariables.forEach((variable, i) => named.set(`own/${i}`, variable))
  return named
}

export function optimizerState(optimizer: Optimizer): OptimizerState {
  const { learningRate: rate, steps } = optimizer
  return {
    class_name: classOf(optimizer),
    config: optimizer.getOptions(),
    steps,
    learning_rate: typeof rate === 'number' ? rate : rate instanceof LearningRateSchedule ? serializeSchedule(rate) : null,
  }
}

const classOf = (optimizer: Optimizer): string =>
  Object.entries(optimizers).find(([, made]) => made === optimizer.constructor)?.[0] ?? optimizer.constructor.name

/** Plans to put the state back; the optimizer must be of the same class, with the same options. */
export function restoreOptimizer(
  optimizer: Optimizer,
  state: OptimizerState,
  weights: ReadonlyMap<string, Variable>,
  values: ReadonlyMap<string, Tensor>,
  assignment: Assignment,
): void {
  const own = optimizerState(optimizer)
  if (own.class_name !== state.class_name) {
    assignment.problems.push(`optimizer: ${state.class_name} in the file, ${own.class_name} in the model`)
    return
  }
  // A number is what training has made of the learning rate; a schedule is an option like others.
  const options = ({ config, learning_rate: rate }: OptimizerState): Record<string, unknown> => ({
    ...config,
    learning_rate: typeof rate === 'number' ? 'a number' : (rate ?? 'a function'),
  })
  const [saved, expected] = [options(state), options(own)]
  for (const key of new Set([...Object.keys(saved), ...Object.keys(expected)])) {
    const [given, wanted] = [JSON.stringify(saved[key]), JSON.stringify(expected[key])]
    if (given !== wanted) assignment.problems.push(`optimizer: ${key} is ${given} in the file, ${wanted} in the model`)
  }
  // The variables that had slots get them again.
  const names = [...values.keys()]
  optimizer.build([...weights].filter(([path]) => names.some((name) => name.startsWith(`${path}/`))).map(([, weight]) => weight))
  assignment.setAll('optimizer', optimizerVariables(optimizer, weights), values)
  assignment.also(() => {
    optimizer.steps = state.steps
    if (typeof state.learning_rate === 'number') optimizer.learningRate = state.learning_rate
  })
}
