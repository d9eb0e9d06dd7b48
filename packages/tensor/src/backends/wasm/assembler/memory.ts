import { type Arg, type Expr, expression, instruction, type Type } from './expression.ts'

/** An opcode and the log2 of the bytes that it touches. */
type Row = readonly [opcode: number, size: number]

/**
 * Where an instruction touches memory: `address + offset`, both unsigned. `align` is a promise about the sum in bytes,
 * a hint that costs nothing when it is missed; atomics must keep their own.
 */
const memarg = (offset: number, align: number): number[] => [31 - Math.clz32(align), offset]

type Load<R extends Type> = (address: Arg<'i32'>, offset?: number, align?: number) => Expr<R>
type Store<T extends Type> = (address: Arg<'i32'>, value: Arg<T>, offset?: number, align?: number) => Expr<'none'>

/** `result = memory[address + offset]` for each row. */
export function loads<R extends Type, N extends string>(result: R, rows: Record<N, Row>): Record<N, Load<R>> {
  const table = {} as Record<N, Load<R>>
  for (const name in rows) {
    const [opcode, size] = rows[name]
    table[name] = (address, offset = 0, align = 1 << size) =>
      instruction(opcode, [expression('i32', address)], result, memarg(offset, align))
  }
  return table
}

/** `memory[address + offset] = value` for each row. */
export function stores<T extends Type, N extends string>(type: T, rows: Record<N, Row>): Record<N, Store<T>> {
  const table = {} as Record<N, Store<T>>
  for (const name in rows) {
    const [opcode, size] = rows[name]
    table[name] = (address, value, offset = 0, align = 1 << size) =>
      instruction(opcode, [expression('i32', address), expression<Type>(type, value)], 'none', memarg(offset, align))
  }
  return table
}

/** The vector with one lane loaded, for each row. */
export function laneLoads<N extends string>(
  rows: Record<N, Row>,
): Record<N, (address: Arg<'i32'>, vector: Arg<'v128'>, lane: number, offset?: number, align?: number) => Expr<'v128'>> {
  const table = {} as ReturnType<typeof laneLoads<N>>
  for (const name in rows) {
    const [opcode, size] = rows[name]
    table[name] = (address, vector, lane, offset = 0, align = 1 << size) =>
      instruction(opcode, [expression('i32', address), expression('v128', vector)], 'v128', laneOf(lane, offset, align))
  }
  return table
}

/** One lane of the vector stored, for each row. */
export function laneStores<N extends string>(
  rows: Record<N, Row>,
): Record<N, (address: Arg<'i32'>, vector: Arg<'v128'>, lane: number, offset?: number, align?: number) => Expr<'none'>> {
  const table = {} as ReturnType<typeof laneStores<N>>
  for (const name in rows) {
    const [opcode, size] = rows[name]
    table[name] = (address, vector, lane, offset = 0, align = 1 << size) =>
      instruction(opcode, [expression('i32', address), expression('v128', vector)], 'none', laneOf(lane, offset, align))
  }
  return table
}

const laneOf = (lane: number, offset: number, align: number): number[] => [31 - Math.clz32(align), offset, lane]

/** Read, change and write in one step, for each row; the result is what was there before. */
export function updates<T extends 'i32' | 'i64', N extends string>(
  type: T,
  rows: Record<N, number>,
): Record<N, (address: Arg<'i32'>, value: Arg<T>, offset?: number) => Expr<T>> {
  const table = {} as Record<N, (address: Arg<'i32'>, value: Arg<T>, offset?: number) => Expr<T>>
  for (const name in rows) {
    table[name] = (address, value, offset = 0) =>
      instruction(rows[name], [expression('i32', address), expression<Type>(type, value)], type, memarg(offset, bytesOf[type]))
  }
  return table
}

const bytesOf = { i32: 4, i64: 8 }

/** `if (memory[address] === expected) memory[address] = replacement`; the result is what was there before. */
export const compareExchange =
  <T extends 'i32' | 'i64'>(type: T, opcode: number) =>
  (address: Arg<'i32'>, expected: Arg<T>, replacement: Arg<T>, offset = 0): Expr<T> =>
    instruction(
      opcode,
      [expression('i32', address), expression<Type>(type, expected), expression<Type>(type, replacement)],
      type,
      memarg(offset, bytesOf[type]),
    )

/** Instructions on the one memory. `size` and `grow` count pages of 64 KiB. */
export const memory = {
  size: (): Expr<'i32'> => instruction(0x3f, [], 'i32', [0]),
  /** The size before, or -1 where the memory cannot grow. */
  grow: (pages: Arg<'i32'>): Expr<'i32'> => instruction(0x40, [expression('i32', pages)], 'i32', [0]),
  /** `memory[to …] = memory[from …]`, right for overlapping ranges too. */
  copy: (to: Arg<'i32'>, from: Arg<'i32'>, bytes: Arg<'i32'>): Expr<'none'> =>
    instruction(0xfc00a, [expression('i32', to), expression('i32', from), expression('i32', bytes)], 'none', [0, 0]),
  fill: (to: Arg<'i32'>, value: Arg<'i32'>, bytes: Arg<'i32'>): Expr<'none'> =>
    instruction(0xfc00b, [expression('i32', to), expression('i32', value), expression('i32', bytes)], 'none', [0]),
  /** Sleeps while the word is `expected`: 0 woken, 1 not equal, 2 timed out (nanoseconds, negative is for ever). */
  atomicWait32: (address: Arg<'i32'>, expected: Arg<'i32'>, timeout: Arg<'i64'>, offset = 0): Expr<'i32'> =>
    instruction(
      0xfe001,
      [expression('i32', address), expression('i32', expected), expression('i64', timeout)],
      'i32',
      memarg(offset, 4),
    ),
  /** Wakes up to `count` sleepers; the result is how many were woken. */
  atomicNotify: (address: Arg<'i32'>, count: Arg<'i32'>, offset = 0): Expr<'i32'> =>
    instruction(0xfe000, [expression('i32', address), expression('i32', count)], 'i32', memarg(offset, 4)),
  atomicFence: (): Expr<'none'> => instruction(0xfe003, [], 'none', [0]),
}

/** `condition ? yes : no`; both sides are computed. */
export function select<T extends Type>(condition: Arg<'i32'>, yes: Expr<T>, no: Expr<T>): Expr<T> {
  return instruction(0x1b, [yes, expression<Type>(yes.type, no), expression('i32', condition)], yes.type)
}
