import { isWhole, valueOf, type Graph, type Value } from '../../../compile/trace.ts'
import type { Item } from '../../../compile/fuse.ts'
import { bytesPerElement } from '../../../dtype.ts'
import type { Tensor, Variable } from '../../../tensor.ts'
import { Heap } from '../heap.ts'

export const readBy = (item: Item): readonly Tensor[] => item.inputs

export const writtenBy = (item: Item): readonly Tensor[] => (item.kind === 'loop' ? item.outputs.map(({ x }) => x) : item.outputs)

const alignment = 64
/** Bytes after a value that whole vectors may touch. */
const spare = 64

const spaceOf = (value: Value): number => Math.ceil((value.bytes + spare) / alignment) * alignment

/** Where every value of a program lies: variables in blocks of their own, all others in one arena. */
export interface Plan {
  /** Bytes of the arena. */
  readonly bytes: number
  /** Where in the arena a value begins. */
  readonly offsets: ReadonlyMap<Value, number>
  /** Computed values that lie where the variable lies that they become the value of. */
  readonly inPlace: ReadonlyMap<Value, Variable>
  /** Variables that become copies of values at the end. */
  readonly copied: readonly { readonly variable: Variable; readonly value: Tensor }[]
}

/** Addresses of values, as code needs them. */
export interface Storage {
  address(x: Tensor): number
  /** Whether vectors may be written over the end of a view: nothing that is needed lies there, or it is written afterwards. */
  mayOverrun(x: Tensor): boolean
}

/** Plans the memory of a program: a value's space is free for others before its first writer and after its last reader. */
export function planStorage(graph: Graph, items: readonly Item[]): Plan {
  const firstWrite = new Map<Value, number>()
  const lastWrite = new Map<Value, number>()
  const lastRead = new Map<Value, number>()
  items.forEach((item, i) => {
    for (const x of readBy(item)) lastRead.set(valueOf(x), i)
    for (const x of writtenBy(item)) {
      if (!firstWrite.has(valueOf(x))) firstWrite.set(valueOf(x), i)
      lastWrite.set(valueOf(x), i)
    }
  })
  const end = items.length
  for (const x of graph.outputs) lastRead.set(valueOf(x), end)

  const inPlace = new Map<Value, Variable>()
  const copied: { variable: Variable; value: Tensor }[] = []
  const variables = new Map<Variable, Value>()
  for (const item of items)
    for (const x of readBy(item)) {
      const { origin } = valueOf(x)
      if (origin.kind === 'variable') variables.set(origin.variable, valueOf(x))
    }
  const sources = new Set(graph.assigned.map(({ value }) => valueOf(value)).filter(({ origin }) => origin.kind === 'variable'))
  for (const { variable, value } of graph.assigned) {
    const made = valueOf(value)
    const old = variables.get(variable)
    const writer = firstWrite.get(made)
    const fits =
      made.origin.kind === 'computed' &&
      isWhole(value) &&
      !inPlace.has(made) &&
      writer !== undefined &&
      lastWrite.get(made) === writer &&
      (!old || (!sources.has(old) && staysReadable(items[writer], writer, old, lastRead.get(old) ?? -1)))
    if (fits) inPlace.set(made, variable)
    else {
      copied.push({ variable, value })
      lastRead.set(made, end)
    }
  }

  const offsets = new Map<Value, number>()
  const heap = new Heap()
  let bytes = 0
  const place = (value: Value): void => {
    if (offsets.has(value) || inPlace.has(value) || value.origin.kind === 'variable') return
    const space = spaceOf(value)
    let at = heap.take(space)
    if (at === undefined) {
      at = bytes
      bytes += space
    }
    offsets.set(value, at)
  }
  // What is there before the first item stays: it is written once, or by the host.
  const lasting = [...graph.inputs, ...graph.numbers]
  for (const item of items) lasting.push(...readBy(item).map(valueOf))
  lasting.push(...graph.outputs.map(valueOf), ...copied.map(({ value }) => valueOf(value)))
  for (const value of lasting) if (value.origin.kind !== 'computed') place(value)
  items.forEach((item, i) => {
    for (const x of writtenBy(item)) place(valueOf(x))
    const seen = new Set([...readBy(item), ...writtenBy(item)].map(valueOf))
    for (const value of seen) {
      const last = Math.max(lastRead.get(value) ?? -1, lastWrite.get(value) ?? -1)
      const at = offsets.get(value)
      if (last === i && at !== undefined && value.origin.kind === 'computed') heap.give(at, spaceOf(value))
    }
  })
  return { bytes, offsets, inPlace, copied }
}

/** Whether an item may write over the value of a variable: nobody reads it later, and the item itself reads each element as it writes it. */
function staysReadable(item: Item, at: number, old: Value, lastRead: number): boolean {
  if (lastRead < at) return true
  if (lastRead > at || item.kind !== 'loop') return false
  return item.inputs.every((x) => valueOf(x) !== old || isWhole(x))
}

/** The address of a view, given that of its value. */
export const addressIn = (x: Tensor, start: number): number => start + x.layout.offset * bytesPerElement(x.dtype)
