import type { FormatError } from '../errors.ts'
import { Cursor } from './cursor.ts'

/** A Python tuple; lists are arrays. */
export class Tuple {
  readonly items: readonly Value[]
  constructor(items: readonly Value[]) {
    this.items = items
  }
}

/** The name of a class or function, only ever compared. */
class Name {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A NumPy array or dtype, as the state that NumPy would restore it from. */
export class Numpy {
  readonly kind: 'array' | 'dtype'
  state: Value = null
  constructor(kind: 'array' | 'dtype') {
    this.kind = kind
  }
}

type Value = number | null | boolean | string | Uint8Array | Value[] | Tuple | Name | Numpy

const reconstruct = /^numpy\.(?:_core|core)\.multiarray _reconstruct$/
const known = new Set(['numpy ndarray', 'numpy dtype', '_codecs encode'])

/**
 * The machine of Python's pickles, protocols 2 to 5, cut down to what NumPy writes for arrays of lists of integers; the
 * format is `pickletools`. A pickle is a program, and this runs none of it: the few names that NumPy writes are taken as
 * data, every other name or opcode is refused.
 *
 * Work and memory are linear in the bytes: beside integers, at most `lists` lists and a handful of other values may come.
 */
export class Unpickler {
  readonly #input: Cursor
  readonly #fail: (why: string) => FormatError
  readonly #lists: number
  /** How many values that are not integers may still come. */
  #budget: number
  readonly #stack: Value[] = []
  readonly #marks: number[] = []
  readonly #memo = new Map<number, Value>()

  constructor(bytes: Uint8Array, lists: number, fail: (why: string) => FormatError) {
    this.#input = new Cursor(bytes, fail)
    this.#fail = fail
    this.#lists = lists
    this.#budget = lists + 64
  }

  run(): Value {
    const input = this.#input
    for (;;) {
      const opcode = input.uint8()
      if (opcode === STOP) return this.#pop()
      if (!this.#step(opcode)) {
        throw this.#fail(`opcode 0x${opcode.toString(16)} at ${input.at - 1} has no place in an array of lists of integers`)
      }
    }
  }

  /** Runs one opcode; false if it is unknown. */
  #step(opcode: number): unknown {
    const input = this.#input
    // prettier-ignore
    switch (opcode) {
      case 0x4b: return this.#stack.push(input.uint8()) // BININT1
      case 0x4d: return this.#stack.push(input.uint16()) // BININT2
      case 0x4a: return this.#stack.push(input.int32()) // BININT
      case 0x8a: return this.#stack.push(input.int(input.uint8())) // LONG1
      case 0x28: return this.#mark() // MARK
      case 0x65: return this.#append(this.#toMark()) // APPENDS
      case 0x61: return this.#append([this.#pop()]) // APPEND
      case 0x5d: return this.#push([]) // EMPTY_LIST
      case 0x29: return this.#push(new Tuple([])) // EMPTY_TUPLE
      case 0x85: return this.#push(new Tuple(this.#popMany(1))) // TUPLE1
      case 0x86: return this.#push(new Tuple(this.#popMany(2))) // TUPLE2
      case 0x87: return this.#push(new Tuple(this.#popMany(3))) // TUPLE3
      case 0x74: return this.#push(new Tuple(this.#toMark())) // TUPLE
      case 0x4e: return this.#push(null) // NONE
      case 0x88: return this.#push(true) // NEWTRUE
      case 0x89: return this.#push(false) // NEWFALSE
      case 0x58: return this.#push(input.text(input.uint32())) // BINUNICODE
      case 0x8c: return this.#push(input.text(input.uint8())) // SHORT_BINUNICODE
      case 0x42: return this.#push(input.take(input.uint32())) // BINBYTES
      case 0x43: return this.#push(input.take(input.uint8())) // SHORT_BINBYTES
      case 0x54: return this.#push(input.take(input.uint32())) // BINSTRING
      case 0x55: return this.#push(input.take(input.uint8())) // SHORT_BINSTRING
      case 0x63: return this.#push(this.#name(input.line(), input.line())) // GLOBAL
      case 0x93: return this.#push(this.#name(...(this.#popMany(2) as [Value, Value]))) // STACK_GLOBAL
      case 0x52: return this.#push(this.#reduce(...(this.#popMany(2) as [Value, Value]))) // REDUCE
      case 0x62: return this.#build(this.#pop()) // BUILD
      case 0x71: return this.#remember(input.uint8()) // BINPUT
      case 0x72: return this.#remember(input.uint32()) // LONG_BINPUT
      case 0x94: return this.#remember(this.#memo.size) // MEMOIZE
      case 0x68: return this.#push(this.#recall(input.uint8())) // BINGET
      case 0x6a: return this.#push(this.#recall(input.uint32())) // LONG_BINGET
      case 0x80: return this.#protocol(input.uint8()) // PROTO
      case 0x95: return input.skip(8) + 1 // FRAME
      default: return false
    }
  }

  /** A push that counts. */
  #push(value: Value): true {
    if (this.#budget-- <= 0) throw this.#fail(`it holds more than ${this.#lists} lists`)
    this.#stack.push(value)
    return true
  }

  #pop(): Value {
    return this.#popMany(1)[0]
  }

  /** The `n` values on top, which must be above the last mark. */
  #popMany(n: number): Value[] {
    return this.#stack.splice(this.#below(n), n)
  }

  #below(n: number): number {
    const position = this.#stack.length - n
    if (position < (this.#marks.at(-1) ?? 0)) throw this.#fail('a value is missing')
    return position
  }

  #mark(): true {
    if (this.#marks.push(this.#stack.length) > 8) throw this.#fail('it is nested too deeply')
    return true
  }

  #toMark(): Value[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw this.#fail('a mark is missing')
    return this.#stack.splice(mark)
  }

  #append(values: Value[]): true {
    const list = this.#stack.at(-1)
    if (!Array.isArray(list)) throw this.#fail('it appends to something else than a list')
    for (const value of values) list.push(value)
    return true
  }

  #name(module: Value, name: Value): Name {
    if (typeof module !== 'string' || typeof name !== 'string') throw this.#fail('a name is not text')
    const text = `${module} ${name}`
    if (!reconstruct.test(text) && !known.has(text))
      throw this.#fail(`it names '${text.slice(0, 80)}', and code in a pickle is never run`)
    return new Name(text)
  }

  /** What NumPy's own calls make; any other call is refused. */
  #reduce(callee: Value, args: Value): Value {
    const name = callee instanceof Name ? callee.text : 'something that is not a name'
    const [first, second] = args instanceof Tuple ? args.items : []
    if (reconstruct.test(name) && first instanceof Name && first.text === 'numpy ndarray') return new Numpy('array')
    if (name === 'numpy dtype' && (first === 'O8' || (first instanceof Uint8Array && first[0] === 0x4f)))
      return new Numpy('dtype')
    if (name === '_codecs encode' && typeof first === 'string' && second === 'latin1') return new TextEncoder().encode(first)
    throw this.#fail(`it calls ${name}, which has no place in an array of lists of integers`)
  }

  #build(state: Value): true {
    const object = this.#stack.at(-1)
    if (!(object instanceof Numpy)) throw this.#fail('it sets the state of something else than an array')
    object.state = state
    return true
  }

  #remember(index: number): true {
    if (this.#memo.size >= this.#lists + 64) throw this.#fail('it stores too many values')
    this.#memo.set(index, this.#stack[this.#below(1)])
    return true
  }

  #recall(index: number): Value {
    const value = this.#memo.get(index)
    if (value === undefined) throw this.#fail('it recalls a value that it never stored')
    return value
  }

  #protocol(version: number): true {
    if (version > 5) throw this.#fail('its protocol is newer than 5')
    return true
  }
}

const STOP = 0x2e
