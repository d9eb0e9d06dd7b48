import { f64x2, i32x4, v128 } from '../assembler/index.ts'
import type { Lanes, Vector, Writer } from './lanes.ts'

/**
 * An int32 function by way of float64, which holds integers and their quotients exactly enough: truncated to an integer,
 * taken modulo 2^32, ±∞ and NaN give 0, as a number is stored in an `Int32Array`.
 */
const viaDouble =
  (write: (a: Lanes, b: Lanes) => Vector): Writer =>
  (s, a, b) => {
    const half = (part: (x: Lanes) => Vector): Lanes => {
      const y = f64x2.trunc(write(s.let(part(a)), s.let(part(b))))
      return s.let(f64x2.add(y, f64x2.const(1.5 * 2 ** 52)))
    }
    const low = half((x) => f64x2.convertLowI32x4S(x))
    const high = half((x) => f64x2.convertLowI32x4S(i32x4.shuffle(x, x, 2, 3, 2, 3)))
    return i32x4.shuffle(low, high, 0, 2, 4, 6)
  }

const floorQuotient = (a: Vector, b: Vector): Vector => f64x2.floor(f64x2.div(a, b))

/** `a^b` modulo 2^32 by squaring; `1 / a^-b` without its fraction, and 0 for a = 0, where b is negative. */
const power: Writer = (s, a, b) => {
  const one = i32x4.const(1)
  const base = s.let(a)
  const left = s.let(v128.andnot(b, i32x4.shrS(b, 31)))
  const result = s.let(one)
  s.f.while(v128.anyTrue(left), () => {
    const odd = s.let(i32x4.eq(v128.and(left, one), one))
    s.f.set(result, v128.bitselect(i32x4.mul(result, base), result, odd))
    s.f.set(base, i32x4.mul(base, base))
    s.f.set(left, i32x4.shrU(left, 1))
  })
  // For |a| = 1 the power depends on the parity of b alone.
  const isUnit = i32x4.eq(i32x4.abs(a), one)
  const unit = v128.bitselect(a, one, i32x4.eq(v128.and(b, one), one))
  return v128.bitselect(v128.and(unit, isUnit), result, i32x4.shrS(b, 31))
}

/** The functions that int32 has in lanes. Those that leave integers as they are stand in render.ts. */
export const integers: Readonly<Record<string, Writer>> = {
  '+': (_, a, b) => i32x4.add(a, b),
  '-': (_, a, b) => i32x4.sub(a, b),
  '*': (_, a, b) => i32x4.mul(a, b),
  '/': viaDouble((a, b) => f64x2.div(a, b)),
  neg: (_, a) => i32x4.neg(a),
  abs: (_, a) => i32x4.abs(a),
  sign: (_, a) => v128.or(i32x4.shrS(a, 31), i32x4.shrU(i32x4.neg(a), 31)),
  min: (_, a, b) => i32x4.minS(a, b),
  max: (_, a, b) => i32x4.maxS(a, b),
  flow: (_, a, b) => i32x4.mul(a, b),
  pow: power,
  mod: viaDouble((a, b) => f64x2.sub(a, f64x2.mul(b, floorQuotient(a, b)))),
  '@floorDivide': viaDouble(floorQuotient),
}
