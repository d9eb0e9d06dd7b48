import { BackendError } from '../../../errors.ts'
import type { Bytes } from './bytes.ts'

/** The value types of WebAssembly, with the byte that stands for each. */
export const typeCodes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const

export type Type = keyof typeof typeCodes

/**
 * A recipe for a value of type `T`: it is computed where it is used, and as often as it is used. To compute once and
 * use often, put it in a local (`f.let`). An instruction without a result is an `Expr<'none'>`, to be run by `f.do`.
 */
export class Expr<T extends Type | 'none'> {
  readonly type: T
  readonly write: (code: Bytes) => void

  constructor(type: T, write: (code: Bytes) => void) {
    this.type = type
    this.write = write
  }
}

/** What an operand of type `T` may be given as: an expression or, where JavaScript has one, a constant. */
export type Arg<T extends Type> = Expr<T> | (T extends 'i64' ? bigint : T extends 'v128' ? never : number)

/** A variable of a function. It is an expression too: its value at the place of use. */
export class Local<T extends Type> extends Expr<T> {
  readonly index: number
  readonly #owner: Bytes
  #released = false

  constructor(type: T, index: number, owner: Bytes) {
    super(type, (code) => {
      this.check(code)
      code.byte(0x20)
      code.unsigned(index)
    })
    this.index = index
    this.#owner = owner
  }

  /** The scope has ended: the index may now belong to another local. */
  release(): void {
    this.#released = true
  }

  check(code: Bytes): void {
    if (this.#released) throw new BackendError(`wasm assembler: ${this.type} local ${this.index} used after the end of its scope`)
    if (code !== this.#owner) throw new BackendError(`wasm assembler: ${this.type} local ${this.index} used in another function`)
  }
}

/** An instruction whose opcode has a prefix is written `prefix << 12 | opcode`: 0xfd0e4 is `f32x4.add`. */
export function writeOpcode(code: Bytes, opcode: number): void {
  if (opcode > 0xff) {
    code.byte(opcode >> 12)
    code.unsigned(opcode & 0xfff)
  } else {
    code.byte(opcode)
  }
}

/** The constant `value` of a scalar type. An i32 is any integer in [-2^31, 2^32). */
export function constant<T extends 'i32' | 'i64' | 'f32' | 'f64'>(type: T, value: number | bigint): Expr<T> {
  if (type === 'i32' && !(Number.isInteger(value) && value >= -0x80000000 && value <= 0xffffffff)) {
    throw new BackendError(`wasm assembler: ${value} is no i32`, { value })
  }
  return new Expr(type, (code) => {
    if (type === 'i32') {
      code.byte(0x41)
      code.signed(Number(value))
    } else if (type === 'i64') {
      code.byte(0x42)
      code.signed64(BigInt(value))
    } else if (type === 'f32') {
      code.byte(0x43)
      code.f32(Number(value))
    } else {
      code.byte(0x44)
      code.f64(Number(value))
    }
  })
}

/** `arg` as an expression; throws when a JavaScript caller passes another type. */
export function expression<T extends Type>(type: T, arg: Arg<T>): Expr<T> {
  if (arg instanceof Expr && arg.type === type) return arg
  const fits = type === 'i64' ? typeof arg === 'bigint' : type !== 'v128' && typeof arg === 'number'
  if (!fits)
    throw new BackendError(`wasm assembler: ${arg instanceof Expr ? arg.type : typeof arg} given where ${type} is needed`)
  return constant(type as 'i32', arg as number) as Expr<Type> as Expr<T>
}

type Args<P extends readonly Type[]> = { [I in keyof P]: Arg<P[I]> }

/** A function for each row of `opcodes`, all of one signature: `instructions(['i32', 'i32'], 'i32', { add: 0x6a })`. */
export function instructions<const P extends readonly Type[], R extends Type | 'none', N extends string>(
  params: P,
  result: R,
  opcodes: Record<N, number>,
): Record<N, (...args: Args<P>) => Expr<R>> {
  const build = (opcode: number) => (args: Args<P>) => {
    const operands = params.map((type, i) => expression(type, args[i]))
    return new Expr(result, (code) => {
      for (const operand of operands) operand.write(code)
      writeOpcode(code, opcode)
    })
  }
  const table = {} as Record<N, (...args: Args<P>) => Expr<R>>
  for (const name in opcodes) {
    const make = build(opcodes[name])
    table[name] = (...args) => make(args)
  }
  return table
}

/** An instruction with bytes after its opcode: lanes of a shuffle, a memory offset. */
export function instruction<R extends Type | 'none'>(
  opcode: number,
  operands: readonly Expr<Type>[],
  result: R,
  immediate: (code: Bytes) => void,
): Expr<R> {
  return new Expr(result, (code) => {
    for (const operand of operands) operand.write(code)
    writeOpcode(code, opcode)
    immediate(code)
  })
}
