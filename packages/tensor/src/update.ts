import { kernel, type Kernel } from './formula/kernel.ts'
import { backendFor, currentBackend } from './backends/backend.ts'
import { scalar } from './convert.ts'
import { emptyTensor, type Tensor, type Variable } from './tensor.ts'
import { broadcastView } from './ops/movement.ts'
import { ShapeError, ValueError } from './errors.ts'
import { formatShape, sameShape } from './shape.ts'

/** An update rule: formulas that give variables their next values, in order; a later formula sees the earlier results. */
export interface Update {
  readonly kernel: Kernel
}

/**
 * `updateKernel(['w', 'm'], ['g', 'rate'], { m: '0.9 * m + g', w: 'w - rate * m' })`: an update of the variables w and m
 * from a gradient and a number. The formulas are named like the variables that they replace.
 */
export function updateKernel(
  variables: readonly string[],
  inputs: readonly string[],
  formulas: Readonly<Record<string, string>>,
): Update {
  for (const name of Object.keys(formulas)) {
    if (!variables.includes(name)) throw new ValueError(`updateKernel: ${name} is no variable, those are ${variables.join(', ')}`)
  }
  return { kernel: kernel([...variables, ...inputs], formulas) }
}

/** Runs an update: all variables get their next values by one kernel. Numbers among the inputs stand for all elements. */
export function update(
  rule: Update,
  variables: Readonly<Record<string, Variable>>,
  inputs: Readonly<Record<string, Tensor | number>>,
): void {
  const targets = rule.kernel.results.map(({ name }) => variables[name])
  const { shape, dtype } = targets[0]
  const read = rule.kernel.args.map((name) => {
    const given = variables[name] ?? inputs[name]
    if (given === undefined) throw new ValueError(`update: ${name} is read, but not given`, { name })
    const value = typeof given === 'number' ? scalar(given, dtype) : given.value
    if (value.rank > 0 && !sameShape(value.shape, shape)) {
      throw new ShapeError(`update: ${name} has shape ${formatShape(value.shape)}, the variable ${formatShape(shape)}`, { name })
    }
    return broadcastView(value, shape)
  })
  const backend = backendFor(read)
  const results = targets.map((target) => emptyTensor(shape, target.dtype, backend, true))
  if (results[0].size > 0) backend.elementwise(rule.kernel, read, results, dtype)
  targets.forEach((target, i) => target.assign(results[i]))
}

/** Variables that a rule updates together, with numbers that they share, as an optimizer does: a backend may do it by one kernel. */
export class UpdateGroup {
  readonly rule: Update
  /** For each set of variables of one shape, the rule's variables by name. */
  readonly members: readonly Readonly<Record<string, Variable>>[]

  constructor(rule: Update, members: readonly Readonly<Record<string, Variable>>[]) {
    this.rule = rule
    this.members = members
  }

  /** Runs {@link update} for every member, with inputs of its own and those that all have. */
  run(inputs: readonly Readonly<Record<string, Tensor>>[], shared: Readonly<Record<string, Tensor | number>>): void {
    if (currentBackend().updateGroup?.(this, inputs, shared)) return
    this.members.forEach((variables, i) => update(this.rule, variables, { ...shared, ...inputs[i] }))
  }
}
