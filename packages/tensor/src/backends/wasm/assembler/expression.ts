import { BackendError } from '../../../errors.ts'
import type { Bytes } from './bytes.ts'

/** The value types of WebAssembly, with the byte that stands for each. */
export const typeCodes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const

export type Type = keyof typeof typeCodes

/**
 * A recipe for a value of type `T`: it is computed where it is used, and as often as it is used. To compute once and
 * use often, put it in a local (`f.let`). An instruction without a result is an `Expr<'none'>`, to be run by `f.do`.
 */
export abstract class Expr<T extends Type | 'none'> {
  readonly type: T

  constructor(type: T) {
    this.type = type
  }

  abstract write(code: Bytes): void
}

/** What an operand of type `T` may be given as: an expression or, where JavaScript has one, a constant. */
export type Arg<T extends Type> = Expr<T> | (T extends 'i64' ? bigint : T extends 'v128' ? never : number)

/** A variable of a function. It is an expression too: its value at the place of use. */
export class Local<T extends Type> extends Expr<T> {
  readonly index: number
  readonly #owner: Bytes
  #released = false

  constructor(type: T, index: number, owner: Bytes) {
    super(type)
    this.index = index
    this.#owner = owner
  }

  write(code: Bytes): void {
    this.check(code)
    code.byte(0x20)
    code.unsigned(this.index)
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

class Constant<T extends Type> extends Expr<T> {
  readonly #value: number | bigint | Uint8Array

  constructor(type: T, value: number | bigint | Uint8Array) {
    super(type)
    this.#value = value
  }

  write(code: Bytes): void {
    const value = this.#value
    if (this.type === 'i32') {
      code.byte(0x41)
      code.signed(value as number)
    } else if (this.type === 'i64') {
      code.byte(0x42)
      code.signed64(value as bigint)
    } else if (this.type === 'f32') {
      code.byte(0x43)
      code.f32(value as number)
    } else if (this.type === 'f64') {
      code.byte(0x44)
      code.f64(value as number)
    } else {
      code.byte(0xfd)
      code.byte(0x0c)
      code.raw(value as Uint8Array)
    }
  }
}

/** The constant `value` of a scalar type. An i32 is any integer in [-2^31, 2^32). */
export function constant<T extends 'i32' | 'i64' | 'f32' | 'f64'>(type: T, value: number | bigint): Expr<T> {
  if (type === 'i32' && !(Number.isInteger(value) && value >= -0x80000000 && value <= 0xffffffff)) {
    throw new BackendError(`wasm assembler: ${value} is no i32`, { value })
  }
  return new Constant(type, value)
}

/** The vector of these 16 bytes. */
export const constantVector = (bytes: Uint8Array): Expr<'v128'> => new Constant('v128', bytes)

/** `arg` as an expression; throws when a JavaScript caller passes another type. */
export function expression<T extends Type>(type: T, arg: Arg<T>): Expr<T> {
  if (typeof arg === 'object' && arg.type === type) return arg
  const fits = type === 'i64' ? typeof arg === 'bigint' : type !== 'v128' && typeof arg === 'number'
  if (!fits)
    throw new BackendError(`wasm assembler: ${arg instanceof Expr ? arg.type : typeof arg} given where ${type} is needed`)
  return constant(type as 'i32', arg as number) as Expr<Type> as Expr<T>
}

class Instruction<R extends Type | 'none'> extends Expr<R> {
  readonly #opcode: number
  readonly #operands: readonly Expr<Type>[]
  readonly #immediates: readonly number[] | undefined

  constructor(opcode: number, operands: readonly Expr<Type>[], result: R, immediates: readonly number[] | undefined) {
    super(result)
    this.#opcode = opcode
    this.#operands = operands
    this.#immediates = immediates
  }

  write(code: Bytes): void {
    const operands = this.#operands
    for (let i = 0; i < operands.length; i++) operands[i].write(code)
    const opcode = this.#opcode
    if (opcode > 0xff) {
      code.byte(opcode >> 12)
      code.unsigned(opcode & 0xfff)
    } else code.byte(opcode)
    const immediates = this.#immediates
    if (immediates) for (let i = 0; i < immediates.length; i++) code.unsigned(immediates[i])
  }
}

/**
 * An instruction with numbers after its opcode: lanes of a shuffle, a memory offset. An opcode with a prefix is written
 * `prefix << 12 | opcode`: 0xfd0e4 is `f32x4.add`.
 */
export const instruction = <R extends Type | 'none'>(
  opcode: number,
  operands: readonly Expr<Type>[],
  result: R,
  immediates?: readonly number[],
): Expr<R> => new Instruction(opcode, operands, result, immediates)

type Args<P extends readonly Type[]> = { [I in keyof P]: Arg<P[I]> }

type Any = Arg<Type>

/** A function for each row of `opcodes`, all of one signature: `instructions(['i32', 'i32'], 'i32', { add: 0x6a })`. */
export function instructions<const P extends readonly Type[], R extends Type | 'none', N extends string>(
  params: P,
  result: R,
  opcodes: Record<N, number>,
): Record<N, (...args: Args<P>) => Expr<R>> {
  const [p, q, r] = params as readonly Type[]
  // Written out: a program is thousands of calls, most of them made before the engine has compiled anything.
  const build = (opcode: number): ((a: Any, b: Any, c: Any) => Expr<R>) => {
    if (r) return (a, b, c) => instruction(opcode, [expression(p, a), expression(q, b), expression(r, c)], result)
    if (q) return (a, b) => instruction(opcode, [expression(p, a), expression(q, b)], result)
    return (a) => instruction(opcode, [expression(p, a)], result)
  }
  const table: Record<string, (a: Any, b: Any, c: Any) => Expr<R>> = {}
  for (const name in opcodes) table[name] = build(opcodes[name])
  return table as unknown as Record<N, (...args: Args<P>) => Expr<R>>
}
