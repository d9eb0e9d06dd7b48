/**
 * The objects of an HDF5 file, as the library writes them by default and h5py does (superblock 0 or 1): every address and length in the
 * file is checked against its size before it is followed. See the HDF5 File Format Specification, version 3.
 */
import type { FormatError } from '@typegrad/data'

export type Fail = (why: string) => FormatError

/** No address. */
const nowhere = 2 ** 64

/** Bytes with little-endian numbers; reading outside is an error. */
export class View {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #fail: Fail

  constructor(bytes: Uint8Array, fail: Fail) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fail = fail
  }

  #at(at: number, length: number): number {
    if (!(at >= 0 && length >= 0 && at + length <= this.bytes.length)) throw this.#fail(`byte ${at + length} lies outside`)
    return at
  }

  uint8(at: number): number {
    return this.bytes[this.#at(at, 1)]
  }

  uint16(at: number): number {
    return this.#view.getUint16(this.#at(at, 2), true)
  }

  uint32(at: number): number {
    return this.#view.getUint32(this.#at(at, 4), true)
  }

  /** Exact below 2^53, and no smaller than that for what is not. */
  uint64(at: number): number {
    return Number(this.#view.getBigUint64(this.#at(at, 8), true))
  }

  /** The address at a place; `undefined` for none. */
  address(at: number): number | undefined {
    const value = this.uint64(at)
    return value === nowhere ? undefined : value
  }

  slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.#at(at, length), at + length)
  }

  /** A text up to a zero byte, of at most `most` bytes. */
  text(at: number, most = 1024): string {
    const window = this.bytes.subarray(this.#at(at, 0), at + most)
    const end = window.indexOf(0)
    return new TextDecoder().decode(end < 0 ? window : window.subarray(0, end))
  }

  expect(at: number, signature: string): void {
    const found = String.fromCharCode(...this.slice(at, signature.length))
    if (found !== signature) throw this.#fail(`at ${at} stands ${JSON.stringify(found)}, expected ${signature}`)
  }

  fail(why: string): FormatError {
    return this.#fail(why)
  }
}

/** One message of an object's header: what kind it is, and where its data lie. */
export interface Message {
  readonly type: number
  readonly at: number
  readonly length: number
}

const continuation = 0x10

/** The messages of the object at an address. */
export function messagesOf(view: View, at: number): Message[] {
  if (view.uint8(at) !== 1) throw view.fail(`the object at ${at} has a header of version ${view.uint8(at)}, expected 1`)
  const messages: Message[] = []
  const blocks: [at: number, length: number][] = [[at + 16, view.uint32(at + 8)]]
  // Blocks that lead back to each other would not end; none is shorter than a message.
  let room = view.bytes.length
  for (let block = blocks.shift(); block; block = blocks.shift()) {
    const [start, length] = block
    room -= length + 8
    if (room < 0) throw view.fail(`the header at ${at} is longer than the file`)
    view.slice(start, length)
    for (let here = start; here + 8 <= start + length;) {
      const [type, size, flags] = [view.uint16(here), view.uint16(here + 2), view.uint8(here + 4)]
      if (here + 8 + size > start + length) throw view.fail(`a message at ${here} is cut off`)
      if (flags & 2) throw view.fail(`the message at ${here} is shared, which is not supported`)
      if (type === continuation) blocks.push([view.uint64(here + 8), view.uint64(here + 16)])
      else messages.push({ type, at: here + 8, length: size })
      here += 8 + size
    }
  }
  return messages
}

/** Names and addresses of what is in a group, from its B-tree and its heap of names. */
export function membersOf(view: View, tree: number, heap: number): [name: string, at: number][] {
  view.expect(heap, 'HEAP')
  const [size, names] = [view.uint64(heap + 8), view.uint64(heap + 24)]
  view.slice(names, size)
  const members: [string, number][] = []
  // Each node takes room: there cannot be more of them than fit into the file.
  let nodes = view.bytes.length / 24
  const leaf = (at: number): void => {
    view.expect(at, 'SNOD')
    const count = view.uint16(at + 6)
    for (let i = 0; i < count; i++) {
      const entry = at + 8 + 40 * i
      const [name, header, kind] = [view.uint64(entry), view.uint64(entry + 8), view.uint32(entry + 16)]
      if (name >= size) throw view.fail(`a name lies outside of its heap`)
      const text = view.text(names + name, Math.min(1024, size - name))
      if (kind === 2) throw view.fail(`'${text}' is a link, expected a group or an array`)
      members.push([text, header])
    }
  }
  const node = (at: number, above: number): void => {
    if (--nodes < 0) throw view.fail('a tree of names does not end')
    view.expect(at, 'TREE')
    const [kind, level, count] = [view.uint8(at + 4), view.uint8(at + 5), view.uint16(at + 6)]
    if (kind !== 0 || level >= above) throw view.fail(`the node at ${at} is none of a group`)
    for (let i = 0; i < count; i++) {
      const child = view.uint64(at + 24 + 16 * i + 8)
      if (level > 0) node(child, level)
      else {
        if (--nodes < 0) throw view.fail('a tree of names does not end')
        leaf(child)
      }
    }
  }
  node(tree, 64)
  return members
}

/** The text that a variable-length string refers to, in the file's global heap. */
export function heapText(view: View, at: number): string {
  const [length, collection, index] = [view.uint32(at), view.address(at + 4), view.uint32(at + 12)]
  if (length === 0 || collection === undefined) return ''
  view.expect(collection, 'GCOL')
  const end = collection + view.uint64(collection + 8)
  for (let here = collection + 16; here + 16 <= end;) {
    const [number, size] = [view.uint16(here), view.uint64(here + 8)]
    if (number === 0) break
    if (number === index) return view.text(here + 16, Math.min(length, size))
    here += 16 + Math.ceil(size / 8) * 8
  }
  throw view.fail(`a text is not in the heap at ${collection}`)
}
