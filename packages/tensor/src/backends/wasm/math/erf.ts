import { v128 } from '../assembler/index.ts'
import { expDouble, expm1Half, scaled } from './exp.ts'
import { double, type Lanes, polynomial, type Row, single, type Site, type Vector, viaDouble, type Writer } from './lanes.ts'
import { logHalf, logOfSum } from './log.ts'
import { fastSum, increase, type Pair, polynomialPair, product, sqrtPair } from './pair.ts'

const { add, sub, mul, abs, min, lt, flip, select, signOf, sqrt } = double

/*
 * erf x = 1 - e^-W(x) with W = -log(erfc x), in float64 for |x| ≥ 0.875 only, and below x + x · E(x²). The inverse is y · F(w) with
 * w = -log(1 - y²), where F is taken from w up to 6.25 and from √w beyond. Fits as in exp.ts of the relative error.
 */

/** W / x on [0, 4], error 2^-31.2. */
const halfW = [
  1.1283791666268097, 0.6366198348576902, 0.10277127200802968, -0.01911766177216606, -0.00025316099600503094,
  0.0017995152196861111, -0.0007408325261783319, 0.00016755567495277355, -2.1374422453030083e-5, 1.1954230991110056e-6,
]
/** W on [0.875, 6], error 2^-58.0. */
const doubleW = [
  5.097734779242939e-8, 1.1283786220243994, 0.6366224356824317, 0.10276479575425473, -0.01911341365551219, -0.0002283186139325643,
  0.0017101123425831816, -0.000589332474113506, 8.747942265130567e-6, 9.035668729082576e-5, -5.3878279567214486e-5,
  1.9627011317343476e-5, -5.193280567492249e-6, 1.0384642268057555e-6, -1.5677414670903034e-7, 1.7406054743234874e-8,
  -1.3441848328823284e-9, 6.455291691356561e-11, -1.4518673206939447e-12,
]
/** E on [0, 0.875], error 2^-56.4. */
const doubleE = [
  0.1283791670955126, -0.3761263890318409, 0.11283791670970855, -0.026866170648063254, 0.005223977653844787,
  -0.000854832863588174, 0.00012055389934163312, -1.4926928734354154e-5, 1.6480060014320177e-6, -1.6511571991379907e-7,
  1.5317322269492e-8, -1.144455135477608e-9,
]

export const erf: Row = {
  f32x4: (s, x) => {
    const size = s.let(single.pmin(single.abs(x), 4))
    const minus = viaDouble((s, x) => expm1Half(s, double.neg(mul(x, polynomial(s, double, x, halfW)))))(s, size)
    return v128.or(single.abs(minus), single.signOf(x))
  },
  f64x2: (s, x) => {
    const size = s.let(min(abs(x), 6))
    const inner = add(size, mul(size, polynomial(s, double, s.let(mul(size, size)), doubleE)))
    const w = polynomialPair(s, { hi: size, lo: s.let(double.vector(0)) }, doubleW)
    const e = s.let(scaled(s, expDouble(s, s.let(double.neg(w.hi)))))
    const outer = add(sub(1, e), mul(e, w.lo))
    return flip(select(lt(size, 0.875), inner, outer), signOf(x))
  },
}

/** F(w + 3.125) on [-3.125, 3.125], errors 2^-28.0 and 2^-55.5. */
const halfCentre = [
  1.653654567190584, 0.24015816694999567, -0.006033706107299357, -0.0007406673287873445, 0.00018677813275160278,
  -1.3905798317908126e-5, -1.3853301521293589e-6, 4.301924666807784e-7, -2.5027347066976e-8, -5.081995931870073e-9,
  6.727863458785743e-10, 1.7971733243512026e-11,
]
const doubleCentre = [
  1.6536545626831027, 0.24015818242558826, -0.006033670871427699, -0.0007407025341538741, 0.00018673420802411855,
  -1.3882523395994792e-5, -1.3654691842751384e-6, 4.234788193176376e-7, -2.9070382878182026e-8, -4.1126621369509975e-9,
  1.0512184394186028e-9, -5.414232502110064e-11, -1.2976968776389627e-11, 2.630337462725807e-12, -8.11683202694058e-14,
  -3.9986811575324237e-14, 6.594505428361115e-15, -4.320211845981171e-17, -1.3002557914233602e-16, 1.5783803726567583e-17,
  1.1438769991933129e-18, -3.5852947217722317e-19, -9.9985174303675e-22, 3.393141726641743e-21,
]
/** F((u + 3.25)²) on [-0.75, 0.875], error 2^-28.4, and on [-0.75, 0.75], error 2^-55.0. */
const halfTail = [
  3.083885602266777, 1.0052589279146251, 0.0053715411061219, -0.0037501535528387756, 0.002483640085981156, -0.0016951132044336213,
  0.0009882429662985202, -0.00034088712870252564, -4.227294966371546e-5, 6.496961328174498e-5,
]
const doubleTail = [
  3.0838856104922208, 1.0052589676941652, 0.005370914553548946, -0.003751208508226507, 0.0024914420978102386,
  -0.001688275535094792, 0.0009532893509880762, -0.00035503782143594796, 2.4031360289272802e-5, 6.828719001998867e-5,
  -4.731946789581243e-5, 1.246465464530151e-5, 2.927086712657939e-6, -3.984590886236932e-6, 1.4964621830825062e-6,
  -2.954878132474151e-8, -2.693120803134772e-7, 1.3338916628748123e-7, -7.405054053688326e-11, -1.6006425990312595e-8,
]
/** F((u + 5)²) on [-1, 1], error 2^-54.4. */
const doubleFarTail = [
  4.849906401408584, 1.0103004648645455, -0.00013871931836651567, -0.00021503011984437963, 7.599527757810454e-5,
  -1.968177042468059e-5, 4.526058546268056e-6, -9.930312172296845e-7, 2.2901993228562701e-7, -6.755000953838518e-8,
  2.911692534582555e-8, -1.5266662328803068e-8, 7.651279923591955e-9, -3.4591225961907327e-9, 1.4863062128915685e-9,
  -4.443110543869487e-10, -2.18866709295383e-11, 4.4391873630996975e-11,
]

/** Beyond, w > 6.25. */
const centre = 0.999

const rootPiOver2 = Math.sqrt(Math.PI) / 2

/** 1 - y², which loses nothing of 1 - |y|. */
const complement = (y: Lanes): Vector => mul(sub(1, y), add(1, y))

/** ±∞ where |y| = 1, NaN beyond. */
const atEnds = ({ select, eq, lt, abs, div }: typeof double, y: Lanes, inside: Vector): Vector =>
  select(lt(abs(y), 1), inside, select(eq(abs(y), 1), div(y, 0), NaN))

const singleCentre = viaDouble((s, y) => {
  const w = sub(-3.125, logHalf(s, complement(y)))
  return mul(y, polynomial(s, double, s.let(w), halfCentre))
})

const singleTail = viaDouble((s, y) => {
  const u = sub(sqrt(double.neg(logHalf(s, complement(y)))), 3.25)
  return mul(y, polynomial(s, double, s.let(u), halfTail))
})

/** -log(1 - y²) in float64. */
function wDouble(s: Site, y: Lanes): Pair {
  const square = product(s, y, y)
  const minus = { hi: s.let(double.neg(square.hi)), lo: s.let(double.neg(square.lo)) }
  const u = increase(s, minus, 1)
  const { hi, lo } = logOfSum(s, 'f64x2', u.hi, u.lo, minus)
  return fastSum(s, double.neg(hi), double.neg(lo))
}

/** y · F(t) */
function timesF(s: Site, y: Lanes, t: Pair, coefficients: readonly number[]): Lanes {
  const factor = polynomialPair(s, t, coefficients)
  const { hi, lo } = product(s, y, factor.hi)
  return s.let(add(hi, add(lo, mul(y, factor.lo))))
}

const farDouble: Writer = (s, y) => {
  const u = sqrtPair(s, wDouble(s, y))
  const near = timesF(s, y, increase(s, u, -3.25), doubleTail)
  return select(lt(u.hi, 4), near, timesF(s, y, increase(s, u, -5), doubleFarTail))
}

export const erfinv: Row = {
  f32x4: (s, y) =>
    s.unless(single.lt(single.abs(y), centre), singleCentre(s, y), () =>
      atEnds(single, y, s.let(s.call('erfinv tail f32x4', singleTail, y))),
    ),
  f64x2: (s, y) => {
    const middle = timesF(s, y, increase(s, wDouble(s, y), -3.125), doubleCentre)
    const value = select(lt(abs(y), 2 ** -500), mul(y, rootPiOver2), middle)
    return s.unless(lt(abs(y), centre), value, () => atEnds(double, y, s.let(s.call('erfinv tail f64x2', farDouble, y))))
  },
}
