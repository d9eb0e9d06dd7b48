import { i64x2, v128 } from '../assembler/index.ts'
import {
  double,
  type Lanes,
  polynomial,
  type Row,
  single,
  type Site,
  small,
  type Vector,
  viaDouble,
  type Writer,
} from './lanes.ts'
import { divPair, fastSum, type Pair, sum } from './pair.ts'
import { reduceHuge } from './reduce.ts'

const { add, sub, mul, div, flip, select } = double

/*
 * Fits as in exp.ts, of the relative error. In float32: sin r = r · (1 + r² · S(r²)) for |r| ≤ π/2, where x = nπ + r, for
 * sin x as for cos x = ± sin(x + π/2); tan x from both functions of |r| ≤ π/4. In float64 always |r| ≤ π/4.
 */

/** sin to π/2, error 2^-35.3. */
const halfSine = [
  1, -0.16666666626026855, 0.008333331104206587, -0.00019840867687930476, 2.752535926945709e-6, -2.388848501506231e-8,
]
/** sin and cos to π/4, errors 2^-37.5 and 2^-33.9. */
const quarterSine = [1, -0.1666666664049534, 0.008333329272350077, -0.0001983930230064164, 2.718029624220609e-6]
const quarterCosine = [1, -0.49999999691424046, 0.04166662002869036, -0.0013886671558240072, 2.4382635178738594e-5]
/** `(sin r / r - 1) / r²` and `(cos r - 1 + r²/2) / r⁴`, errors 2^-57.9 and 2^-63.9. */
const doubleSine = [
  -0.1666666666666663, 0.008333333333321888, -0.0001984126982941903, 2.7557313565122647e-6, -2.5050739228804676e-8,
  1.589574537756323e-10,
]
const doubleCosine = [
  0.041666666666666595, -0.0013888888888873318, 2.48015872889753e-5, -2.7557314206464475e-7, 2.0875703630932696e-9,
  -1.1358643119367197e-11,
]

/** π in parts of 33 bits, so that n · part is exact for n < 2^20, and the rest; the same of π/2. */
const pi = [3.1415926534682512, 1.2154201013012384e-10] as const
const halfPi = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32] as const

/** Up to here π in these parts is enough; beyond, which is seldom, `reduceHuge` has all bits of it. */
const limit = 2 ** 20

const round = 1.5 * 2 ** 52

/** `n = round(x / step)` in the low bits of `t`, and as a number. */
function multiple(s: Site, x: Lanes, factor: number, offset = 0): { t: Lanes; n: Lanes } {
  const scaled = mul(x, factor)
  const t = s.let(add(offset === 0 ? scaled : add(scaled, offset), round))
  return { t, n: s.let(sub(t, round)) }
}

const sineHalf = (s: Site, r: Lanes, t: Lanes): Vector =>
  flip(mul(r, polynomial(s, double, s.let(mul(r, r)), halfSine)), i64x2.shl(t, 63))

const halves: Readonly<Record<'sin' | 'cos' | 'tan', Writer>> = {
  sin(s, x) {
    const { t, n } = multiple(s, x, 1 / Math.PI)
    return sineHalf(s, s.let(sub(sub(x, mul(n, pi[0])), mul(n, pi[1]))), t)
  },
  // With x = (n + 1/2)π - r, cos x = (-1)^n sin r.
  cos(s, x) {
    const { t, n } = multiple(s, x, 1 / Math.PI, -0.5)
    const m = s.let(add(n, 0.5))
    return sineHalf(s, s.let(add(sub(mul(m, pi[0]), x), mul(m, pi[1]))), t)
  },
  tan(s, x) {
    const { t, n } = multiple(s, x, 2 / Math.PI)
    const r = s.let(sub(sub(x, mul(n, halfPi[0])), mul(n, halfPi[1] + halfPi[2])))
    const z = s.let(mul(r, r))
    const sine = s.let(mul(r, polynomial(s, double, z, quarterSine)))
    const cosine = s.let(polynomial(s, double, z, quarterCosine))
    const odd = s.let(i64x2.neg(v128.and(t, i64x2.const(1n))))
    return flip(div(select(odd, cosine, sine), select(odd, sine, cosine)), i64x2.shl(odd, 63))
  },
}

/** x - n · π/2 with the n of `t`. */
function reduce(s: Site, x: Lanes): Pair & { t: Lanes } {
  const { t, n } = multiple(s, x, 2 / Math.PI)
  const first = sum(s, sub(x, mul(n, halfPi[0])), mul(n, -halfPi[1]))
  const second = sum(s, first.hi, mul(n, -halfPi[2]))
  return { ...fastSum(s, second.hi, add(second.lo, sub(first.lo, mul(n, halfPi[3])))), t }
}

/** sin and cos of a pair, |hi| ≤ π/4. */
function sineAndCosine(s: Site, { hi, lo }: Pair): { sine: Pair; cosine: Pair } {
  const z = s.let(mul(hi, hi))
  const half = s.let(mul(z, 0.5))
  const sine = fastSum(s, hi, add(mul(lo, sub(1, half)), mul(mul(hi, z), polynomial(s, double, z, doubleSine))))
  const first = fastSum(s, 1, s.let(double.neg(half)))
  const rest = sub(mul(mul(z, z), polynomial(s, double, z, doubleCosine)), mul(hi, lo))
  return { sine, cosine: fastSum(s, first.hi, add(first.lo, rest)) }
}

type Kind = 'sin' | 'cos' | 'tan'

/** The value from the reduced argument. */
function finish(s: Site, kind: Kind, r: Pair & { t: Lanes }): Vector {
  const { sine, cosine } = sineAndCosine(s, r)
  const t = kind === 'cos' ? s.let(i64x2.add(r.t, i64x2.const(1n))) : r.t
  const odd = s.let(i64x2.neg(v128.and(t, i64x2.const(1n))))
  const choose = (a: Pair, b: Pair): Pair => ({ hi: s.let(select(odd, a.hi, b.hi)), lo: s.let(select(odd, a.lo, b.lo)) })
  const upper = choose(cosine, sine)
  if (kind === 'tan') {
    const { hi, lo } = divPair(s, upper, choose(sine, cosine))
    return flip(add(hi, lo), i64x2.shl(odd, 63))
  }
  return flip(add(upper.hi, upper.lo), i64x2.shl(v128.and(t, i64x2.const(2n)), 62))
}

/** For all x; ±∞ and NaN give NaN. */
const careful =
  (kind: Kind): Writer =>
  (s, x) =>
    add(finish(s, kind, reduceHuge(s, x)), sub(x, x))

function row(kind: Kind): Row {
  const name = `huge ${kind}`
  const usual: Writer = (s, x) => {
    const y = finish(s, kind, reduce(s, x))
    return s.unless(double.lt(double.abs(x), limit), y, () => s.call(name, careful(kind), x))
  }
  return {
    f32x4: (s, x) => {
      const y = viaDouble(halves[kind])(s, x)
      return s.unless(single.lt(single.abs(x), limit), y, () => viaDouble((s, x) => s.call(name, careful(kind), x))(s, x))
    },
    f64x2: kind === 'cos' ? usual : small(double, 2 ** -27, usual),
  }
}

export const sin = row('sin')
export const cos = row('cos')
export const tan = row('tan')
