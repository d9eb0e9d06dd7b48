import { f64, f64x2, type Func, i32, i64, type Local, type ModuleBuilder, select, v128 } from '../assembler/index.ts'
import { double, type Lanes, type Row, type Site, type Vector, viaDouble, type Writer } from './lanes.ts'
import { product } from './pair.ts'

const { vector, add, sub, mul, div, abs, eq, ne, gt, lt, floor, flip, signOf } = double

/*
 * `a - b · ⌊a / b⌋` with one rounding at most. The quotient is rounded, perhaps up to the next integer; then the rest is a
 * little on the wrong side of 0, and one more b is added.
 */

/** A rest that is exact, |rest| ≤ |b|: brought to the side of 0 that b is on. */
function onSideOf(b: Lanes, rest: Lanes): Vector {
  const other = v128.and(lt(mul(flip(1, signOf(b)), rest), 0), b)
  return flip(abs(add(rest, other)), signOf(b))
}

type Remainder = Func<{ readonly a: 'f64'; readonly b: 'f64' }, 'f64'>

const remainders = new WeakMap<ModuleBuilder, Remainder>()

/** The remainder of `|a| / |b|`, for finite a and b ≠ 0: long division with digits of 11 bits. */
function remainder(module: ModuleBuilder): Remainder {
  const known = remainders.get(module)
  if (known) return known
  const made = module.func('remainder', { params: { a: 'f64', b: 'f64' }, result: 'f64' }, (f, { a, b }) => {
    const parts = (x: Local<'f64'>): { exponent: Local<'i32'>; significand: Local<'i64'> } => {
      const bits = f.let(i64.and(i64.reinterpretF64(x), 0x7fffffffffffffffn))
      const biased = f.let(i32.wrapI64(i64.shrU(bits, 52n)))
      const fraction = f.let(i64.and(bits, 0xfffffffffffffn))
      const one = select(i32.eqz(biased), i64.const(0n), i64.const(1n << 52n))
      return { exponent: f.let(i32.add(biased, i32.eqz(biased))), significand: f.let(i64.or(fraction, one)) }
    }
    const x = parts(a)
    const y = parts(b)
    f.if(i32.ltS(x.exponent, y.exponent), () => f.return(f64.abs(a)))
    const divisor = f.let(select(i64.eqz(y.significand), i64.const(1n), y.significand))
    const rest = f.let(i64.remU(x.significand, divisor))
    const places = f.let(i32.sub(x.exponent, y.exponent))
    f.while(places, () => {
      const step = f.least(places, 11)
      f.set(rest, i64.remU(i64.shl(rest, i64.extendI32U(step)), divisor))
      f.set(places, i32.sub(places, step))
    })
    // rest · 2^(exponent - 1075), by two factors, both of which are normal.
    const power = (exponent: Local<'i32'>) => f64.reinterpretI64(i64.shl(i64.extendI32U(i32.add(exponent, 1023)), 52n))
    const scale = f.let(i32.sub(y.exponent, 1075))
    const half = f.let(i32.shrS(scale, 1))
    f.set(scale, i32.sub(scale, half))
    f.return(f64.mul(f64.mul(f64.convertI64U(rest), power(half)), power(scale)))
  })
  remainders.set(module, made)
  return made
}

/** For all a and b: NaN where a is no number or infinite, or b is no number or 0. */
const careful: Writer = (s, a, b) => {
  const rest = s.let(vector(0))
  for (const lane of [0, 1]) {
    const value = remainder(s.module).call({ a: f64x2.extractLane(a, lane), b: f64x2.extractLane(b, lane) })
    s.f.set(rest, f64x2.replaceLane(rest, lane, value))
  }
  const y = onSideOf(b, s.let(flip(rest, signOf(a))))
  const isNumber = v128.and(v128.and(lt(abs(a), Infinity), ne(b, 0)), eq(b, b))
  return double.select(isNumber, y, NaN)
}

const carefully = (s: Site, a: Lanes, b: Lanes): Vector => s.call('mod of all', careful, a, b)

export const mod: Row = {
  // float32 has 24 bits, so that quotients of 29 bits have exact products.
  f32x4: viaDouble((s, a, b) => {
    const quotient = s.let(floor(div(a, b)))
    const y = onSideOf(b, s.let(sub(a, mul(quotient, b))))
    return s.unless(v128.and(lt(abs(quotient), 2 ** 29), lt(abs(b), Infinity)), y, () => carefully(s, a, b))
  }),
  f64x2: (s, a, b) => {
    const quotient = s.let(floor(div(a, b)))
    const { hi, lo } = product(s, quotient, b)
    const y = onSideOf(b, s.let(sub(sub(a, hi), lo)))
    const inRange = v128.and(lt(abs(a), 2 ** 1000), v128.and(gt(abs(b), 2 ** -900), lt(abs(b), Infinity)))
    return s.unless(v128.and(lt(abs(quotient), 2 ** 51), inRange), y, () => carefully(s, a, b))
  },
}
