import { bytesPerElement, type DType } from '../../dtype.ts'
import { contiguousLayout } from '../../layout.ts'
import { allocate } from '../../memory.ts'
import { Tensor, type Variable } from '../../tensor.ts'
import type { UpdateGroup } from '../../update.ts'
import { sameShape } from '../../shape.ts'
import { copyElements } from './copy.ts'
import { canRender } from './render.ts'
import { elementwiseKernel, runKernel, ways } from './elementwise-kernel.ts'
import { limits } from './limits.ts'
import { ResidentBuffer, writeElements } from './resident.ts'
import type { Block, Runtime } from './runtime.ts'
import { bytesOf, realOf, stageFlat, type Real } from './stage.ts'

/** Members begin at whole vectors. */
const vector = 4

/** The slots of a group side by side in WebAssembly memory, each at the same place of a stretch of its own. */
class Slots {
  readonly #runtime: Runtime
  readonly #block: Block
  readonly #buffers = new Map<Variable, ResidentBuffer>()
  readonly #step: number

  constructor(runtime: Runtime, count: number, bytes: number) {
    this.#runtime = runtime
    this.#step = bytes
    this.#block = runtime.hold(count * bytes)
  }

  address(slot: number): number {
    return this.#block.address + slot * this.#step
  }

  /** Brings a variable to its place; what others hold of it is copied before it is overwritten. */
  enter(variable: Variable, address: number): void {
    const buffer = this.#buffers.get(variable)
    if (buffer?.isSeen) buffer.leave()
    if (buffer && variable.buffer === buffer) {
      if (!buffer.isSeen) return
    } else writeElements(this.#runtime, variable, address)
    const { dtype, size, shape } = variable
    const place = new ResidentBuffer(
      this.#runtime,
      { address, bytes: size * bytesPerElement(dtype), owner: this.#block },
      dtype,
      size,
    )
    this.#buffers.set(variable, place)
    variable.store(place, contiguousLayout(shape))
  }
}

/** What a group is on a runtime: where each member begins, and which arguments of the kernel are what. */
interface Plan {
  readonly parent: Runtime
  readonly runtime: Runtime
  readonly type: Real
  readonly dtype: DType
  readonly starts: readonly number[]
  /** Elements from the first member to the end of the last, in whole tasks. */
  readonly length: number
  readonly slots: Slots
  readonly slotNames: readonly string[]
}

const plans = new WeakMap<UpdateGroup, Plan | null>()

/** Elements of a task of an elementwise kernel. */
const task = 16

function plan(parent: Runtime, { rule, members }: UpdateGroup): Plan | null {
  const { args, results } = rule.kernel
  const dtype = members[0][results[0].name].dtype
  const type = realOf(dtype)
  if (!type || !canRender(rule.kernel, type === 'f32' ? 'f32x4' : 'f64x2')) return null
  const names = args.filter((arg) => arg in members[0])
  const starts: number[] = []
  let length = 0
  for (const member of members) {
    const { shape, size } = member[names[0]]
    if (!names.every((name) => member[name]?.dtype === dtype && sameShape(member[name].shape, shape))) return null
    starts.push(length)
    length += Math.ceil(size / vector) * vector
  }
  length = Math.ceil(length / task) * task
  const slotNames = names.filter((name) => name !== 'w' && results.some((result) => result.name === name))
  const runtime = length < limits.parallel ? parent.local : parent
  return {
    parent,
    runtime,
    type,
    dtype,
    starts,
    length,
    slots: new Slots(runtime, slotNames.length, length * bytesOf[type]),
    slotNames,
  }
}

/**
 * Updates all variables of a group by one kernel. Slots stay where they are, and are changed in place; weights (`w`), which anybody
 * may hold, are brought there, and get fresh storage.
 */
export function updateGroup(
  parent: Runtime,
  group: UpdateGroup,
  inputs: readonly Readonly<Record<string, Tensor>>[],
  shared: Readonly<Record<string, Tensor | number>>,
): boolean {
  const { kernel } = group.rule
  let planned = plans.get(group)
  if (planned === undefined || (planned && planned.parent !== parent)) plans.set(group, (planned = plan(parent, group)))
  if (!planned) return false
  const { runtime, type, dtype, starts, length, slots, slotNames } = planned
  const bytes = bytesOf[type]
  const { members } = group
  const given = (name: string, i: number): Tensor | undefined => members[i][name] ?? inputs[i][name]
  // All that can stop it is looked at before anything is changed.
  for (const name of kernel.args) {
    const one = given(name, 0)
    if (!one) {
      const value = shared[name]
      if (value === undefined || (typeof value !== 'number' && (value.rank > 0 || !value.buffer.array))) return false
    } else if (!members.every((_, i) => given(name, i)!.dtype === dtype && given(name, i)!.buffer.array)) return false
  }
  for (const [k, name] of slotNames.entries())
    for (let i = 0; i < members.length; i++) slots.enter(members[i][name], slots.address(k) + starts[i] * bytes)
  runtime.begin()
  let code = 0
  const addresses = kernel.args.map((name, position) => {
    const slot = slotNames.indexOf(name)
    if (slot >= 0) return slots.address(slot)
    if (!given(name, 0)) {
      const value = shared[name]
      code += ways.number * 4 ** position
      const address = runtime.reserve(bytes)
      runtime[type][address / bytes] = typeof value === 'number' ? value : value.array[value.layout.offset]
      return address
    }
    const address = runtime.reserve(length * bytes)
    for (let i = 0; i < members.length; i++) stageFlat(runtime, given(name, i)!, address + starts[i] * bytes, type)
    return address
  })
  const results = kernel.results.map(({ name }) => addresses[kernel.args.indexOf(name)])
  const job = runtime.job(4 * (addresses.length + results.length))
  runtime.i32.set([...addresses, ...results], job >> 2)
  runKernel(runtime, elementwiseKernel(runtime, kernel, code, false, type), job, length)
  const { buffer, offset } = allocate(dtype, length, true)
  const from = results[kernel.results.findIndex(({ name }) => name === 'w')] / bytes
  copyElements(runtime[type], from, length, buffer.array!, offset)
  for (let i = 0; i < members.length; i++) {
    const { w } = members[i]
    w.assign(new Tensor(buffer, contiguousLayout(w.shape, offset + starts[i]), dtype))
  }
  return true
}
