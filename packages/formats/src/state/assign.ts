/** Giving variables the values of a file: all of them or none. */
import { formatShape, isFloat, sameShape, type Tensor, type Variable } from '@typegrad/tensor'

/** What is to be assigned, and why it cannot be. */
export class Assignment {
  readonly problems: string[] = []
  readonly #pairs: [Variable, Tensor][] = []
  readonly #actions: (() => unknown)[] = []
  readonly #exact: boolean

  /** Shapes and dtypes must be the variables'; unless `exact`, one float dtype may become another. */
  constructor({ exact = false }: { exact?: boolean } = {}) {
    this.#exact = exact
  }

  /** Plans to give a variable a value. */
  set(what: string, variable: Variable, value: Tensor | undefined): void {
    if (value === undefined) {
      this.problems.push(`${what}: missing in the file, the model has ${formatShape(variable.shape)}`)
    } else if (!sameShape(value.shape, variable.shape)) {
      this.problems.push(`${what}: ${formatShape(value.shape)} in the file, ${formatShape(variable.shape)} in the model`)
    } else if (value.dtype !== variable.dtype && (this.#exact || !(isFloat(value.dtype) && isFloat(variable.dtype)))) {
      this.problems.push(`${what}: ${value.dtype} in the file, ${variable.dtype} in the model`)
    } else this.#pairs.push([variable, value])
  }

  /** Plans to give variables the values of their names; a value without a variable is a problem, too. */
  setAll(what: string, variables: ReadonlyMap<string, Variable>, values: ReadonlyMap<string, Tensor>): void {
    for (const [name, variable] of variables) this.set(`${what} ${name}`, variable, values.get(name))
    for (const [name, { shape }] of values) {
      if (!variables.has(name)) this.problems.push(`${what} ${name}: ${formatShape(shape)} in the file, not in the model`)
    }
  }

  /** Plans anything else. */
  also(action: () => unknown): void {
    this.#actions.push(action)
  }

  /** Carries out the plan. */
  run(): void {
    for (const [variable, value] of this.#pairs) variable.assign(value.cast(variable.dtype))
    for (const action of this.#actions) action()
  }
}
