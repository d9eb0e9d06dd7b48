import { FormatError } from '../errors.ts'

/**
 * Reads the one kind of pickle that an array of word lists is: `numpy.ndarray` of dtype object with one axis, whose
 * elements are lists of integers. A pickle is a program; this runs none of it: the few names that NumPy writes are
 * recognised as data, every other name or opcode is refused. The format is Python's `pickletools`, protocols 2 to 5.
 *
 * Work and memory are linear in the bytes: apart from integers, at most `length` lists and a handful of other values
 * may come.
 * @throws {@link FormatError}
 */
export function unpickleLists(bytes: Uint8Array, length: number, op: string): number[][] {
  return new Unpickler(bytes, length, op).lists()
}

/** A tuple; lists are arrays. */
class Tuple {
  readonly items: readonly Value[]
  constructor(items: readonly Value[]) {
    this.items = items
  }
}

/** A name of a class or function, only ever compared. */
class Name {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** An array or dtype under construction. */
class Numpy {
  readonly kind: 'array' | 'dtype'
  state: Value = null
  constructor(kind: 'array' | 'dtype') {
    this.kind = kind
  }
}

type Value = number | null | boolean | string | Uint8Array | Value[] | Tuple | Name | Numpy

const reconstruct = /^numpy\.(?:_core|core)\.multiarray _reconstruct$/
const known = new Set(['numpy ndarray', 'numpy dtype', '_codecs encode'])

class Unpickler {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #op: string
  readonly #length: number
  /** How many values that are not integers may still come. */
  #budget: number
  #at = 0
  #stack: Value[] = []
  #marks: number[] = []
  #memo = new Map<number, Value>()

  constructor(bytes: Uint8Array, length: number, op: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#op = op
    this.#length = length
    // Each list takes an opcode and a place in the memo.
    if (length > bytes.length / 2) throw this.#error(`${bytes.length} bytes for ${length} lists`)
    this.#budget = length + 64
  }

  lists(): number[][] {
    const array = this.#run()
    const state = array instanceof Numpy && array.kind === 'array' && array.state instanceof Tuple ? array.state.items : []
    const [, shape, dtype, fortran, lists] = state
    const isVector = shape instanceof Tuple && shape.items.length === 1 && shape.items[0] === this.#length
    if (state.length !== 5 || !isVector || !(dtype instanceof Numpy) || fortran !== false || !Array.isArray(lists)) {
      throw this.#error(`it is not an object array of shape [${this.#length}]`)
    }
    if (lists.length !== this.#length) throw this.#error(`the array has ${lists.length} elements, its shape says ${this.#length}`)
    let total = 0
    for (const [i, list] of lists.entries()) {
      if (!Array.isArray(list)) throw this.#error(`element ${i} is not a list`)
      total += list.length
      // A list that stands in many places would grow when it is copied.
      if (total > this.#bytes.length) throw this.#error('the same list stands in too many places')
      if (!list.every((item) => typeof item === 'number')) throw this.#error(`element ${i} holds something else than integers`)
    }
    return lists as number[][]
  }

  #run(): Value {
    for (;;) {
      const opcode = this.#uint(1)
      switch (opcode) {
        case 0x4b: // BININT1
          this.#stack.push(this.#uint(1))
          break
        case 0x4d: // BININT2
          this.#stack.push(this.#uint(2))
          break
        case 0x4a: // BININT
          this.#stack.push(this.#view.getInt32(this.#skip(4), true))
          break
        case 0x8a: // LONG1
          this.#stack.push(this.#long())
          break
        case 0x28: // MARK
          if (this.#marks.push(this.#stack.length) > 8) throw this.#error('it is nested too deeply')
          break
        case 0x65: // APPENDS
          this.#append(this.#toMark())
          break
        case 0x61: // APPEND
          this.#append([this.#pop()])
          break
        case 0x5d: // EMPTY_LIST
          this.#push([])
          break
        case 0x29: // EMPTY_TUPLE
          this.#push(new Tuple([]))
          break
        case 0x85: // TUPLE1, TUPLE2, TUPLE3
        case 0x86:
        case 0x87:
          this.#push(new Tuple(this.#stack.splice(this.#depth(opcode - 0x84), opcode - 0x84)))
          break
        case 0x74: // TUPLE
          this.#push(new Tuple(this.#toMark()))
          break
        case 0x4e: // NONE
          this.#push(null)
          break
        case 0x88: // NEWTRUE, NEWFALSE
        case 0x89:
          this.#push(opcode === 0x88)
          break
        case 0x58: // BINUNICODE
          this.#push(this.#text(this.#uint(4)))
          break
        case 0x8c: // SHORT_BINUNICODE
          this.#push(this.#text(this.#uint(1)))
          break
        case 0x42: // BINBYTES, BINSTRING
        case 0x54:
          this.#push(this.#take(this.#uint(4)))
          break
        case 0x43: // SHORT_BINBYTES, SHORT_BINSTRING
        case 0x55:
          this.#push(this.#take(this.#uint(1)))
          break
        case 0x63: // GLOBAL
          this.#push(this.#name(this.#textLine(), this.#textLine()))
          break
        case 0x93: {
          // STACK_GLOBAL
          const name = this.#pop()
          this.#push(this.#name(this.#pop(), name))
          break
        }
        case 0x52: // REDUCE
          this.#reduce()
          break
        case 0x62: {
          // BUILD
          const state = this.#pop()
          const object = this.#stack.at(-1)
          if (!(object instanceof Numpy)) throw this.#error('it sets the state of something else than an array')
          object.state = state
          break
        }
        case 0x71: // BINPUT, LONG_BINPUT, MEMOIZE
          this.#remember(this.#uint(1))
          break
        case 0x72:
          this.#remember(this.#uint(4))
          break
        case 0x94:
          this.#remember(this.#memo.size)
          break
        case 0x68: // BINGET, LONG_BINGET
        case 0x6a: {
          const value = this.#memo.get(this.#uint(opcode === 0x68 ? 1 : 4))
          if (value === undefined) throw this.#error('it recalls a value that it never stored')
          this.#push(value)
          break
        }
        case 0x80: // PROTO
          if (this.#uint(1) > 5) throw this.#error('its protocol is newer than 5')
          break
        case 0x95: // FRAME
          this.#skip(8)
          break
        case 0x2e: // STOP
          return this.#pop()
        default:
          throw this.#error(`opcode 0x${opcode.toString(16)} at ${this.#at - 1} has no place in an array of lists of integers`)
      }
    }
  }

  #reduce(): void {
    const args = this.#pop()
    const callee = this.#pop()
    const items = args instanceof Tuple ? args.items : []
    const name = callee instanceof Name ? callee.name : ''
    if (reconstruct.test(name) && items[0] instanceof Name && items[0].name === 'numpy ndarray') this.#push(new Numpy('array'))
    else if (name === 'numpy dtype' && (items[0] === 'O8' || items[0] === 'O' || isLatin(items[0], 'O8')))
      this.#push(new Numpy('dtype'))
    else if (name === '_codecs encode' && typeof items[0] === 'string' && items[1] === 'latin1')
      this.#push(new TextEncoder().encode(items[0]))
    else
      throw this.#error(`it calls ${name || 'something that is not a name'}, which has no place in an array of lists of integers`)
  }

  #name(module: Value, name: Value): Name {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.#error('a name is not text')
    const full = `${module} ${name}`
    if (!reconstruct.test(full) && !known.has(full))
      throw this.#error(`it names '${full.slice(0, 80)}', and code in a pickle is never run`)
    return new Name(full)
  }

  /** A push that counts. */
  #push(value: Value): void {
    if (this.#budget-- <= 0) throw this.#error(`it holds more than ${this.#length} lists`)
    this.#stack.push(value)
  }

  #remember(index: number): void {
    if (this.#memo.size >= this.#length + 64) throw this.#error('it stores too many values')
    this.#memo.set(index, this.#stack[this.#depth(1)])
  }

  #append(values: Value[]): void {
    const list = this.#stack.at(-1)
    if (!Array.isArray(list)) throw this.#error('it appends to something else than a list')
    for (const value of values) list.push(value)
  }

  #toMark(): Value[] {
    const mark = this.#marks.pop()
    if (mark === undefined || mark > this.#stack.length) throw this.#error('a mark is missing')
    return this.#stack.splice(mark)
  }

  #pop(): Value {
    this.#depth(1)
    return this.#stack.pop()!
  }

  /** The position of the `n`-th value from the top, which must be above the last mark. */
  #depth(n: number): number {
    const position = this.#stack.length - n
    if (position < (this.#marks.at(-1) ?? 0)) throw this.#error('a value is missing')
    return position
  }

  #long(): number {
    const bytes = this.#take(this.#uint(1))
    let value = 0n
    for (let i = 0; i < bytes.length && i < 9; i++) value |= BigInt(bytes[i]) << BigInt(8 * i)
    const number = Number(BigInt.asIntN(8 * bytes.length, value))
    if (bytes.length > 8 || !Number.isSafeInteger(number)) throw this.#error('an integer is too large')
    return number
  }

  #text(length: number): string {
    if (length > 256) throw this.#error(`a text of ${length} bytes has no place in an array of lists of integers`)
    return new TextDecoder().decode(this.#take(length))
  }

  #textLine(): string {
    const end = this.#bytes.indexOf(10, this.#at)
    if (end < 0) throw this.#error('it is cut off')
    const text = this.#text(end - this.#at)
    this.#at = end + 1
    return text
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  #uint(size: 1 | 2 | 4): number {
    const at = this.#skip(size)
    return size === 1 ? this.#bytes[at] : size === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true)
  }

  #skip(size: number): number {
    const at = this.#at
    if (at + size > this.#bytes.length) throw this.#error('it is cut off')
    this.#at = at + size
    return at
  }

  #error(why: string): FormatError {
    return new FormatError(`${this.#op}: the pickle is not a NumPy array of lists of integers: ${why}`)
  }
}

const isLatin = (value: Value, text: string): boolean =>
  value instanceof Uint8Array && new TextDecoder('latin1').decode(value) === text
