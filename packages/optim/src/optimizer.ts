import {
  full,
  hostChoice,
  hostEffect,
  hostNumber,
  hostNumbers,
  snakeCase,
  update,
  UpdateGroup,
  updateKernel,
  ValueError,
  Variable,
  zeros,
  type Tensor,
  type Update,
} from '@typegrad/tensor'
import { Configured, type Config } from '@typegrad/tensor/config'
import { clip, pairsOf, type Gradient, type Pair } from './gradients.ts'
import { checkValues, optimizerDefaults, type OptimizerOptions } from './options.ts'
import { assertLearningRate, type LearningRate } from './schedule.ts'
import { resolveLearningRate, serializeLearningRate } from './serialize.ts'

/** What an update rule reads besides the variable and its gradient: numbers of this step. */
export type StepNumbers = Readonly<Record<string, number>>

/** The same as a step gets them: in a compiled step they are tensors, for they differ from run to run. */
export type LiveNumbers = Readonly<Record<string, number | Tensor>>

const decay = updateKernel(['w'], ['share'], { w: 'w - share * w' })
const addUp = updateKernel(['gradientAccumulator'], ['g'], { gradientAccumulator: 'gradientAccumulator + g' })
const moveAverage = updateKernel(['average'], ['w', 'momentum'], { average: 'momentum * average + (1 - momentum) * w' })
const takeAverage = updateKernel(['w'], ['average'], { w: 'average' })

/**
 * An optimizer is its update rule: a kernel of formulas for the variable `w` and its slots (variables of its shape that
 * the optimizer keeps), and the numbers that the formulas read. The rest (clipping, decay, averages, constraints) is here.
 */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> extends Configured<O> {
  static override readonly defaults = optimizerDefaults
  readonly name: string
  /** Calls of {@link apply} so far; a learning-rate schedule is asked for this step. */
  steps = 0
  #learningRate: LearningRate
  readonly #slots = new Map<Variable, Record<string, Variable>>()
  #groups: readonly UpdateGroup[] = []
  #isSpared: (variable: Variable) => boolean = () => false

  constructor(options: NoInfer<O> = {} as O) {
    super(options)
    this.name = options.name ?? snakeCase(new.target.name)
    checkValues(new.target.name, this.options, new.target.defaults)
    this.#learningRate = resolveLearningRate(this.options.learningRate!, new.target.name)
  }

  /** The formulas of one step, from the variable `w`, its gradient `g`, the slots and {@link numbers}. */
  protected abstract get rule(): Update

  /** The numbers of iteration `t` (1 for the first) at learning rate `rate`. */
  protected abstract numbers(rate: number, t: number): StepNumbers

  /** Moves a variable against its gradient: by the rule, unless formulas cannot say it. */
  protected step(variable: Variable, g: Tensor, numbers: LiveNumbers): void {
    update(this.rule, { ...this.slots(variable), w: variable }, { g, ...numbers })
  }

  /** Called before an iteration updates the variables. */
  protected beginIteration(): void {}

  /** The names of the slots, in groups: those of one group are kept together, variable by variable, as Keras keeps them. */
  protected get slotGroups(): readonly (readonly string[])[] {
    return [slotsOf(this.rule)]
  }

  /** A slot before the first step; `undefined` where the variable has none of this name. */
  protected makeSlot(slot: string, variable: Variable): Variable | undefined {
    return newSlot(slot, variable, this.initialSlot(slot))
  }

  /** What a slot begins with. */
  protected initialSlot(_slot: string): number {
    return 0
  }

  /** @internal What the optimizer keeps besides slots. */
  get ownVariables(): readonly Variable[] {
    return []
  }

  /** The decay of a variable, `null` for none. */
  protected decayOf(_variable: Variable): number | null {
    return this.options.weightDecay!
  }

  /** Iterations so far: the steps, or those in which accumulated gradients were applied. */
  get iterations(): number {
    return Math.floor(this.steps / this.#every)
  }

  set iterations(value: number) {
    this.steps = value * this.#every
  }

  /** The steps that gradients are accumulated for. */
  get #every(): number {
    return this.options.gradientAccumulationSteps ?? 1
  }

  /** The learning rate, or its schedule; may be set between steps. */
  get learningRate(): LearningRate {
    return this.#learningRate
  }

  set learningRate(rate: LearningRate) {
    assertLearningRate(rate, this.name)
    this.#learningRate = rate
  }

  /** The learning rate of the next step. */
  currentLearningRate(): number {
    const rate = this.#learningRate
    const value = typeof rate === 'number' ? rate : typeof rate === 'function' ? rate(this.steps) : rate.call(this.steps)
    if (Number.isFinite(value)) return value
    throw new ValueError(`${this.name}: the learning rate of step ${this.steps} is ${value}, expected a number`, {
      step: this.steps,
    })
  }

  get #baseGroups(): readonly (readonly string[])[] {
    return [...(this.options.useEma ? [['average']] : []), ...(this.#every > 1 ? [['gradientAccumulator']] : [])]
  }

  /** The slots of a variable by name, made when they are first asked for. */
  slots(variable: Variable): Readonly<Record<string, Variable>> {
    let slots = this.#slots.get(variable)
    if (!slots) {
      slots = {}
      for (const name of this.#baseGroups.flat()) slots[name] = newSlot(name, variable)
      for (const name of this.slotGroups.flat()) {
        const slot = this.makeSlot(name, variable)
        if (slot) slots[name] = slot
      }
      this.#slots.set(variable, slots)
    }
    return slots
  }

  /** @internal The slots of all variables seen so far. */
  get allSlots(): ReadonlyMap<Variable, Readonly<Record<string, Variable>>> {
    return this.#slots
  }

  /** Makes the slots of all variables, as `fit` does before the first step. */
  build(variables: readonly Variable[]): void {
    for (const variable of variables) this.slots(variable)
  }

  /** All that the optimizer keeps, in the order of Keras' files (where the step and the learning rate come before it). */
  get variables(): Variable[] {
    const all = [...this.#slots.values()]
    const groups = [...this.#baseGroups, ...this.slotGroups]
    const slots = groups.flatMap((group) => all.flatMap((one) => group.flatMap((name) => one[name] ?? [])))
    return [...slots, ...this.ownVariables]
  }

  /** One step: every variable moves against its gradient. `undefined` gradients leave their variables alone. */
  apply(grads: readonly Gradient[], variables: readonly Variable[]): void {
    const { lossScaleFactor: scale, useEma } = this.options
    const given = pairsOf(this.name, grads, variables)
    const pairs = scale ? given.map(({ variable, grad }) => ({ variable, grad: grad.div(scale) })) : given
    this.build(variables)
    if (this.#every === 1 || hostChoice(() => (this.steps + 1) % this.#every === 0)) this.#iterate(pairs)
    else for (const { variable, grad } of pairs) update(addUp, this.slots(variable), { g: grad })
    if (useEma) this.#average()
    for (const { variable } of pairs) if (variable.constraint) variable.assign(variable.constraint(variable.value))
    hostEffect(() => void this.steps++)
  }

  /** The same for pairs, as Keras has it: `optimizer.applyGradients(zip(grads, variables))`. */
  applyGradients(pairs: Iterable<readonly [Gradient, Variable]>): void {
    const list = [...pairs]
    this.apply(
      list.map(([grad]) => grad),
      list.map(([, variable]) => variable),
    )
  }

  #iterate(pairs: readonly Pair[]): void {
    const clipped = clip(
      this.#every === 1 ? pairs.map(({ grad }) => grad) : this.#takeAccumulated(pairs),
      this.options as OptimizerOptions,
    )
    this.beginIteration()
    for (const dtype of new Set(pairs.map(({ variable }) => variable.dtype))) {
      const numbers = hostNumbers(() => this.numbers(this.currentLearningRate(), this.iterations + 1), dtype)
      const variables: Variable[] = []
      const gradients: Tensor[] = []
      pairs.forEach(({ variable }, i) => {
        if (variable.dtype !== dtype) return
        const decays = this.#isSpared(variable) ? null : this.decayOf(variable)
        if (decays) update(decay, { w: variable }, { share: hostNumber(() => decays * this.currentLearningRate(), dtype) })
        variables.push(variable)
        gradients.push(clipped[i])
      })
      this.stepAll(variables, gradients, numbers)
    }
  }

  /** The same for several variables of one dtype. */
  protected stepAll(variables: readonly Variable[], gradients: readonly Tensor[], numbers: LiveNumbers): void {
    if (this.step !== Optimizer.prototype.step) variables.forEach((variable, i) => this.step(variable, gradients[i], numbers))
    else
      this.#groupOf(variables).run(
        gradients.map((g) => ({ g })),
        numbers,
      )
  }

  #groupOf(variables: readonly Variable[]): UpdateGroup {
    const { rule } = this
    const known = this.#groups.find(
      (group) =>
        group.rule === rule &&
        group.members.length === variables.length &&
        variables.every((w, i) => group.members[i]['w'] === w),
    )
    if (known) return known
    const members = variables.map((w) => ({ ...this.slots(w), w }))
    const group = new UpdateGroup(rule, members)
    // Another choice of the same variables takes the place of this one.
    this.#groups = [...this.#groups.filter(({ members: [{ w }] }) => w.dtype !== variables[0].dtype), group]
    return group
  }

  /** The mean gradients since the last iteration. */
  #takeAccumulated(pairs: readonly Pair[]): Tensor[] {
    const means = pairs.map(({ variable, grad }) => this.slots(variable)['gradientAccumulator'].add(grad).div(this.#every))
    for (const { gradientAccumulator: sum } of this.#slots.values()) sum.assign(zeros(sum.shape, { dtype: sum.dtype }))
    return means
  }

  #average(): void {
    const { emaMomentum, emaOverwriteFrequency: every } = this.options
    const momentum = hostNumber(() => (this.iterations === 0 ? 0 : emaMomentum!))
    for (const [w, { average }] of this.#slots) update(moveAverage, { average }, { w, momentum })
    if (every && hostChoice(() => (this.iterations + 1) % every === 0)) this.finalizeVariableValues()
  }

  /** With `useEma`: replaces variables (all that were seen, by default) by their averages, as at the end of training. */
  finalizeVariableValues(variables: readonly Variable[] = [...this.#slots.keys()]): void {
    if (!this.options.useEma) return
    for (const w of variables) update(takeAverage, { w }, { average: this.slots(w)['average'] })
  }

  /** Spares variables from weight decay: those given, and those whose name matches one of the regular expressions. */
  excludeFromWeightDecay({ varList = [], varNames = [] }: Exclusions): void {
    const spared = new Set(varList)
    const patterns = varNames.map((name) => new RegExp(name))
    this.#isSpared = (variable) => spared.has(variable) || patterns.some((pattern) => pattern.test(variable.name))
  }

  /** The loss times `lossScaleFactor`: what gradients are to be taken of. */
  scaleLoss(loss: Tensor): Tensor {
    return this.options.lossScaleFactor ? loss.mul(this.options.lossScaleFactor) : loss
  }

  /** @internal The options under Keras' names, without the learning rate, which changes. */
  getOptions(): Config {
    const { learning_rate: _, ...options } = super.getConfig()
    return options
  }

  override getConfig(): Config {
    return { name: this.name, ...super.getConfig(), learning_rate: serializeLearningRate(this.#learningRate) }
  }
}

export interface Exclusions {
  readonly varList?: readonly Variable[]
  readonly varNames?: readonly (string | RegExp)[]
}

/** The names of the variables that a rule changes besides `w`, in the order in which the rule takes them. */
export const slotsOf = ({ kernel: { args, results } }: Update): readonly string[] =>
  args.filter((arg) => arg !== 'w' && results.some(({ name }) => name === arg))

/** A variable of another one's shape, filled with `start`. */
export function newSlot(slot: string, variable: Variable, start = 0): Variable {
  const { shape, dtype } = variable
  const value = start === 0 ? zeros(shape, { dtype }) : full(shape, start, { dtype })
  return new Variable(value, { name: `${variable.name}_${snakeCase(slot)}`, trainable: false })
}
