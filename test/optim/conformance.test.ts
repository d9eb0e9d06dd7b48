import { deserializeOptimizer, deserializeSchedule, type Schedule } from '@typegrad/optim'
import { tensor, Variable } from '@typegrad/tensor'
import { conformance, fromGolden, golden, moreOf, type Check, type GoldenCase, type GoldenTensor } from '../conformance.ts'

interface Described {
  readonly class: string
  readonly config: Readonly<Record<string, unknown>>
}

interface OptimizerCase extends GoldenCase, Described {
  readonly schedule?: Described
  /** The name of a gradient set. */
  readonly gradients: string
  readonly exclude_from_weight_decay?: { readonly var_names: readonly string[] }
  readonly learning_rate: GoldenTensor
  readonly variables: readonly (readonly GoldenTensor[])[]
  readonly slots: Readonly<Record<string, GoldenTensor>>
  readonly iterations: number
  readonly finalized?: readonly GoldenTensor[]
}

interface GradientSet {
  readonly initial: readonly GoldenTensor[]
  readonly gradients: readonly (readonly GoldenTensor[])[]
}

const file = golden<OptimizerCase>('optimizers')
const more = moreOf(file)
const sets = { ...(file['gradient_sets'] as object), ...(more['gradient_sets'] as object) } as Readonly<
  Record<string, GradientSet>
>
const names = (file['variables'] as readonly { name: string }[]).map(({ name }) => name)

const serialized = ({ class: name, config }: Described) => ({ class_name: name, config })

function run(one: OptimizerCase, check: Check): void {
  const config = one.schedule ? { ...one.config, learning_rate: serialized(one.schedule) } : one.config
  const optimizer = deserializeOptimizer({ class_name: one.class, config })
  const set = sets[one.gradients]
  const variables = set.initial.map((value, i) => new Variable(fromGolden(value), { name: names[i] }))
  if (one.exclude_from_weight_decay) optimizer.excludeFromWeightDecay({ varNames: one.exclude_from_weight_decay.var_names })
  const rates = set.gradients.map((gradients, step) => {
    const rate = optimizer.currentLearningRate()
    optimizer.apply(gradients.map(fromGolden), variables)
    variables.forEach((variable, i) => check('variables', variable, one.variables[step][i]))
    return rate
  })
  check('learning_rate', tensor(Float64Array.from(rates)), one.learning_rate)

  // Keras names slots by the variable's path, dense/kernel; of slots with one name the file has the last one.
  const slots = new Map(optimizer.variables.map((slot) => [slot.name, slot]))
  const expected = Object.entries(one.slots).map(([name, value]) => [name.replace('dense_', ''), value] as const)
  if ([...slots.keys()].join() !== expected.map(([name]) => name).join()) throw new Error(`slots ${[...slots.keys()].join()}`)
  for (const [name, value] of expected) check('slots', slots.get(name), value)
  if (optimizer.iterations !== one.iterations) throw new Error(`${optimizer.iterations} iterations, expected ${one.iterations}`)

  optimizer.finalizeVariableValues(variables)
  one.finalized?.forEach((expected, i) => check('finalized', variables[i], expected))
}

conformance('optimizers', file, run)
conformance('optimizers: more', more, run)

interface ScheduleCase extends GoldenCase, Described {
  readonly steps: readonly number[]
  readonly values: GoldenTensor
}

function runSchedule(one: ScheduleCase, check: Check): void {
  const schedule: Schedule = deserializeSchedule(serialized(one))
  check('values', tensor(Float64Array.from(one.steps, (step) => schedule.call(step))), one.values)
}

const schedules = golden<ScheduleCase>('schedules')
conformance('schedules', schedules, runSchedule)
conformance('schedules: more', moreOf(schedules), runSchedule)
