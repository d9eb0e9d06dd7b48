import { type Arg, constantVector, type Expr, expression, instruction, instructions, type Type } from './expression.ts'
import { laneLoads, laneStores, loads, stores } from './memory.ts'

const one = ['v128'] as const
const two = ['v128', 'v128'] as const
const three = ['v128', 'v128', 'v128'] as const
const shift = ['v128', 'i32'] as const

/** Reads lane `lane` of a vector. */
const extract =
  <R extends Type>(opcode: number, result: R) =>
  (vector: Arg<'v128'>, lane: number): Expr<R> =>
    instruction(opcode, [expression('v128', vector)], result, [lane])

/** The vector with lane `lane` replaced. */
const replace =
  <T extends Type>(opcode: number, type: T) =>
  (vector: Arg<'v128'>, lane: number, value: Arg<T>): Expr<'v128'> =>
    instruction(opcode, [expression('v128', vector), expression<Type>(type, value)], 'v128', [lane])

const lanes = new DataView(new ArrayBuffer(16))
const bytesOfLanes = new Uint8Array(lanes.buffer)

/** A constant vector; one number stands for all lanes. */
const vector =
  <N extends number | bigint>(set: (view: DataView, lane: number, value: N) => void, count: number) =>
  (...values: N[]): Expr<'v128'> => {
    for (let lane = 0; lane < count; lane++) set(lanes, lane, values[values.length === 1 ? 0 : lane])
    return constantVector(bytesOfLanes.slice())
  }

/** Picks lanes of `bytes` bytes out of `a` (the first indices) and `b` (the following ones). */
const shuffle =
  (bytes: number) =>
  (a: Arg<'v128'>, b: Arg<'v128'>, ...lanes: number[]): Expr<'v128'> =>
    instruction(0xfd00d, [expression('v128', a), expression('v128', b)], 'v128', bytesOf(lanes, bytes))

/** The bytes of lanes of `width` bytes. */
function bytesOf(lanes: readonly number[], width: number): number[] {
  const bytes: number[] = []
  for (let lane = 0; lane < lanes.length; lane++) for (let i = 0; i < width; i++) bytes.push(lanes[lane] * width + i)
  return bytes
}

export const v128 = {
  ...instructions(one, 'v128', { not: 0xfd04d }),
  ...instructions(two, 'v128', { and: 0xfd04e, andnot: 0xfd04f, or: 0xfd050, xor: 0xfd051 }),
  /** `(a & mask) | (b & ~mask)` for `bitselect(a, b, mask)`. */
  ...instructions(three, 'v128', { bitselect: 0xfd052 }),
  ...instructions(one, 'i32', { anyTrue: 0xfd053 }),
  ...loads('v128', { load: [0xfd000, 4], load32Zero: [0xfd05c, 2], load64Zero: [0xfd05d, 3] }),
  ...loads('v128', { load8Splat: [0xfd007, 0], load16Splat: [0xfd008, 1], load32Splat: [0xfd009, 2], load64Splat: [0xfd00a, 3] }),
  ...loads('v128', { load8x8S: [0xfd001, 3], load8x8U: [0xfd002, 3], load16x4S: [0xfd003, 3], load16x4U: [0xfd004, 3] }),
  ...loads('v128', { load32x2S: [0xfd005, 3], load32x2U: [0xfd006, 3] }),
  ...stores('v128', { store: [0xfd00b, 4] }),
  ...laneLoads({ load8Lane: [0xfd054, 0], load16Lane: [0xfd055, 1], load32Lane: [0xfd056, 2], load64Lane: [0xfd057, 3] }),
  ...laneStores({ store8Lane: [0xfd058, 0], store16Lane: [0xfd059, 1], store32Lane: [0xfd05a, 2], store64Lane: [0xfd05b, 3] }),
}

export const i8x16 = {
  const: vector<number>((view, lane, value) => view.setInt8(lane, value), 16),
  shuffle: shuffle(1),
  ...instructions(['i32'], 'v128', { splat: 0xfd00f }),
  extractLaneS: extract(0xfd015, 'i32'),
  extractLaneU: extract(0xfd016, 'i32'),
  replaceLane: replace(0xfd017, 'i32'),
  ...instructions(two, 'v128', { eq: 0xfd023, ne: 0xfd024, ltS: 0xfd025, ltU: 0xfd026, gtS: 0xfd027, gtU: 0xfd028 }),
  ...instructions(two, 'v128', { leS: 0xfd029, leU: 0xfd02a, geS: 0xfd02b, geU: 0xfd02c }),
  ...instructions(one, 'v128', { abs: 0xfd060, neg: 0xfd061, popcnt: 0xfd062 }),
  ...instructions(one, 'i32', { allTrue: 0xfd063, bitmask: 0xfd064 }),
  ...instructions(shift, 'v128', { shl: 0xfd06b, shrS: 0xfd06c, shrU: 0xfd06d }),
  ...instructions(two, 'v128', { swizzle: 0xfd00e, narrowI16x8S: 0xfd065, narrowI16x8U: 0xfd066 }),
  ...instructions(two, 'v128', { add: 0xfd06e, addSatS: 0xfd06f, addSatU: 0xfd070, sub: 0xfd071, subSatS: 0xfd072 }),
  ...instructions(two, 'v128', { subSatU: 0xfd073, minS: 0xfd076, minU: 0xfd077, maxS: 0xfd078, maxU: 0xfd079, avgrU: 0xfd07b }),
}

export const i16x8 = {
  const: vector<number>((view, lane, value) => view.setInt16(2 * lane, value, true), 8),
  shuffle: shuffle(2),
  ...instructions(['i32'], 'v128', { splat: 0xfd010 }),
  extractLaneS: extract(0xfd018, 'i32'),
  extractLaneU: extract(0xfd019, 'i32'),
  replaceLane: replace(0xfd01a, 'i32'),
  ...instructions(two, 'v128', { eq: 0xfd02d, ne: 0xfd02e, ltS: 0xfd02f, ltU: 0xfd030, gtS: 0xfd031, gtU: 0xfd032 }),
  ...instructions(two, 'v128', { leS: 0xfd033, leU: 0xfd034, geS: 0xfd035, geU: 0xfd036 }),
  ...instructions(one, 'v128', { abs: 0xfd080, neg: 0xfd081, extaddPairwiseI8x16S: 0xfd07c, extaddPairwiseI8x16U: 0xfd07d }),
  ...instructions(one, 'v128', { extendLowI8x16S: 0xfd087, extendHighI8x16S: 0xfd088 }),
  ...instructions(one, 'v128', { extendLowI8x16U: 0xfd089, extendHighI8x16U: 0xfd08a }),
  ...instructions(one, 'i32', { allTrue: 0xfd083, bitmask: 0xfd084 }),
  ...instructions(shift, 'v128', { shl: 0xfd08b, shrS: 0xfd08c, shrU: 0xfd08d }),
  ...instructions(two, 'v128', { narrowI32x4S: 0xfd085, narrowI32x4U: 0xfd086, q15mulrSatS: 0xfd082 }),
  ...instructions(two, 'v128', { add: 0xfd08e, addSatS: 0xfd08f, addSatU: 0xfd090, sub: 0xfd091, subSatS: 0xfd092 }),
  ...instructions(two, 'v128', { subSatU: 0xfd093, mul: 0xfd095, minS: 0xfd096, minU: 0xfd097, maxS: 0xfd098, maxU: 0xfd099 }),
  ...instructions(two, 'v128', { avgrU: 0xfd09b, extmulLowI8x16S: 0xfd09c, extmulHighI8x16S: 0xfd09d }),
  ...instructions(two, 'v128', { extmulLowI8x16U: 0xfd09e, extmulHighI8x16U: 0xfd09f }),
}

export const i32x4 = {
  const: vector<number>((view, lane, value) => view.setInt32(4 * lane, value, true), 4),
  shuffle: shuffle(4),
  ...instructions(['i32'], 'v128', { splat: 0xfd011 }),
  extractLane: extract(0xfd01b, 'i32'),
  replaceLane: replace(0xfd01c, 'i32'),
  ...instructions(two, 'v128', { eq: 0xfd037, ne: 0xfd038, ltS: 0xfd039, ltU: 0xfd03a, gtS: 0xfd03b, gtU: 0xfd03c }),
  ...instructions(two, 'v128', { leS: 0xfd03d, leU: 0xfd03e, geS: 0xfd03f, geU: 0xfd040 }),
  ...instructions(one, 'v128', { abs: 0xfd0a0, neg: 0xfd0a1, extaddPairwiseI16x8S: 0xfd07e, extaddPairwiseI16x8U: 0xfd07f }),
  ...instructions(one, 'v128', { extendLowI16x8S: 0xfd0a7, extendHighI16x8S: 0xfd0a8 }),
  ...instructions(one, 'v128', { extendLowI16x8U: 0xfd0a9, extendHighI16x8U: 0xfd0aa }),
  ...instructions(one, 'v128', { truncSatF32x4S: 0xfd0f8, truncSatF32x4U: 0xfd0f9 }),
  ...instructions(one, 'v128', { truncSatF64x2SZero: 0xfd0fc, truncSatF64x2UZero: 0xfd0fd }),
  ...instructions(one, 'i32', { allTrue: 0xfd0a3, bitmask: 0xfd0a4 }),
  ...instructions(shift, 'v128', { shl: 0xfd0ab, shrS: 0xfd0ac, shrU: 0xfd0ad }),
  ...instructions(two, 'v128', { add: 0xfd0ae, sub: 0xfd0b1, mul: 0xfd0b5, dotI16x8S: 0xfd0ba }),
  ...instructions(two, 'v128', { minS: 0xfd0b6, minU: 0xfd0b7, maxS: 0xfd0b8, maxU: 0xfd0b9 }),
  ...instructions(two, 'v128', { extmulLowI16x8S: 0xfd0bc, extmulHighI16x8S: 0xfd0bd }),
  ...instructions(two, 'v128', { extmulLowI16x8U: 0xfd0be, extmulHighI16x8U: 0xfd0bf }),
}

export const i64x2 = {
  const: vector<bigint>((view, lane, value) => view.setBigInt64(8 * lane, value, true), 2),
  shuffle: shuffle(8),
  ...instructions(['i64'], 'v128', { splat: 0xfd012 }),
  extractLane: extract(0xfd01d, 'i64'),
  replaceLane: replace(0xfd01e, 'i64'),
  ...instructions(two, 'v128', { eq: 0xfd0d6, ne: 0xfd0d7, ltS: 0xfd0d8, gtS: 0xfd0d9, leS: 0xfd0da, geS: 0xfd0db }),
  ...instructions(one, 'v128', { abs: 0xfd0c0, neg: 0xfd0c1, extendLowI32x4S: 0xfd0c7, extendHighI32x4S: 0xfd0c8 }),
  ...instructions(one, 'v128', { extendLowI32x4U: 0xfd0c9, extendHighI32x4U: 0xfd0ca }),
  ...instructions(one, 'i32', { allTrue: 0xfd0c3, bitmask: 0xfd0c4 }),
  ...instructions(shift, 'v128', { shl: 0xfd0cb, shrS: 0xfd0cc, shrU: 0xfd0cd }),
  ...instructions(two, 'v128', { add: 0xfd0ce, sub: 0xfd0d1, mul: 0xfd0d5 }),
  ...instructions(two, 'v128', { extmulLowI32x4S: 0xfd0dc, extmulHighI32x4S: 0xfd0dd }),
  ...instructions(two, 'v128', { extmulLowI32x4U: 0xfd0de, extmulHighI32x4U: 0xfd0df }),
}

export const f32x4 = {
  const: vector<number>((view, lane, value) => view.setFloat32(4 * lane, value, true), 4),
  shuffle: shuffle(4),
  ...instructions(['f32'], 'v128', { splat: 0xfd013 }),
  extractLane: extract(0xfd01f, 'f32'),
  replaceLane: replace(0xfd020, 'f32'),
  ...instructions(two, 'v128', { eq: 0xfd041, ne: 0xfd042, lt: 0xfd043, gt: 0xfd044, le: 0xfd045, ge: 0xfd046 }),
  ...instructions(one, 'v128', { ceil: 0xfd067, floor: 0xfd068, trunc: 0xfd069, nearest: 0xfd06a }),
  ...instructions(one, 'v128', { abs: 0xfd0e0, neg: 0xfd0e1, sqrt: 0xfd0e3, demoteF64x2Zero: 0xfd05e }),
  ...instructions(one, 'v128', { convertI32x4S: 0xfd0fa, convertI32x4U: 0xfd0fb }),
  ...instructions(two, 'v128', { add: 0xfd0e4, sub: 0xfd0e5, mul: 0xfd0e6, div: 0xfd0e7 }),
  /** `min` and `max` propagate NaN; `pmin(a, b)` is `b < a ? b : a`, `pmax(a, b)` is `a < b ? b : a`. */
  ...instructions(two, 'v128', { min: 0xfd0e8, max: 0xfd0e9, pmin: 0xfd0ea, pmax: 0xfd0eb }),
  /** `a · b + c` and `-(a · b) + c`, rounded once or twice as the machine likes. */
  ...instructions(three, 'v128', { relaxedMadd: 0xfd105, relaxedNmadd: 0xfd106 }),
}

export const f64x2 = {
  const: vector<number>((view, lane, value) => view.setFloat64(8 * lane, value, true), 2),
  shuffle: shuffle(8),
  ...instructions(['f64'], 'v128', { splat: 0xfd014 }),
  extractLane: extract(0xfd021, 'f64'),
  replaceLane: replace(0xfd022, 'f64'),
  ...instructions(two, 'v128', { eq: 0xfd047, ne: 0xfd048, lt: 0xfd049, gt: 0xfd04a, le: 0xfd04b, ge: 0xfd04c }),
  ...instructions(one, 'v128', { ceil: 0xfd074, floor: 0xfd075, trunc: 0xfd07a, nearest: 0xfd094 }),
  ...instructions(one, 'v128', { abs: 0xfd0ec, neg: 0xfd0ed, sqrt: 0xfd0ef, promoteLowF32x4: 0xfd05f }),
  ...instructions(one, 'v128', { convertLowI32x4S: 0xfd0fe, convertLowI32x4U: 0xfd0ff }),
  ...instructions(two, 'v128', { add: 0xfd0f0, sub: 0xfd0f1, mul: 0xfd0f2, div: 0xfd0f3 }),
  ...instructions(two, 'v128', { min: 0xfd0f4, max: 0xfd0f5, pmin: 0xfd0f6, pmax: 0xfd0f7 }),
  ...instructions(three, 'v128', { relaxedMadd: 0xfd107, relaxedNmadd: 0xfd108 }),
}
