import type { Runtime } from '../runtime.ts'
import type { ProgramCode } from './code.ts'

/** The parts of a program as functions; what threads share of it goes with its owner. */
export function link(runtime: Runtime, { module, loops, kernels, parts }: ProgramCode, owner: object): (() => void)[] {
  const functions = Object.fromEntries(kernels.map((kernel) => [`k${kernel}`, runtime.function(kernel)]))
  const instance = new WebAssembly.Instance(module.compile(), { env: { memory: runtime.memory }, kernels: functions })
  const own = instance.exports as Record<string, () => void>
  const shared = parts.some(({ kind }) => kind === 'loop') ? runtime.add(loops, owner) : {}
  return parts.map((part) => {
    if (part.kind === 'function') return own[part.name]
    if (part.kind === 'host') return part.call
    if (part.kind === 'loop') return () => runtime.run(shared[part.name], 0, part.split)
    return () => runtime.run(part.kernel, part.job, part.split)
  })
}
