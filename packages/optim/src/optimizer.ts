import {
  formatShape,
  full,
  sameShape,
  ShapeError,
  snakeCase,
  tensor,
  toTensor,
  update,
  ValueError,
  Variable,
  zeros,
  type Tensor,
  type TensorLike,
  type Update,
} from '@typegrad/tensor'
import { assertLearningRate, type LearningRate } from './schedule.ts'

export interface OptimizerOptions {
  readonly learningRate?: LearningRate
  readonly name?: string
  /** Decoupled decay: every step takes `weightDecay · learningRate · w` from a weight. */
  readonly weightDecay?: number
  /** The largest norm of one variable's gradient. */
  readonly clipnorm?: number
  /** The largest absolute value of an element of a gradient. */
  readonly clipvalue?: number
  /** The largest norm of all gradients together. */
  readonly globalClipnorm?: number
}

/** What an update rule reads besides the variable and its gradient: numbers of this step. */
export type StepNumbers = Readonly<Record<string, number>>

/**
 * An optimizer is its update rule: a kernel of formulas for the variable `w` and its slots (variables of its shape that
 * the optimizer keeps), and the numbers that the formulas read. The rest (clipping, decay, constraints) is here.
 */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  readonly options: O
  readonly name: string
  /** Steps taken so far. */
  iterations = 0
  /** The base learning rate (or schedule); may be set between steps. */
  learningRate: LearningRate
  readonly #slots = new Map<Variable, Record<string, Variable>>()

  constructor(options: O, defaultRate: number) {
    this.options = options
    this.name = options.name ?? snakeCase(new.target.name)
    this.learningRate = options.learningRate ?? defaultRate
    assertLearningRate(this.learningRate, new.target.name)
    for (const key of ['clipnorm', 'clipvalue', 'globalClipnorm', 'weightDecay'] as const) {
      const value = options[key]
      if (value !== undefined && !(value > 0 || (key === 'weightDecay' && value === 0))) {
        throw new ValueError(`${new.target.name}: ${key} must be positive, got ${value}`, { [key]: value })
      }
    }
    if (['clipnorm', 'clipvalue', 'globalClipnorm'].filter((key) => options[key as keyof O] !== undefined).length > 1) {
      throw new ValueError(`${new.target.name}: only one of clipnorm, clipvalue and globalClipnorm can be given`)
    }
  }

  /** The formulas of one step, from the variable `w`, its gradient `g`, the slots and {@link numbers}. */
  protected abstract get rule(): Update

  /** The numbers of step `t` (1 for the first) at learning rate `rate`. */
  protected abstract numbers(rate: number, t: number): StepNumbers

  /** What a slot begins with. */
  protected initialSlot(_slot: string): number {
    return 0
  }

  /** The learning rate of the next step. */
  currentLearningRate(): number {
    return typeof this.learningRate === 'number' ? this.learningRate : this.learningRate.call(this.iterations)
  }

  /** The slots of a variable by name, made when they are first asked for. */
  slots(variable: Variable): Readonly<Record<string, Variable>> {
    let slots = this.#slots.get(variable)
    if (!slots) {
      slots = Object.fromEntries(
        this.rule.variables
          .filter((slot) => slot !== 'w')
          .map((slot) => {
            const start = this.initialSlot(slot)
            const value =
              start === 0
                ? zeros(variable.shape, { dtype: variable.dtype })
                : full(variable.shape, start, { dtype: variable.dtype })
            return [slot, new Variable(value, { name: `${variable.name}_${snakeCase(slot)}`, trainable: false })]
          }),
      )
      this.#slots.set(variable, slots)
    }
    return slots
  }

  /** Makes the slots of all variables, as `fit` does before the first step. */
  build(variables: readonly Variable[]): void {
    for (const variable of variables) this.slots(variable)
  }

  /** All slots so far, in the order of their variables. */
  get variables(): Variable[] {
    return [...this.#slots.values()].flatMap((slots) => Object.values(slots))
  }

  /** One step: every variable moves against its gradient. `undefined` gradients leave their variables alone. */
  apply(grads: readonly (TensorLike | undefined)[], variables: readonly Variable[]): void {
    if (grads.length !== variables.length) {
      throw new ValueError(`${this.name}: ${grads.length} gradients for ${variables.length} variables`)
    }
    const pairs = variables.flatMap((variable, i) => {
      const grad = grads[i]
      return grad === undefined ? [] : [{ variable, grad: checked(toTensor(grad), variable, this.name) }]
    })
    if (pairs.length === 0) {
      throw new ValueError(
        `${this.name}: no gradient is given for any of ${variables.length} variables; was the loss computed from them?`,
      )
    }
    const rate = this.currentLearningRate()
    const numbers = this.numbers(rate, this.iterations + 1)
    const clipped = this.#clip(pairs.map(({ grad }) => grad))
    pairs.forEach(({ variable }, i) => {
      if (this.options.weightDecay) variable.assign(variable.mul(1 - this.options.weightDecay * rate))
      update(this.rule, { ...this.slots(variable), w: variable }, { g: clipped[i], ...numbers })
      if (variable.constraint) variable.assign(variable.constraint(variable.value))
    })
    this.iterations++
  }

  /** The same for pairs, as Keras has it: `optimizer.applyGradients(zip(grads, variables))`. */
  applyGradients(pairs: Iterable<readonly [TensorLike | undefined, Variable]>): void {
    const list = [...pairs]
    this.apply(
      list.map(([grad]) => grad),
      list.map(([, variable]) => variable),
    )
  }

  #clip(grads: readonly Tensor[]): readonly Tensor[] {
    const { clipnorm, clipvalue, globalClipnorm } = this.options
    if (clipvalue !== undefined) return grads.map((g) => g.clip(-clipvalue, clipvalue))
    if (clipnorm !== undefined) return grads.map((g) => scaleTo(g, g.norm(), clipnorm))
    if (globalClipnorm === undefined) return grads
    const norm = grads.reduce((sum, g) => sum.add(g.square().sum()), tensor(0)).sqrt()
    return grads.map((g) => scaleTo(g, norm, globalClipnorm))
  }
}

/** g scaled so that `norm` is at most `limit`. */
const scaleTo = (g: Tensor, norm: Tensor, limit: number): Tensor =>
  norm.greater(limit).where(g.mul(norm.reciprocal().mul(limit)), g)

function checked(grad: Tensor, variable: Variable, optimizer: string): Tensor {
  if (!sameShape(grad.shape, variable.shape)) {
    throw new ShapeError(
      `${optimizer}: the gradient of '${variable.name}' has shape ${formatShape(grad.shape)}, the variable ${formatShape(variable.shape)}`,
      { variable: variable.name },
    )
  }
  return grad
}

/** Pairs of the elements of two lists, as Python's `zip`; throws when their lengths differ. */
export function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  if (a.length !== b.length) throw new ValueError(`zip: lists of ${a.length} and ${b.length} elements`)
  return a.map((item, i) => [item, b[i]])
}
