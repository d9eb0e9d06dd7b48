/** Where steps compute, and how data comes there and back: on the host, tensors lie where they are used. */
import { currentBackend, internals, scope, Tensor, tensor, tracing, Variable, zeros, type Backend } from '@typegrad/tensor'

const { backendOn, copyOn, startBackend, withBackend } = internals

/** Where a model's steps are computed: on a backend of its own, or on the one that is current when they are. */
export class Placement {
  readonly #name: string | undefined
  #backend: Backend | undefined

  constructor(name: string | undefined) {
    this.#name = name
  }

  /** Starts the backend, if it has to be; what is computed before is computed on the current one. */
  async begin(): Promise<void> {
    // A device may be gone since the last time, the host is not.
    if (this.#name !== undefined && this.#backend?.device !== 'host') this.#backend = await startBackend(this.#name, 'compile')
  }

  /** Runs `f` there, to its first `await`. */
  run<T>(f: () => T): T {
    return this.#backend && !tracing() ? withBackend(this.#backend, f) : f()
  }
}

/** Whether the current backend computes where the host cannot see. */
export const onDevice = (): boolean => !tracing() && currentBackend().device !== 'host'

/** Runs `f` with a backend of the host. */
export const onHost = <T>(f: () => T): T => (onDevice() ? withBackend(backendOn('host'), f) : f())

/** The tensor where steps compute, if it comes from the host. */
export const uploaded = ({ value }: Tensor): Tensor =>
  onDevice() && value.buffer.device === 'host' ? copyOn(currentBackend(), value) : value

/** Brings the values of variables to where steps compute. */
export async function gather(variables: readonly Variable[]): Promise<void> {
  const backend = currentBackend()
  for (const variable of variables) {
    if (variable.buffer.device === backend.device) continue
    if (backend.device === 'host') variable.assign(await variable.to(backend.name))
    else withBackend(backend, () => scope(() => void variable.assign(uploaded(variable))))
  }
}

/** Runs `f` as a step and gives its results on the host, read together; the device keeps nothing of them. */
export async function fetched(f: () => readonly Tensor[]): Promise<Tensor[]> {
  const [backend, host] = [currentBackend(), backendOn('host').name]
  // What a variable lets go of is free at once, what a scope returns when the collector finds it.
  let held: Variable[] = []
  scope(() => {
    held = f().map((result) => new Variable(result))
  })
  const read = await Promise.all(held.map((variable) => variable.to(host)))
  const empty = (): void => held.forEach((variable) => variable.assign(zeros(variable.shape, { dtype: variable.dtype })))
  withBackend(backend, () => scope(empty))
  return read
}

/** What the host has of variables on a device that may be lost. */
export class Backup {
  #values: readonly (readonly [Variable, Tensor])[] = []

  /** Notes the values that variables have now. */
  async take(variables: readonly Variable[]): Promise<void> {
    const values = variables.map(async (variable): Promise<[Variable, Tensor]> => {
      const { buffer, layout, shape, dtype } = variable
      const value = new Tensor(buffer, layout, dtype)
      return [variable, buffer.device === 'host' ? value : tensor(await value.data(), { shape, dtype })]
    })
    this.#values = await Promise.all(values)
  }

  /** Gives the variables the values that were last noted. */
  restore(): void {
    for (const [variable, value] of this.#values) variable.assign(value)
  }
}
