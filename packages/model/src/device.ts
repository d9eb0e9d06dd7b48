/** Where steps compute, and how data comes there and back: on the host, tensors lie where they are used. */
import { currentBackend, internals, scope, tracing, Variable, zeros, type Tensor } from '@typegrad/tensor'

const { backendOn, copyOn, withBackend } = internals

/** Whether the current backend computes where the host cannot see. */
export const onDevice = (): boolean => !tracing() && currentBackend().device !== 'host'

/** Runs `f` with a backend of the host. */
export const onHost = <T>(f: () => T): T => (onDevice() ? withBackend(backendOn('host'), f) : f())

/** The tensor where steps compute, if it comes from the host. */
export const uploaded = ({ value }: Tensor): Tensor =>
  onDevice() && value.buffer.device === 'host' ? copyOn(currentBackend(), value) : value

/** Brings the values of variables to where steps compute. */
export async function gather(variables: readonly Variable[]): Promise<void> {
  const { device, name } = currentBackend()
  for (const variable of variables) {
    if (variable.buffer.device === device) continue
    if (onDevice()) scope(() => void variable.assign(uploaded(variable)))
    else variable.assign(await variable.to(name))
  }
}

/** Runs `f` as a step and gives its results on the host, read together; the device keeps nothing of them. */
export async function fetched(f: () => readonly Tensor[]): Promise<Tensor[]> {
  const host = backendOn('host').name
  // What a variable lets go of is free at once, what a scope returns when the collector finds it.
  let held: Variable[] = []
  scope(() => {
    held = f().map((result) => new Variable(result))
  })
  const read = await Promise.all(held.map((variable) => variable.to(host)))
  scope(() => held.forEach((variable) => variable.assign(zeros(variable.shape, { dtype: variable.dtype }))))
  return read
}
