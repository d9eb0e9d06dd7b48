import { f64, f64x2, type Func, i32, i64, i64x2, type Local, type ModuleBuilder, select, v128 } from '../assembler/index.ts'
import { double, type Lanes, type Site } from './lanes.ts'
import { constant, fastSum, increase, mulPair, type Pair } from './pair.ts'

/** 2/π in words of 32 bits. */
const twoOverPi = [
  0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0,
  0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4,
  0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d,
  0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab,
]

type WordOf = Func<{ readonly i: 'i32' }, 'i64'>

const lookups = new WeakMap<ModuleBuilder, WordOf>()

/** The i-th word of 2/π; what stands before the first is 0. */
function wordOf(module: ModuleBuilder): WordOf {
  let lookup = lookups.get(module)
  if (!lookup) {
    lookup = module.func('twoOverPi', { params: { i: 'i32' }, result: 'i64' }, (f, { i }) => {
      const word = f.let(i64.const(0n))
      twoOverPi.forEach((value, k) => f.set(word, select(i32.eq(i, k), i64.const(BigInt(value)), word)))
      f.return(word)
    })
    lookups.set(module, lookup)
  }
  return lookup
}

const limbs = 6

/**
 * `x / (π/2)` modulo 4 for one |x| ≥ 2^20, as limbs of 32 bits, the first of which counts 2^-30 (Payne and Hanek 1983).
 *
 * With x = m · 2^e the bits of 2/π above 2^(2 - e) make multiples of 4; the product of m and the 192 bits after them, modulo
 * 2^192, has more than 110 bits right where it is nearest to a multiple of π/2.
 */
function quartersOf({ f, module }: Site, x: Local<'f64'>): Local<'i64'>[] {
  const bits = f.let(i64.reinterpretF64(x))
  const exponent = i32.wrapI64(i64.and(i64.shrU(bits, 52n), 0x7ffn))
  const skipped = f.let(i32.sub(exponent, 1075 + 2))
  const first = f.let(i32.shrS(skipped, 5))
  const shift = f.let(i64.extendI32U(i32.and(skipped, 31)))
  const words = Array.from({ length: limbs + 1 }, (_, i) => f.let(wordOf(module).call({ i: i32.add(first, i) })))
  const low32 = 0xffffffffn
  const window = Array.from({ length: limbs }, (_, i) =>
    f.let(i64.shrU(i64.shl(i64.or(i64.shl(words[i], 32n), words[i + 1]), shift), 32n)),
  )
  const result = window.map(() => f.let(i64.const(0n)))
  const significand = f.let(i64.or(i64.and(bits, 0xfffffffffffffn), 1n << 52n))
  for (const upper of [0, 1]) {
    const factor = f.let(upper ? i64.shrU(significand, 32n) : i64.and(significand, low32))
    const carry = f.let(i64.const(0n))
    for (let i = limbs - 1 - upper; i >= 0; i--) {
      const partial = f.let(i64.add(i64.add(result[i], carry), i64.mul(factor, window[i + upper])))
      f.set(result[i], i64.and(partial, low32))
      f.set(carry, i64.shrU(partial, 32n))
    }
  }
  return result
}

/** x - n · π/2 with n in the low bits of `t`, for |x| ≥ 2^20; finite at least for others. */
export function reduceHuge(s: Site, x: Lanes): Pair & { t: Lanes } {
  const { f } = s
  // The fraction, signed, in parts of 32 bits.
  const parts = Array.from({ length: limbs - 1 }, () => s.let(double.vector(0)))
  const t = s.let(i64x2.const(0n))
  for (const lane of [0, 1]) {
    f.scope(() => {
      const quarters = quartersOf(s, f.let(f64x2.extractLane(x, lane)))
      const n = i64.shrU(i64.add(quarters[0], 1n << 29n), 30n)
      f.set(t, i64x2.replaceLane(t, lane, n))
      f.set(quarters[0], i64.shrS(i64.shl(quarters[0], 34n), 34n))
      parts.forEach((part, i) => f.set(part, f64x2.replaceLane(part, lane, f64.convertI64S(quarters[i]))))
    })
  }
  const scaled = parts.map((part, i) => s.let(double.mul(part, 2 ** (-30 - 32 * i))))
  let sum = fastSum(s, scaled[limbs - 3], scaled[limbs - 2])
  for (let i = limbs - 4; i >= 0; i--) sum = increase(s, sum, scaled[i])
  const r = mulPair(s, sum, constant(s, Math.PI / 2, 6.123233995736766e-17))
  const sign = s.let(double.signOf(x))
  const negative = i64x2.sub(v128.xor(t, i64x2.shrS(x, 63)), i64x2.shrS(x, 63))
  return { hi: s.let(double.flip(r.hi, sign)), lo: s.let(double.flip(r.lo, sign)), t: s.let(negative) }
}
