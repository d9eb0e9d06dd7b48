import { isWhole, rootOf, valueOf, type Graph, type Turns, type Value } from '../../../compile/trace.ts'
import type { Item } from '../../../compile/fuse.ts'
import { bytesPerElement } from '../../../dtype.ts'
import type { Tensor, Variable } from '../../../tensor.ts'
import { type FunctionBuilder, i32, type Local } from '../assembler/index.ts'
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
  /** Values that lie where a value lies that nobody reads after the loop which writes them. */
  readonly reused: ReadonlySet<Value>
  /** Variables that become copies of values at the end. */
  readonly copied: readonly { readonly variable: Variable; readonly value: Tensor }[]
}

/** Addresses of values, as code needs them. */
export interface Storage {
  /** Of a slice, where it lies in the turn that is nearest to the beginning of its stack. */
  address(x: Tensor): number
  /** How many bytes behind that it lies: a slice in this turn, where code of the turn is being written; what a function is told in its call. */
  shift?(x: Tensor): Local<'i32'> | undefined
  /**
   * Whether vectors may be written over the end of a row of a view, or only over that of the last one, `atEnd`: nothing that is needed
   * lies there, or it is written afterwards.
   */
  mayOverrun(x: Tensor, atEnd?: boolean): boolean
}

/** Where a view begins, in a variable. */
export function beginOf(f: FunctionBuilder, x: Tensor, storage: Storage): Local<'i32'> {
  const address = i32.const(storage.address(x))
  const shift = storage.shift?.(x)
  return f.let(shift ? i32.add(shift, address) : address)
}

/** The items, by their numbers, that are the first and the last to write a value, and the last to read it. */
interface Use {
  first: number
  written: number
  read: number
}

const never = -1

/** Plans the memory of a program: a value's space is free for others before its first writer and after its last reader. */
export function planStorage(graph: Graph, items: readonly Item[]): Plan {
  const uses = new Map<Value, Use>()
  const useOf = (value: Value): Use => {
    let use = uses.get(value)
    if (!use) uses.set(value, (use = { first: never, written: never, read: never }))
    return use
  }
  // What is there beside a loop's turns must be there in all of them.
  const ends = new Map<Turns, number>()
  const begins = new Map<Turns, number>()
  items.forEach(({ turns }, i) => {
    if (!turns) return
    if (!begins.has(turns)) begins.set(turns, i)
    ends.set(turns, i)
  })
  /** The values that each item is the first to write, and the last to need. */
  const begun: Value[][] = items.map(() => [])
  const ended: Value[][] = items.map(() => [])
  const variables = new Map<Variable, Value>()
  items.forEach((item, i) => {
    const { turns } = item
    for (const x of readBy(item)) {
      const value = rootOf(valueOf(x))
      useOf(value).read = turns && value.turns !== turns ? ends.get(turns)! : i
      if (value.origin.kind === 'variable') variables.set(value.origin.variable, value)
    }
    for (const x of writtenBy(item)) {
      const value = rootOf(valueOf(x))
      const outside = turns && value.turns !== turns ? turns : undefined
      const use = useOf(value)
      if (use.first === never) {
        use.first = outside ? begins.get(outside)! : i
        begun[use.first].push(value)
      }
      use.written = outside ? ends.get(outside)! : i
    }
  })
  const end = items.length
  for (const x of graph.outputs) useOf(valueOf(x)).read = end

  const inPlace = new Map<Value, Variable>()
  const copied: { variable: Variable; value: Tensor }[] = []
  const sources = new Set(graph.assigned.map(({ value }) => valueOf(value)).filter(({ origin }) => origin.kind === 'variable'))
  for (const { variable, value } of graph.assigned) {
    const made = valueOf(value)
    const use = useOf(made)
    const old = variables.get(variable)
    const fits =
      made.origin.kind === 'computed' &&
      isWhole(value) &&
      !inPlace.has(made) &&
      use.first !== never &&
      use.written === use.first &&
      (!old || (!sources.has(old) && staysReadable(items[use.first], use.first, old, useOf(old).read)))
    if (fits) inPlace.set(made, variable)
    else {
      copied.push({ variable, value })
      use.read = end
    }
  }
  for (const [value, { written, read }] of uses) ended[Math.max(written, read)]?.push(value)

  const offsets = new Map<Value, number>()
  const reused = new Set<Value>()
  /** Values whose space is another's now. */
  const left = new Set<Value>()
  const heap = new Heap()
  let bytes = 0
  const place = (value: Value, over?: Value): void => {
    if (offsets.has(value) || inPlace.has(value) || value.origin.kind === 'variable') return
    if (over) {
      offsets.set(value, offsets.get(over)!)
      left.add(over)
      reused.add(value)
      return
    }
    const space = spaceOf(value)
    let at = heap.take(space)
    if (at === undefined) {
      at = bytes
      bytes += space
    }
    offsets.set(value, at)
  }
  // What is there before the first item stays: it is written once, or by the host.
  for (const value of [...graph.inputs, ...graph.numbers, ...uses.keys()]) if (value.origin.kind !== 'computed') place(value)
  items.forEach((item, i) => {
    const dying = ended[i]
    const free = dying.filter((value) => offsets.has(value) && mayBeWrittenOver(item, value))
    for (const value of begun[i]) {
      const over = isWrittenOver(item, value)
        ? free.findIndex(({ size, dtype }) => size === value.size && isAlike(dtype, value))
        : -1
      place(value, over < 0 ? undefined : free.splice(over, 1)[0])
    }
    for (const value of dying) {
      const at = offsets.get(value)
      if (at !== undefined && value.origin.kind === 'computed' && !left.has(value)) heap.give(at, spaceOf(value))
    }
  })
  return { bytes, offsets, inPlace, reused, copied }
}

/**
 * Whether an item may write over a value that nobody reads after it. A loop reads, at every index, all that it needs there before it
 * writes there: so what is written at an index may lie where only this index reads. That takes a value which is computed in the same turn
 * (another turn would read it again), of which no slices are taken, and of which the loop reads nothing but the whole, in order.
 */
function mayBeWrittenOver(item: Item, value: Value): boolean {
  if (item.kind !== 'loop' || value.origin.kind !== 'computed' || value.turns !== item.turns || value.stack) return false
  return (
    item.inputs.every((x) => rootOf(valueOf(x)) !== value || isWhole(x)) && !writtenBy(item).some((x) => valueOf(x) === value)
  )
}

/** Whether an item writes all of a value, element by element in the order of the loop. */
const isWrittenOver = (item: Item, value: Value): boolean =>
  item.kind === 'loop' &&
  value.turns === item.turns &&
  !value.stack &&
  item.outputs.some(({ x }) => valueOf(x) === value && isWhole(x))

const isAlike = (dtype: Value['dtype'], value: Value): boolean => bytesPerElement(dtype) === bytesPerElement(value.dtype)

/** Whether an item may write over the value of a variable: nobody reads it later, and the item itself reads each element as it writes it. */
function staysReadable(item: Item, at: number, old: Value, lastRead: number): boolean {
  if (lastRead < at) return true
  if (lastRead > at || item.kind !== 'loop') return false
  return item.inputs.every((x) => valueOf(x) !== old || isWhole(x))
}

/** The address of a view, given that of its value, or of what that is a slice of. */
export function addressIn(x: Tensor, start: number): number {
  const { origin } = valueOf(x)
  return start + (x.layout.offset + (origin.kind === 'slice' ? origin.start : 0)) * bytesPerElement(x.dtype)
}
