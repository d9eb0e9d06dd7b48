/** Items that do the same at other places: their code is written once, as a function of the places. */
import type { Item, Loop } from '../../../compile/fuse.ts'
import { sameShape } from '../../../shape.ts'
import type { Tensor } from '../../../tensor.ts'
import { type Func, type FunctionBuilder, i32, integers, type Local, type ModuleBuilder } from '../assembler/index.ts'
import { isPadded, type LoopRange, vectorsOf } from './loop.ts'
import { readBy, writtenBy, type Storage } from './storage.ts'

/** Writes the code of an item whose operands lie where `storage` says; of a loop of one axis, the part of a range. */
export type WriteItem = (f: FunctionBuilder, storage: Storage, range?: LoopRange) => void

interface Repeat {
  readonly item: Item
  readonly operands: readonly Tensor[]
  /** Whether it is a loop of one line of whole vectors: how many there are makes no difference. */
  readonly isLine: boolean
}

interface Shared {
  readonly func: Func<Record<string, 'i32'>, 'none'>
  /** For each operand the parameter that says where it lies: none for one that is the same for all, one for those that move alike. */
  readonly places: readonly (string | undefined)[]
}

/** Updates of weights, sums of a kind, the loops of equal layers: less to write and to compile, and as fast. */
export class Repeats {
  readonly #storage: Storage
  readonly #groups = new Map<Item, Repeat[]>()
  readonly #shared = new Map<readonly Repeat[], Shared>()

  constructor(items: readonly Item[], storage: Storage) {
    this.#storage = storage
    const alike = new Map<unknown, Item[]>()
    for (const item of items) {
      const key = item.kind === 'loop' ? item.kernel : item.kind
      const others = alike.get(key)
      if (others) others.push(item)
      else alike.set(key, [item])
    }
    for (const candidates of alike.values()) if (candidates.length > 1) this.#group(candidates)
  }

  #group(items: readonly Item[]): void {
    const groups: Repeat[][] = []
    for (const item of items) {
      const isLine = item.kind === 'loop' && isPadded(item, this.#storage)
      const repeat = { item, operands: [...readBy(item), ...writtenBy(item)], isLine }
      let group = groups.find(([first]) => this.#isSame(first, repeat))
      if (group) group.push(repeat)
      else groups.push((group = [repeat]))
      this.#groups.set(item, group)
    }
  }

  /** Writes an item where `f` stands: a call of what it has in common with others, or all of it. */
  write(f: FunctionBuilder, module: ModuleBuilder, item: Item, write: WriteItem): void {
    const group = this.#groups.get(item)
    if (!group || group.length === 1) return write(f, this.#storage)
    let shared = this.#shared.get(group)
    if (!shared) this.#shared.set(group, (shared = this.#share(group, module, write)))
    const { operands, isLine } = group.find((repeat) => repeat.item === item)!
    const args: Record<string, number> = { vectors: isLine ? vectorsOf(item as Loop) : 0 }
    shared.places.forEach((place, i) => {
      if (place !== undefined) args[place] = this.#storage.address(operands[i])
    })
    f.do(shared.func.call(args))
  }

  #share(group: readonly Repeat[], module: ModuleBuilder, write: WriteItem): Shared {
    const [{ operands, isLine }] = group
    const addresses = operands.map((_, i) => group.map((repeat) => this.#storage.address(repeat.operands[i])))
    const places = addresses.map((list, i) => {
      if (list.every((address) => address === list[0])) return undefined
      return `place${addresses.findIndex((other, k) => k <= i && sameShape(other, list))}`
    })
    const params = integers('vectors', ...new Set(places.filter((place) => place !== undefined)))
    const func = module.func(`shared${this.#shared.size}`, { params }, (f, p: Record<string, Local<'i32'>>) => {
      const at = (x: Tensor): string | undefined => places[operands.indexOf(x)]
      const storage: Storage = {
        address: (x) => (at(x) === undefined ? this.#storage.address(x) : 0),
        shift: (x) => p[at(x) ?? ''],
        mayOverrun: (x, atEnd) => this.#storage.mayOverrun(x, atEnd),
      }
      write(f, storage, isLine ? { begin: i32.const(0), end: p.vectors } : undefined)
    })
    return { func, places }
  }

  #isSame(a: Repeat, b: Repeat): boolean {
    if (!sameDetails(a.item, b.item) || a.operands.length !== b.operands.length || a.isLine !== b.isLine) return false
    const places = a.operands.every((x, i) => a.operands.indexOf(x) === b.operands.indexOf(b.operands[i]))
    if (!places || a.operands.some((x, i) => x.dtype !== b.operands[i].dtype)) return false
    if (!a.isLine) return a.operands.every((x, i) => this.#isAlike(x, b.operands[i]))
    // A single element is reached by any steps; but a loop of one reaches no others.
    return isSingle(b) || (!isSingle(a) && a.operands.every((x, i) => isNumber(x) === isNumber(b.operands[i])))
  }

  #isAlike(x: Tensor, y: Tensor): boolean {
    if (!sameShape(x.shape, y.shape) || !sameShape(x.layout.strides, y.layout.strides)) return false
    // Rows that are whole vectors leave nothing to write over.
    const mayOverrun = (one: Tensor): number =>
      Number(this.#storage.mayOverrun(one)) + Number(this.#storage.mayOverrun(one, true))
    return x.shape.at(-1)! % 4 === 0 || mayOverrun(x) === mayOverrun(y)
  }
}

/** Whether an operand of a loop is the same at every index. */
const isNumber = (x: Tensor): boolean => x.layout.strides.at(-1) === 0

const isSingle = ({ item }: Repeat): boolean => writtenBy(item)[0].size === 1

function sameDetails(a: Item, b: Item): boolean {
  if (a.kind === 'loop' && b.kind === 'loop')
    return a.type === b.type && a.inputs.length === b.inputs.length && sameShape(resultsOf(a), resultsOf(b))
  if (a.kind === 'reduce' && b.kind === 'reduce')
    return a.details.reduction === b.details.reduction && sameShape(a.details.axes, b.details.axes)
  return a.kind === 'matmul'
}

const resultsOf = ({ outputs }: Loop): number[] => outputs.map(({ result }) => result)
