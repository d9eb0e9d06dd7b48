/** What is sorted: records of a key, whose unsigned order is that of the elements, and the position that it stands at. */
import type { DType } from '../../../dtype.ts'
import { type Expr, f32, f64, type FunctionBuilder, i32, i64, type Local, select, v128 } from '../assembler/index.ts'

type Int = Expr<'i32'>

/** A record as it is held: the word that is compared, and the position, if it is no part of that. */
export interface Held {
  readonly word: Local<'i64'>
  readonly position?: Local<'i32'>
}

export interface Records {
  /** Bytes of a record. */
  readonly bytes: number
  /** The bits of the word that tell keys apart. */
  readonly bits: readonly [from: number, to: number]
  /** The record of the element at an address; `flip` has all bits for a descending order. */
  hold(f: FunctionBuilder, at: Int, position: Local<'i32'>, flip: Local<'i64'>): Held
  put(to: Local<'i32'>, held: Held): Expr<'none'>[]
  move(to: Int, from: Int): Expr<'none'>
  position(at: Int): Int
}

/** Keys above positions, in one word: no two are equal. */
const narrow = (bits: number, key: (f: FunctionBuilder, at: Int) => Int): Records => ({
  bytes: 8,
  bits: [32, 32 + bits],
  hold(f, at, position, flip) {
    const upper = i64.shl(i64.xor(i64.extendI32U(key(f, at)), flip), 64n - BigInt(bits))
    return { word: f.let(i64.or(i64.shrU(upper, 32n - BigInt(bits)), i64.extendI32U(position))) }
  },
  put: (to, { word }) => [i64.store(to, word)],
  move: (to, from) => i64.store(to, i64.load(from)),
  position: (at) => i32.load(at),
})

/** Keys of a whole word, and the position after it. */
const wide = (key: (f: FunctionBuilder, at: Int) => Expr<'i64'>): Records => ({
  bytes: 16,
  bits: [0, 64],
  hold: (f, at, position, flip) => ({ word: f.let(i64.xor(key(f, at), flip)), position }),
  put: (to, { word, position }) => [i64.store(to, word), i32.store(to, position!, 8)],
  move: (to, from) => v128.store(to, v128.load(from)),
  position: (at) => i32.load(at, 8),
})

/** Floats have the order of their bits, but for the sign: 0 and -0 are equal, and NaN is the largest. */
const single = narrow(32, (f, at) => {
  const x = f.let(f32.add(f32.load(at), 0))
  const bits = f.let(i32.reinterpretF32(x))
  return select(f32.ne(x, x), i32.const(-1), i32.xor(bits, i32.or(i32.shrS(bits, 31), 0x80000000)))
})

const double = wide((f, at) => {
  const x = f.let(f64.add(f64.load(at), 0))
  const bits = f.let(i64.reinterpretF64(x))
  return select(f64.ne(x, x), i64.const(-1n), i64.xor(bits, i64.or(i64.shrS(bits, 63n), -(2n ** 63n))))
})

const byte = narrow(8, (_, at) => i32.load8U(at))

export const recordsOf: Readonly<Record<DType, Records>> = {
  float32: single,
  float64: double,
  int32: narrow(32, (_, at) => i32.xor(i32.load(at), 0x80000000)),
  uint8: byte,
  bool: byte,
}
